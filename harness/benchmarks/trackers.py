"""A run that trackers are told of beside one that is told to nobody, as whole commands."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from harness.benchmarks.measuring import Ratio, Result, head, mean_interval, said
from harness.benchmarks.programs import ROOT, completed
from harness.files.checksums import sha256
from harness.files.progress import bar
from harness.trackers.tracker import TRACKERS, check_trackers
from searchspaces.errors import UsageError

WAYS = ("plain", "told")
KINDS = ("wall", "cpu")


def measure(
    log: Sequence[str] | None, preset: str, space: str, steps: int, repeats: int, seed: int
) -> Result:
    """Seconds on the wall and of the CPU of both, their ratios, how many more those with trackers
    take, and whether the scores are the same file.

    A repeat runs one after the other, every second repeat the other way round; before, each runs
    once in small. ``steps`` of training, 0 for those of the preset. Raises :class:`UsageError` for
    trackers that are not there, and for a run that fails.
    """
    names = list(log or TRACKERS)
    check_trackers(names)
    more = {"plain": [], "told": [argument for name in names for argument in ("--log", name)]}
    length = ["--train.steps", str(steps)] if steps else []
    given = ["--preset", preset, "--space", space, "--seed", str(seed), *length]
    spent, digests = np.zeros((len(WAYS), len(KINDS), repeats)), set()
    with TemporaryDirectory() as folder, bar(2 * repeats + 2, "bench", "run") as progress:
        for way in WAYS:
            _run(Path(folder) / f"small-{way}", ["--preset", "smoke", *more[way]])
            progress.update()
        for repeat in range(repeats):
            for place in (1, 0) if repeat % 2 else (0, 1):
                runs = Path(folder) / f"{WAYS[place]}-{repeat}"
                spent[place, :, repeat] = _run(runs, [*given, *more[WAYS[place]]])
                digests |= {sha256(path) for path in runs.glob("*/scores.parquet")}
                progress.update()
    plain, told = spent
    return head(
        "trackers", trackers=names, preset=preset, space=space, steps=steps, repeats=repeats
    ) | {
        "seconds": {
            way: dict(zip(KINDS, mean.tolist(), strict=True))
            for way, mean in zip(WAYS, spent.mean(axis=2), strict=True)
        },
        "more": {
            kind: {"mean": float(added.mean()), "interval": mean_interval(added.tolist())}
            for kind, added in zip(KINDS, told - plain, strict=True)
        },
        "ratio": {
            kind: Ratio.of(told[place].tolist(), plain[place].tolist()).to_dict()
            for place, kind in enumerate(KINDS)
        },
        "same_scores": len(digests) == 1,
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    plain, told = (result["seconds"][way] for way in WAYS)
    steps = f", {result['steps']:,} steps" if result["steps"] else ""
    wall, cpu = (_added(result["more"][kind]) for kind in KINDS)
    high = result["more"]["wall"]["interval"][1]
    long = f": at most 2 % of a run of {50 * high:.0f} s or more" if high > 0 else ""
    same = "the same file" if result["same_scores"] else "NOT THE SAME"
    return "\n".join(
        [
            f"spos on {result['space']}, preset {result['preset']}{steps}, {result['device']}; "
            f"repeats: {result['repeats']}",
            f"told to nobody   {plain['wall']:8.1f} s, {plain['cpu']:.1f} s of the CPU",
            f"with trackers    {told['wall']:8.1f} s, {told['cpu']:.1f} s of the CPU: "
            f"{', '.join(result['trackers'])}",
            f"more             {wall}{long}",
            f"more of the CPU  {cpu}",
            f"ratio            {said(result['ratio']['wall'], 3)}",
            f"of CPU seconds   {said(result['ratio']['cpu'], 3)}",
            f"scores           {same}",
        ]
    )


def _added(more: Result) -> str:
    low, high = more["interval"]
    return f"{more['mean']:8.1f} s, 95 % interval {low:.1f} to {high:.1f}"


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
