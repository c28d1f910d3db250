"""Score architectures with a trained method, in parallel, streaming every score to disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.files.progress import bar
from harness.files.store import append_line, read_lines
from methods.base import Method
from searchspaces.base import Arch

Chunk = tuple[Arch, ...]
Revive = Callable[[], Method]
"""Makes the trained method again in another process; must be picklable."""


def rank(
    method: Method, archs: Sequence[Arch], stream: Path, workers: int, revive: Revive
) -> np.ndarray:
    """The score of every architecture, ``[len(archs)]``.

    Architectures are scored in chunks that the method composes of them alone, each with one
    thread, so that scores do not depend on ``workers`` or on an interruption. Finished chunks are
    lines of ``stream``; those of other architectures are left aside.
    """
    positions = method.chunks(archs)
    chunks = [tuple(archs[position] for position in chunk) for chunk in positions]
    done = {tuple(map(tuple, row["archs"])): row for row in read_lines(stream)}
    todo = [chunk for chunk in chunks if chunk not in done]
    with bar(len(archs), "rank", "architecture", len(archs) - sum(map(len, todo))) as progress:
        for chunk, scored in _score(method, todo, workers, revive):
            done[chunk] = scored
            append_line(stream, {"archs": chunk, **scored})
            progress.update(len(chunk))
    scores = np.empty(len(archs))
    for where, chunk in zip(positions, chunks, strict=True):
        method.costs.update(done[chunk]["costs"])
        scores[where] = done[chunk]["scores"]
    return scores


def _score(
    method: Method, chunks: list[Chunk], workers: int, revive: Revive
) -> Iterator[tuple[Chunk, dict[str, Any]]]:
    if workers < 2 or len(chunks) < 2:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for chunk in chunks:
                yield chunk, _score_chunk(chunk, method)
        finally:
            torch.set_num_threads(threads)
        return
    with get_context("spawn").Pool(min(workers, len(chunks)), _start, (revive,)) as pool:
        yield from zip(chunks, pool.imap(_score_chunk, chunks), strict=True)


def _start(revive: Revive) -> None:
    global _METHOD
    torch.set_num_threads(1)
    _METHOD = revive()


def _score_chunk(chunk: Chunk, method: Method | None = None) -> dict[str, Any]:
    """Scores of a chunk and what they cost, the method's own count left as it was."""
    method = method or _METHOD
    before, method.costs = method.costs, Counter()
    scores = method.score(chunk).tolist()
    costs, method.costs = dict(method.costs), before
    return {"scores": scores, "costs": costs}
