"""Score architectures with a trained method, in parallel, streaming every score to disk."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.progress import bar
from methods.base import Method
from searchspaces.base import Arch

Revive = Callable[[], Method]
"""Makes the trained method again in another process; must be picklable."""


def rank(
    method: Method, archs: Sequence[Arch], stream: Path, workers: int, revive: Revive
) -> np.ndarray:
    """The score of every architecture, ``[len(archs)]``.

    Architectures are scored in chunks of fixed composition, each with one thread, so that scores
    do not depend on ``workers`` or on an interruption. Finished chunks are lines of ``stream``;
    a line cut short by a kill is scored again.
    """
    size = max(method.scores_together, 8)
    chunks = [list(archs[i : i + size]) for i in range(0, len(archs), size)]
    done = _read(stream)
    todo = [index for index in range(len(chunks)) if index not in done]
    scored = len(archs) - sum(len(chunks[i]) for i in todo)
    with bar(len(archs), "rank", "architecture", scored) as progress:
        for index, scored_chunk in _score(method, chunks, todo, workers, revive):
            done[index] = scored_chunk
            _append(stream, {"chunk": index, **scored_chunk})
            progress.update(len(chunks[index]))
    for index in range(len(chunks)):
        method.costs.update(done[index]["costs"])
    return np.array([score for index in range(len(chunks)) for score in done[index]["scores"]])


def _score(
    method: Method, chunks: list[list[Arch]], todo: list[int], workers: int, revive: Revive
) -> Iterator[tuple[int, dict[str, Any]]]:
    if workers < 2 or len(todo) < 2:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        for index in todo:
            yield index, _score_chunk(chunks[index], method)
        torch.set_num_threads(threads)
        return
    with get_context("spawn").Pool(min(workers, len(todo)), _start, (revive,)) as pool:
        yield from zip(
            todo, pool.imap(_score_chunk, [chunks[index] for index in todo]), strict=True
        )


def _start(revive: Revive) -> None:
    global _METHOD
    torch.set_num_threads(1)
    _METHOD = revive()


def _score_chunk(chunk: list[Arch], method: Method | None = None) -> dict[str, Any]:
    """Scores of a chunk and what they cost, the method's own count left as it was."""
    method = method or _METHOD
    before, method.costs = method.costs, Counter()
    scores = method.score(chunk).tolist()
    costs, method.costs = dict(method.costs), before
    return {"scores": scores, "costs": costs}


def _read(stream: Path) -> dict[int, dict[str, Any]]:
    if not stream.exists():
        return {}
    whole, _, cut = stream.read_text().rpartition("\n")
    if cut:
        stream.write_text(whole + "\n" if whole else "")
    rows = (json.loads(line) for line in whole.split("\n") if line)
    return {row["chunk"]: row for row in rows}


def _append(stream: Path, row: dict[str, Any]) -> None:
    with open(stream, "a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())
