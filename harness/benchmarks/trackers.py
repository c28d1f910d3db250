"""A run that trackers are told of beside one that is told to nobody, as whole commands."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from harness.benchmarks.measuring import Ratio, Result, head, said
from harness.benchmarks.programs import ROOT, completed
from harness.files.checksums import sha256
from harness.files.progress import bar
from harness.trackers.tracker import TRACKERS, check_trackers
from searchspaces.errors import UsageError


def measure(log: Sequence[str] | None, preset: str, space: str, repeats: int, seed: int) -> Result:
    """Seconds on the wall and of the CPU of both, their ratios, how many more those with trackers
    take, and whether the scores are the same file.

    A repeat runs one after the other, every second repeat the other way round; before, each runs
    once in small. Raises :class:`UsageError` for trackers that are not there, and for a run that
    fails.
    """
    names = list(log or TRACKERS)
    check_trackers(names)
    logs = [argument for name in names for argument in ("--log", name)]
    ways = {"plain": [], "told": logs}
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    digests = set()
    with TemporaryDirectory() as folder, bar(2 * repeats + 2, "bench", "run") as progress:
        for way, more in ways.items():
            _run(Path(folder) / f"small-{way}", ["--preset", "smoke", *more])
            progress.update()
        for repeat in range(repeats):
            for way in sorted(ways, reverse=repeat % 2 == 1):
                runs = Path(folder) / f"{way}-{repeat}"
                given = ["--preset", preset, "--space", space, "--seed", str(seed), *ways[way]]
                spent[way].append(_run(runs, given))
                digests |= {sha256(path) for path in runs.glob("*/scores.parquet")}
                progress.update()
    seconds = {way: np.mean(spent[way], axis=0).tolist() for way in ways}
    ratios = {
        kind: Ratio.of(
            [own[place] for own in spent["told"]], [own[place] for own in spent["plain"]]
        )
        for place, kind in enumerate(("wall", "cpu"))
    }
    return head("trackers", trackers=names, preset=preset, space=space, repeats=repeats) | {
        "seconds": {way: dict(zip(("wall", "cpu"), seconds[way], strict=True)) for way in ways},
        "more": {
            kind: seconds["told"][place] - seconds["plain"][place]
            for place, kind in enumerate(ratios)
        },
        "ratio": {kind: ratio.to_dict() for kind, ratio in ratios.items()},
        "same_scores": len(digests) == 1,
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    plain, told = (result["seconds"][way] for way in ("plain", "told"))
    more = result["more"]
    slower = f": a run of {50 * more['wall']:.0f} s is 2 % slower" if more["wall"] > 0 else ""
    same = "the same file" if result["same_scores"] else "NOT THE SAME"
    return "\n".join(
        [
            f"spos on {result['space']}, preset {result['preset']}, {result['device']}; "
            f"repeats: {result['repeats']}",
            f"told to nobody   {plain['wall']:8.1f} s, {plain['cpu']:.1f} s of the CPU",
            f"with trackers    {told['wall']:8.1f} s, {told['cpu']:.1f} s of the CPU: "
            f"{', '.join(result['trackers'])}",
            f"more             {more['wall']:8.1f} s, {more['cpu']:.1f} s of the CPU{slower}",
            f"ratio            {said(result['ratio']['wall'])}",
            f"of CPU seconds   {said(result['ratio']['cpu'])}",
            f"scores           {same}",
        ]
    )


def _run(runs: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds on the wall and of the CPU of a run of SPOS, with the processes that it waits for."""
    given = ["run", "--method", "spos", "--runs", str(runs), *arguments]
    name = " ".join(["nas-harness", *given])
    aside = os.environ | {"PYTHONPATH": str(ROOT), "WANDB_MODE": "offline"}
    before, began = os.times(), time.perf_counter()
    done = completed(name, ["-m", "harness", *given], cwd=runs.parent, env=aside)
    taken, after = time.perf_counter() - began, os.times()
    if left := [line for line in done.stderr.splitlines() if "--log" in line]:
        raise UsageError(f"`{name}` is no measurement: {left[0]}")
    cpu = after.children_user + after.children_system
    return taken, cpu - before.children_user - before.children_system
