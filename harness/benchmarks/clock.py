"""CPU seconds of one thread: the machine may be shared, and then time on the wall says little."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from harness.files.progress import bar


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes on one thread inside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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
