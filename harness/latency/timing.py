"""How calls are timed on a machine that may be busy, and how busy it was.

Times are on the wall, which is what a latency is. A reference, the same product of matrices between
all networks, tells the machine's own changes from theirs; every network has its turn in several
rounds, so that its latency has a second measurement to be held against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from harness.metrics.metrics import kendall_tau
from searchspaces.base import Arch, ImageSpec, SearchSpace

Call = Callable[[], Any]
Clock = Callable[[], float]
Wait = Callable[[], None]

QUANTILES = (0.1, 0.5, 0.9)
SIDE, CALLS = 256, 5  # of the reference: its matrices, and how often it is called each time
NOISY = 0.1  # from which share on the machine is called noisy
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Quantiles(NamedTuple):
    """The tenth, the half and the ninetieth hundredth of the times of a call, in ms."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, ms: Sequence[float] | np.ndarray) -> Quantiles:
        return cls(*np.quantile(ms, QUANTILES).tolist())

    @property
    def spread(self) -> float:
        """From the lowest to the highest, as a share of the median."""
        return (self.high - self.low) / self.median


def timed(call: Call, wait: Wait, warm_up: int, repeats: int, clock: Clock) -> np.ndarray:
    """Milliseconds ``[repeats]`` of a call, after ``warm_up`` that are not counted.

    ``wait`` returns once the device has done what it was given.
    """
    for _ in range(warm_up):
        call()
    wait()
    ms = np.empty(repeats)
    for repeat in range(repeats):
        began = clock()
        call()
        wait()
        ms[repeat] = 1000 * (clock() - began)
    return ms


def waiting(device: torch.device) -> Wait:
    """What waits for ``device``; a CPU has done what it was given."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def reference(device: torch.device) -> Call:
    """A product of float32 matrices that is always the same."""
    matrix = torch.full((SIDE, SIDE), 0.5, device=device)
    return lambda: matrix @ matrix


def network_call(
    space: SearchSpace, arch: Arch, image: ImageSpec, batch: int, dtype: str, device: torch.device
) -> Call:
    """A pass of ``batch`` images through the stand-alone network of ``arch``, as it predicts."""
    kind = DTYPES[dtype]
    network = space.standalone(arch, image).to(device, kind).eval()
    shape = batch, image.channels, image.size, image.size
    images = torch.full(shape, 0.5, device=device, dtype=kind)

    def call() -> Any:
        with torch.inference_mode():
            return network(images)

    return call


def noise(
    rounds: np.ndarray, spreads: np.ndarray, references: np.ndarray
) -> dict[str, float | bool | None]:
    """How steady the machine was, in shares: of medians ``rounds`` ``[rounds, networks]`` in ms.

    ``repeats``: the median of ``spreads``, of the repeats of each network. ``reference``: the spread
    of ``references``, all in ms. ``rounds``: root mean square of how far the first two rounds of
    a network are from their mean, in shares of it; ``rounds_tau`` their τ, which is what a
    second measurement reaches; both are None of a single round. ``noisy``: whether one of the shares reaches
    :data:`NOISY`.
    """
    of_repeats, of_reference = float(np.median(spreads)), Quantiles.of(references).spread
    apart, tau = None, None
    if len(rounds) > 1:
        first, second = rounds[:2]
        apart = math.sqrt(np.mean(((first - second) / (first + second)) ** 2))
        tau = kendall_tau(first, second)
    return {
        "repeats": of_repeats,
        "reference": of_reference,
        "rounds": apart,
        "rounds_tau": tau,
        "noisy": max(of_repeats, of_reference, apart or 0.0) >= NOISY,
    }
