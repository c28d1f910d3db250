"""``nas-harness bench tables``: opening and using ground truth, and the command line's help."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from scipy import stats

from harness.benchmarks.measuring import Ratio, Result, in_turns, said, seconds
from harness.benchmarks.table_files import (
    ROWS,
    command_line_help,
    evaluate_command,
    opened,
    synthetic,
    table_of,
)
from harness.environment import describe_device
from harness.metrics.evaluate import evaluate
from harness.metrics.intervals import measure as interval
from harness.metrics.metrics import kendall_tau
from harness.tabular.locate import find_table
from harness.tabular.table import Table

LOOK_UPS = 1_000_000
RESAMPLES = 1000
SAMPLED = 25  # of the literal resamples that are timed
FRACTION = 0.5  # of the space; a complete table has no sampling error


def measure(data: str, repeats: int, seed: int, quick: bool) -> Result:
    """Each figure ``repeats`` times; ``quick`` is for tests: small made-up tables."""
    rng = np.random.default_rng(seed)
    rows = {space: 300 if quick else number for space, number in ROWS.items()}
    folds = 20 if quick else RESAMPLES
    tables = {
        space: (synthetic(space, number, rng), "synthetic")
        if quick
        else table_of(space, Path(data) if data else None, rng)
        for space, number in rows.items()
    }
    truths = {space: table.truth("test") for space, (table, _) in tables.items()}
    scores = {
        name: truth + rng.normal(0, truth.std(), len(truth)) for name, truth in truths.items()
    }
    return {
        "benchmark": "tables",
        "repeats": repeats,
        "seed": seed,
        "device": describe_device(torch.device("cpu")),
        "open": [
            {"space": name, "origin": origin, "rows": len(table), **_open(table, repeats)}
            for name, (table, origin) in tables.items()
        ],
        "look_ups_per_s": _look_ups(tables["nb201"][0], rng, repeats),
        "help": _processes(command_line_help, repeats),
        "tau": _tau(scores["nb101"], truths["nb101"], repeats),
        "intervals": _intervals(scores["nb201"], truths["nb201"], folds, repeats),
        "evaluation": [_evaluation(scores[name], truths[name], repeats) for name in ROWS],
        "command": [_command(name, rng, repeats) for name in ROWS if not quick or name == "nb201"],
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    lines = [f"{result['device']}; repeats: {result['repeats']}; from the fastest to the slowest"]
    for table in result["open"]:
        lines.append(
            f"open {table['space']}, {table['rows']:,} rows, {table['origin']}, "
            f"{table['file_mb']:.1f} MB on disk: {_ms(table['wall'])} on the wall, "
            f"{_ms(table['cpu'])} of CPU; {table['mb']['mean']:.0f} MB stay, "
            f"{table['peak_mb']['mean']:.0f} MB at the peak"
        )
    rate = result["look_ups_per_s"]
    lines.append(f"look-ups: {rate['low'] / 1e6:.2f} to {rate['high'] / 1e6:.2f} million a second")
    lines.append(f"--help: {_ms(result['help']['wall'])} on the wall, {_ms(result['help']['cpu'])}"
                 " of CPU")  # fmt: skip
    tau, intervals = result["tau"], result["intervals"]
    lines.append(
        f"tau of {tau['pairs']:,} pairs: {_ms(tau['seconds'])}; scipy.stats.kendalltau: "
        f"{_ms(tau['scipy'])}; ratio {said(tau['ratio']).strip()}; difference {tau['difference']:g}"
    )
    lines.append(
        f"intervals at n = {intervals['n']:,}: tau by the jackknife {_ms(intervals['tau'])}; rho's "
        f"{_ms(intervals['rho'])}; tau by {intervals['folds']:,} resamples with scipy "
        f"(extrapolated) {_ms(intervals['literal_tau'])}, "
        f"ratio {said(intervals['ratio']).strip()}"
    )
    lines.append(
        f"weighted tau's by the jackknife {_ms(intervals['weighted_tau'])}; by so many resamples with "
        f"scipy (extrapolated) {_ms(intervals['literal_weighted_tau'])}, "
        f"ratio {said(intervals['weighted_ratio']).strip()}"
    )
    for found in result["evaluation"]:
        lines.append(
            f"all metrics of {found['n']:,} architectures with their intervals: "
            f"{_ms(found['seconds'])}"
        )
    for found in result["command"]:
        lines.append(
            f"nas-harness evaluate of {found['n']:,} scores of {found['space']}: "
            f"{_ms(found['cpu'])} of CPU, {_ms(found['wall'])} on the wall"
        )
    return "\n".join(lines)


def _ms(spread: dict[str, float]) -> str:
    return f"{1e3 * spread['low']:,.1f} to {1e3 * spread['high']:,.1f} ms"


def spread(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "low": min(values), "high": max(values)}


def _open(table: Table, repeats: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        table.save(path)
        size = path.stat().st_size / 1e6
        found = [opened(path) for _ in range(repeats)]
    return {"file_mb": size, **{key: spread([each[key] for each in found]) for key in found[0]}}


def _look_ups(table: Table, rng: np.random.Generator, repeats: int) -> dict[str, float]:
    """Rows of encoded architectures in random order, found in a second of CPU time."""
    archs = [table.archs[row] for row in rng.integers(len(table), size=LOOK_UPS)]
    table.index(archs[:1])
    return spread([LOOK_UPS / seconds(lambda: table.index(archs))[0] for _ in range(repeats)])


def _command(space: str, rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    """The command ``evaluate`` on random scores for the whole table that comes with the package."""
    table = find_table(space, "benchmark", "cifar10")
    scores = dict(zip(table.archs, rng.normal(size=len(table)).tolist(), strict=True))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scores.json"
        path.write_text(json.dumps(scores))
        found = _processes(lambda: evaluate_command(path, space), repeats)
    return {"space": space, "n": len(table), **found}


def _processes(call: Callable[[], None], repeats: int) -> dict[str, dict[str, float]]:
    """Seconds of the process that ``call`` runs, on the wall and of CPU."""
    found = []
    for _ in range(repeats):
        before, began = _children(), time.perf_counter()
        call()
        found.append((time.perf_counter() - began, _children() - before))
    wall, cpu = zip(*found, strict=True)
    return {"wall": spread(list(wall)), "cpu": spread(list(cpu))}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tau(score: np.ndarray, truth: np.ndarray, repeats: int) -> dict[str, Any]:
    ways: list[Callable[[], float]] = [
        lambda: kendall_tau(score, truth),
        lambda: float(stats.kendalltau(score, truth).statistic),
    ]
    taken, values = in_turns(ways, (1, 1), repeats)
    return {
        "pairs": len(score),
        "seconds": spread(taken[0].tolist()),
        "scipy": spread(taken[1].tolist()),
        "ratio": Ratio.of(taken[1].tolist(), taken[0].tolist()).to_dict(),
        "value": values[0],
        "difference": abs(values[0] - values[1]),
    }


def _evaluation(score: np.ndarray, truth: np.ndarray, repeats: int) -> dict[str, Any]:
    """All metrics on all architectures and on the best, of half of a space."""
    taken, _ = in_turns([lambda: evaluate(score, truth, fraction=FRACTION)], (1,), repeats)
    return {"n": len(score), "seconds": spread(taken[0].tolist())}


def _intervals(
    score: np.ndarray, truth: np.ndarray, folds: int, repeats: int
) -> dict[str, dict[str, Any]]:
    """Of correlations without resamples, beside resampling τ and weighted τ literally."""
    rng, sampled = np.random.default_rng(0), min(SAMPLED, folds)

    def own(name: str) -> Callable[[], Any]:
        return lambda: interval(name, score, truth, fraction=FRACTION)

    def literal(correlation: Callable[..., Any]) -> Callable[[], float]:
        def resampled() -> float:
            drawn = [rng.integers(len(score), size=len(score)) for _ in range(sampled)]
            return float(np.std([correlation(score[i], truth[i]).statistic for i in drawn]))

        return resampled

    ways = [own(name) for name in ("kendall_tau", "weighted_tau", "spearman")]
    ways += [literal(correlation) for correlation in (stats.kendalltau, stats.weightedtau)]
    taken, _ = in_turns(ways, (1,) * len(ways), repeats)
    taken[3:] *= folds / sampled
    tau, weighted, rho, literal_tau, literal_weighted = taken.tolist()
    return {
        "n": len(score),
        "folds": folds,
        "tau": spread(tau),
        "weighted_tau": spread(weighted),
        "rho": spread(rho),
        "literal_tau": spread(literal_tau),
        "literal_weighted_tau": spread(literal_weighted),
        "ratio": Ratio.of(literal_tau, tau).to_dict(),
        "weighted_ratio": Ratio.of(literal_weighted, weighted).to_dict(),
    }
