"""Protocols: on which of the scored architectures published rankings are measured, by name.

A correlation depends on what it is measured on as much as on the scores; numbers are comparable
only where this was the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.config.options import PROTOCOLS
from harness.metrics.metrics import top_count
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

STRATA = 400  # of SUMNAS and DYNAS


@dataclass(frozen=True)
class Protocol:
    """A ``name``, its numbers (share, intervals, how many), and the choice among the scored ones.

    ``choose`` is called with their architectures and truths ``[n]``, both in the table's order,
    the space (or None) and a seed, and gives a mask ``[n]``.
    """

    name: str
    numbers: dict[str, float]
    choose: Callable[[Sequence[str], np.ndarray, SearchSpace | None, int], np.ndarray]


def protocol(name: str) -> Protocol:
    """The protocol called ``name``; raises :class:`UsageError` for one that there is not."""
    if name in ("all", "unique"):
        return Protocol(name, {}, lambda archs, truth, space, seed: np.ones(len(truth), bool))
    if name == "no-none":
        return Protocol(name, {}, _without_none)
    if name == "stratified":
        return Protocol(name, {"intervals": STRATA}, _stratified)
    if (found := re.fullmatch(r"top([1-9]\d?)", name)) is not None:
        share = int(found[1]) / 100
        return Protocol(name, {"share": share}, lambda _, truth, *__: best(truth, share))
    if (found := re.fullmatch(r"random-(\d{1,9})", name)) is not None and int(found[1]) > 1:
        number = int(found[1])
        return Protocol(name, {"architectures": number}, _drawn(number))
    raise UsageError(f"unknown protocol '{name}'; there are {PROTOCOLS}.")


def best(truth: np.ndarray, share: float) -> np.ndarray:
    """Mask ``[n]`` of the best ``share`` by ``truth``, all that equal the last of them included."""
    k = top_count(len(truth), share)
    return truth >= np.partition(truth, -k)[-k]


def _without_none(
    archs: Sequence[str], truth: np.ndarray, space: SearchSpace | None, seed: int
) -> np.ndarray:
    sites = [] if space is None else [site.operators for site in space.sites]
    if space is None or not any("none" in operators for operators in sites):
        name = "this truth" if space is None else space.name
        raise UsageError(
            f"the protocol no-none is of cells with the operator none; {name} has none."
        )

    def has_none(arch: Any) -> bool:
        return any(ops[chosen] == "none" for ops, chosen in zip(sites, arch, strict=True))

    return np.array([not has_none(space.decode(arch)) for arch in archs])


def _stratified(archs: Sequence[str], truth: np.ndarray, *_: Any) -> np.ndarray:
    """The best of each of equally wide intervals from the lowest truth to the highest.

    Of equals the one that comes first in the table; empty intervals give none.
    """
    width = (truth.max() - truth.min()) / STRATA
    stratum = np.zeros(len(truth), int)
    if width:
        stratum = np.minimum((truth - truth.min()) // width, STRATA - 1).astype(int)
    order = np.lexsort((np.arange(len(truth)), -truth, stratum))
    first = np.unique(stratum[order], return_index=True)[1]
    return np.isin(np.arange(len(truth)), order[first])


def _drawn(
    number: int,
) -> Callable[[Sequence[str], np.ndarray, SearchSpace | None, int], np.ndarray]:
    def choose(archs: Sequence[str], truth: np.ndarray, space: Any, seed: int) -> np.ndarray:
        if number > len(archs):
            raise UsageError(
                f"random-{number} needs {number:,} scores, and there are {len(archs):,}."
            )
        drawn = np.random.default_rng(seed).choice(len(archs), number, replace=False)
        return np.isin(np.arange(len(archs)), drawn)

    return choose
