"""Ranking by several processes: each scores every so many-th chunk and leaves a shard.

The chunks are those of one process, so that the scores are the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.distributed.crew import Crew
from harness.files.store import atomic_path
from harness.running.ranking import Revive, rank
from methods.base import Method
from searchspaces.base import Arch


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
    method: Method, archs: Sequence[Arch], stream: Path, workers: int, revive: Revive, crew: Crew
) -> np.ndarray:
    """As :func:`harness.running.ranking.rank`; the leader gets all scores, the others only their own.

    All processes must see the folder of ``stream``, in which each writes its own stream and, at
    its end, its shard: parquet columns ``position`` (in ``archs``) and ``score``. The leader adds
    what the others' scores cost to ``method.costs``.
    """
    if crew.size == 1:
        return rank(method, archs, stream, workers, revive)
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
