"""Latencies that a test plants: a clock that only networks move, and files that predict them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from planted import PlantedData, PlantedSpace

from harness.latency.measuring import Measuring, measure
from harness.latency.table import LatencyTable
from harness.tasks import IMAGES
from searchspaces.base import Arch, SearchSpace
from searchspaces.nb201.cell import live_edges
from searchspaces.registry import SPACES

IMAGE = PlantedData.image
CONSTANT = 2.0  # ms
TERMS = ((0.0, 1.01, 3.07), (0.53, 0.0, 4.19), (0.0, 0.257, 0.491), (6.03, 2.11, 0.0))
TICK = 2.0**-30  # seconds that pass whenever somebody looks at the clock


def planted_ms(arch: Sequence[int]) -> float:
    return CONSTANT + sum(terms[gene] for terms, gene in zip(TERMS, arch, strict=True))


class FakeClock:
    """Seconds; ``make`` gives calls that move it by what their networks take.

    These are ``ms(arch)``, times ``noise(rng)`` in each call. After ``dies`` networks it raises
    KeyboardInterrupt.
    """

    def __init__(self, ms: Callable[[Arch], float] = planted_ms, dies: int = -1) -> None:
        self.ms, self.dies, self.now, self.made, self.calls = ms, dies, 0.0, 0, 0
        self.rng = np.random.default_rng(5)
        self.noise: Callable[[np.random.Generator], float] = lambda rng: 1.0

    def __call__(self) -> float:
        self.now += TICK
        return self.now

    def make(self, space: SearchSpace, arch: Arch, *_: Any) -> Callable[[], None]:
        if self.made == self.dies:
            raise KeyboardInterrupt
        self.made += 1

        def call() -> None:
            self.calls += 1
            self.now += self.ms(arch) / 1000 * self.noise(self.rng)

        return call


def running_convolutions(arch: Arch) -> int:
    return sum(arch[edge] in (2, 3) for edge in live_edges(arch, from_input=False))


def nb201_file(path: Path) -> LatencyTable:
    """Of NAS-Bench-201 on digits: a millisecond, and a half for each convolution that runs."""
    clock = FakeClock(lambda arch: 1.0 + 0.5 * running_convolutions(arch))
    space, how = SPACES["nb201"]("compact"), Measuring("digits", warm_up=1, repeats=2, rounds=1)
    return measure(space, IMAGES["digits"], how, path, "cpu", make=clock.make, clock=clock)


def measured(path: Path, clock: FakeClock, again: bool = False, **how: Any) -> LatencyTable:
    """The planted space, measured by ``clock`` with few repeats."""
    usual = {"task": "planted", "warm_up": 1, "repeats": 4} | how
    return measure(
        *(PlantedSpace(), IMAGE, Measuring(**usual), path, "cpu"),
        again=again,
        make=clock.make,
        clock=clock,
    )
