"""The floors: τ of rankings that need no method. A method has to beat them to be of any use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from harness.files.counts import counted
from harness.metrics.intervals import LEAST, Interval, measure
from harness.tabular.proxies import find_proxies
from harness.tabular.table import Table
from methods.registry import METHODS, SCORERS
from searchspaces.registry import file_of, short

Scores = Mapping[str, np.ndarray | None]
RANDOM = "random"
LABELS = {"params": "parameters", "flops": "FLOPs", RANDOM: "random"}
_SHORT = re.compile(r"val\.(\d+)\.mean")


def floor_label(name: str) -> str:
    """What people call a floor: ``FLOPs`` for ``flops``, ``12 epochs`` for ``epochs-12``."""
    kind, _, of = name.partition("-")
    if kind == "proxy":
        return f"best proxy ({of})"
    return counted(int(of), "epochs") if kind == "epochs" else LABELS.get(name, name)


def is_itself(floor: str, method: str) -> bool:
    """Whether the ``floor`` of this name is what the scorer ``method`` ranks by.

    A scorer in a file of the user's that is named like one of the harness's is none of these.
    """
    own = short(method)
    if file_of(method) and own in {*METHODS, *SCORERS}:
        return False
    return floor in (own, f"proxy-{own}")


def floor_scores(table: Table, rows: np.ndarray) -> Scores:
    """What ranks the architectures at ``rows`` of ``table`` without a method, by name: ``[n]``.

    Sizes, None where the table has none, and as ``epochs-N`` validation accuracies after fewer
    epochs than the truth's, where it has those of all ``rows``; as ``proxy-NAME`` the best proxy
    (:mod:`harness.tabular.proxies`) that is known for the table. More counts as better.
    """
    found: dict[str, np.ndarray | None] = {"params": table.params, "flops": table.madds}
    lengths = [int(known[1]) for name in table.accuracies if (known := _SHORT.fullmatch(name))]
    for epochs in sorted(length for length in lengths if length < table.meta.epochs):
        short = table.accuracy("val", epochs)
        if np.isfinite(short[rows]).all():
            found[f"epochs-{epochs}"] = short
    scores = {name: None if own is None else own[rows].astype(float) for name, own in found.items()}
    proxies = find_proxies(table.meta.name)
    if proxies and (best := proxies.best_of([table.archs[row] for row in rows])) is not None:
        scores[f"proxy-{proxies.best}"] = best
    return scores


def alike(score: np.ndarray, floors: Scores) -> list[str]:
    """The names of those that put architectures in the very order of ``score`` ``[n]``."""
    order = rankdata(score)
    return [
        name
        for name, own in floors.items()
        if own is not None and np.array_equal(rankdata(own), order)
    ]


def best_floor(found: Mapping[str, Interval]) -> str | None:
    """The name of the highest of ``found``; None where none is known."""
    known = {name: floor["value"] for name, floor in found.items() if floor["value"] is not None}
    return max(known, key=lambda name: known[name]) if known else None


def floors(
    truth: np.ndarray,
    scores: Scores,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
) -> dict[str, Interval]:
    """τ against ``truth`` ``[n]`` of each of ``scores`` (:func:`floor_scores`) and by ``random``.

    Null where these are unknown. Of a random order the expectation is 0, and the interval holds
    95 % of all orders; below :data:`LEAST` architectures it has none either. ``fraction`` and
    ``truth_sd`` ``[n]`` as in :func:`harness.metrics.intervals.measure`.
    """
    found = {}
    for name, own in scores.items():
        if own is None:
            found[name] = Interval(value=None, low=None, high=None, n=len(truth))
        else:
            found[name] = measure("kendall_tau", own, truth, fraction=fraction, truth_sd=truth_sd)
    found[RANDOM] = _random_order(truth)
    return found


def _random_order(truth: np.ndarray) -> Interval:
    """Expectation and central 95 % of τ-b of an untied random score.

    The variance of concordant minus discordant pairs is that of Kendall (1945) for ties in one of
    the rankings; divided by the square of τ-b's denominator.
    """
    n, ties = len(truth), np.unique(truth, return_counts=True)[1].astype(float)
    pairs = n * (n - 1) / 2
    untied = pairs - (ties * (ties - 1) / 2).sum()
    if not untied:
        return Interval(value=None, low=None, high=None, n=n)
    if n < LEAST:
        return Interval(value=0.0, low=None, high=None, n=n)
    variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    half = min(1.96 * math.sqrt(variance / (pairs * untied)), 1.0)
    return Interval(value=0.0, low=-half, high=half, n=n)
