"""Score architectures with a trained method, in parallel, streaming every score to disk.

Of several processes each scores every so many-th chunk and leaves a shard. The chunks are those of
one process, so that the scores are the same.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.distributed.crew import Crew
from harness.files.progress import bar
from harness.files.store import append_line, atomic_path, read_lines
from harness.jobs.pool import call_in_processes
from methods.base import Method
from searchspaces.base import Arch

Chunk = tuple[Arch, ...]
Revive = Callable[[], Method]
"""Makes the trained method again in another process; must be picklable."""


def rank(
    method: Method,
    archs: Sequence[Arch],
    stream: Path,
    workers: int,
    revive: Revive,
    took: Callable[[float], None] | None = None,
) -> np.ndarray:
    """The score of every architecture, ``[len(archs)]``.

    Architectures are scored in chunks that the method composes of them alone, each with one
    thread, so that scores do not depend on ``workers`` or on an interruption. Finished chunks are
    lines of ``stream``; those of other architectures are left aside. ``took``, if given, is
    told the CPU-seconds of each chunk, which are kept with it.
    """
    positions = method.chunks(archs)
    chunks = [tuple(archs[position] for position in chunk) for chunk in positions]
    done = {tuple(map(tuple, row["archs"])): row for row in read_lines(stream)}
    todo = [chunk for chunk in chunks if chunk not in done]
    progress = bar(len(archs), "rank", "architecture", len(archs) - sum(map(len, todo)))
    several = workers if _together(workers, todo) else 0
    progress.set_note(f"starting {several} processes" if several else "")
    with progress:
        for chunk, scored in _score(method, todo, several, revive):
            progress.set_note("")
            if took is None:
                del scored["cpu_seconds"]
            done[chunk] = scored
            append_line(stream, {"archs": chunk, **scored})
            progress.update(len(chunk))
    scores = np.empty(len(archs))
    for where, chunk in zip(positions, chunks, strict=True):
        method.costs.update(done[chunk]["costs"])
        if took is not None:
            took(done[chunk]["cpu_seconds"])
        scores[where] = done[chunk]["scores"]
    return scores


def _score(
    method: Method, chunks: list[Chunk], workers: int, revive: Revive
) -> Iterator[tuple[Chunk, dict[str, Any]]]:
    if not workers:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for chunk in chunks:
                yield chunk, _score_chunk(chunk, method)
        finally:
            torch.set_num_threads(threads)
        return
    scored = call_in_processes(_score_chunk, chunks, workers, partial(_start, revive))
    with closing(scored):
        yield from zip(chunks, scored, strict=True)


def _together(workers: int, chunks: list[Chunk]) -> bool:
    """Whether processes of their own are worth it."""
    return workers >= 2 and len(chunks) >= 2


def _start(revive: Revive) -> None:
    global _METHOD
    torch.set_num_threads(1)
    _METHOD = revive()


def _score_chunk(chunk: Chunk, method: Method | None = None) -> dict[str, Any]:
    """Scores of a chunk and what they cost, the method's own count left as it was."""
    method = method or _METHOD
    before, method.costs = method.costs, Counter()
    began = time.process_time()
    scores = method.score(chunk).tolist()
    seconds = time.process_time() - began
    costs, method.costs = dict(method.costs), before
    return {"scores": scores, "costs": costs, "cpu_seconds": seconds}


class Share:
    """What ranking needs of a method, for the architectures ``archs`` of some of its chunks."""

    def __init__(self, method: Method, chunks: Sequence[Sequence[int]]):
        self.method = method
        ends = np.cumsum([0, *map(len, chunks)]).tolist()
        self._chunks = [list(range(*ends[at : at + 2])) for at in range(len(chunks))]
        self.positions = [position for chunk in chunks for position in chunk]

    @property
    def costs(self) -> Counter[str]:
        return self.method.costs

    @costs.setter
    def costs(self, costs: Counter[str]) -> None:
        self.method.costs = costs

    def chunks(self, archs: Sequence[Arch]) -> list[list[int]]:
        return self._chunks

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        return self.method.score(archs)


def rank_together(
    method: Method,
    archs: Sequence[Arch],
    stream: Path,
    workers: int,
    revive: Revive,
    crew: Crew,
    took: Callable[[float], None] | None = None,
) -> np.ndarray:
    """As :func:`harness.running.ranking.rank`; the leader gets all scores, the others only their own.

    All processes must see the folder of ``stream``, in which each writes its own stream and, at
    its end, its shard: parquet columns ``position`` (in ``archs``) and ``score``. The leader adds
    what the others' scores cost to ``method.costs``.
    """
    if crew.size == 1:
        return rank(method, archs, stream, workers, revive, took)
    share = Share(method, method.chunks(archs)[crew.rank :: crew.size])
    before, method.costs = method.costs, Counter()
    own = [archs[position] for position in share.positions]
    scores = rank(share, own, _of(stream, crew.rank), workers, revive)  # type: ignore[arg-type]
    _write_shard(_shard(stream, crew.rank), share.positions, scores, method.costs)
    method.costs = before
    result = np.full(len(archs), np.nan)
    crew.wait()
    for number in range(crew.size) if crew.leads else [crew.rank]:
        positions, scores, costs = _read_shard(_shard(stream, number))
        result[positions] = scores
        method.costs.update(costs)
    return result


def _of(stream: Path, number: int) -> Path:
    return stream.with_name(f"{stream.stem}.{number}{stream.suffix}")


def _shard(stream: Path, number: int) -> Path:
    return _of(stream, number).with_suffix(".parquet")


def _write_shard(
    path: Path, positions: Sequence[int], scores: np.ndarray, costs: Counter[str]
) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = {"position": np.array(positions, np.int64), "score": scores}
    shard = pyarrow.table(columns).replace_schema_metadata({"costs": json.dumps(costs)})
    with atomic_path(path) as temporary:
        parquet.write_table(shard, temporary)


def _read_shard(path: Path) -> tuple[np.ndarray, np.ndarray, Counter[str]]:
    from pyarrow import parquet

    shard = parquet.read_table(path)
    costs = Counter(json.loads(shard.schema.metadata[b"costs"]))
    return shard["position"].to_numpy(), shard["score"].to_numpy(), costs
