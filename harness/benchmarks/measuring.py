"""How benchmarks measure: CPU seconds of one thread, ratios of repeats, tensors held, host waits.

The machine may be shared, and then time on the wall says little.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.environment import describe_device
from harness.files.progress import bar
from harness.metrics.intervals import student
from harness.running.watching import one_thread

Result = dict[str, Any]

# They hand a value of a tensor, or a size that depends on one, to the host.
WAITING = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "_unique2")


def head(benchmark: str, **given: Any) -> Result:
    """The name, what was ``given``, and what it was measured on."""
    device = describe_device(torch.device("cpu"))
    return {"benchmark": benchmark, **given, "device": device, "torch": torch.__version__}


def seconds(function: Callable[[], Any], calls: int = 1) -> tuple[float, Any]:
    """CPU seconds of one of ``calls`` calls, and what the last returned."""
    began = time.process_time()
    for _ in range(calls):
        result = function()
    return (time.process_time() - began) / calls, result


def in_turns(
    ways: Sequence[Callable[[], Any]], calls: Sequence[int], repeats: int
) -> tuple[np.ndarray, list[Any]]:
    """CPU seconds of a call ``[ways, repeats]`` and the last result of each way.

    Each way is called once before any is timed. A repeat calls one way after the other, so many
    times each, every second repeat the other way round.
    """
    taken, results = np.zeros((len(ways), repeats)), [None] * len(ways)
    with one_thread(), bar(repeats, "bench", "repeat") as progress:
        for way in ways:
            way()
        for repeat in range(repeats):
            for way in range(len(ways))[:: -1 if repeat % 2 else 1]:
                taken[way, repeat], results[way] = seconds(ways[way], calls[way])
            progress.update()
    return taken, results


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Of the mean of repeats, 95 %, by Student's t; None of one repeat."""
    if len(values) < 2:
        return None
    half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half


@dataclass(frozen=True)
class Ratio:
    """Mean, its standard deviation and 95 % interval (None of one repeat), smallest and largest."""

    mean: float
    sd: float | None
    interval: tuple[float, float] | None
    low: float
    high: float

    @classmethod
    def of(cls, slow: Sequence[float], fast: Sequence[float]) -> Ratio:
        """Of the seconds of the repeats, each of which measured both ways on the same work."""
        ratios = [s / f for s, f in zip(slow, fast, strict=True)]
        spread = stdev(ratios) if len(ratios) > 1 else None
        return cls(mean(ratios), spread, mean_interval(ratios), min(ratios), max(ratios))

    def to_dict(self) -> Result:
        return asdict(self)


def said(ratio: Result, digits: int = 2) -> str:
    """A :class:`Ratio` on a terminal."""
    spread = ""
    if ratio["interval"] is not None:
        low, high = (f"{end:.{digits}f}" for end in ratio["interval"])
        spread = f" ± {ratio['sd']:.{digits}f}, 95 % interval {low} to {high}"
    least, most = (f"{ratio[name]:.{digits}f}" for name in ("low", "high"))
    return f"{ratio['mean']:8.{digits}f}{spread}, from {least} to {most}"


def most_held(function: Callable[[], Any]) -> int:
    """Bytes of everything that operations inside ``function`` made and that was still in use."""
    with _Watch() as watch:
        function()
    return watch.most


class _Watch(TorchDispatchMode):
    """Counts storages that operations bring into being, until nothing refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self.most, self.live = 0, {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = {_storage(x).cdata for x in tree_leaves((args, kwargs)) if _counts(x)}
        result = func(*args, **(kwargs or {}))
        for tensor in filter(_counts, tree_leaves(result)):
            storage = _storage(tensor)
            if storage.cdata not in given:
                self.live[storage.cdata] = storage, tensor.untyped_storage().nbytes()
        self.live = {key: kept for key, kept in self.live.items() if not kept[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.live.values()))
        return result


def _counts(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _storage(tensor: torch.Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())


def waits(function: Callable[[], Any]) -> dict[str, int]:
    """How often ``function`` runs each operation after which the host waits for a device."""
    with _Count() as count:
        function()
    return dict(count.found)


class _Count(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name in WAITING:
            self.found[name] += 1
        return func(*args, **(kwargs or {}))
