"""Scores of training-free proxies for the architectures of a table, and which of them is the best.

They depend on architectures, images and scale, not on a ground truth's version or training: they
are found by the name of the table, in the home folder, then in the package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.files.data_folders import home
from harness.files.sizes import check_file, check_parquet
from harness.files.store import atomic_path
from harness.tabular.locate import EMBEDDED
from searchspaces.errors import UsageError

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Proxies:
    """``scores``: by proxy, float64 per architecture, NaN where it was not scored.

    ``best``: the proxy to hold against methods; ``chosen``: how it was chosen.
    """

    table: str
    best: str
    chosen: dict[str, Any]
    archs: list[str]
    scores: dict[str, np.ndarray]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {arch: place for place, arch in enumerate(self.archs)}

    def best_of(self, archs: Sequence[str]) -> np.ndarray | None:
        """The best proxy's scores ``[n]`` of ``archs``; None where it lacks one."""
        places = [self._places.get(arch, -1) for arch in archs]
        if -1 in places:
            return None
        scores = self.scores[self.best][places]
        return scores if np.isfinite(scores).all() else None

    def by_arch(self) -> dict[str, dict[str, float]]:
        """By proxy, the scores of the architectures that it scored."""
        return {
            name: {arch: float(own[place]) for arch, place in self._places.items() if known[place]}
            for name, own in self.scores.items()
            for known in [np.isfinite(own)]
        }

    def save(self, path: Path) -> None:
        columns = {"arch": pa.array(self.archs, pa.string())} | self.scores
        meta = {
            "schema_version": SCHEMA_VERSION,
            "table": self.table,
            "best": self.best,
            "chosen": self.chosen,
        }
        table = pa.table(columns).replace_schema_metadata({"proxies": json.dumps(meta)})
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> Proxies:
        """Raises :class:`UsageError` for a damaged file and for one of another version."""
        try:
            check_file(path, "table")
            check_parquet(path, "table")
            stored = pq.read_table(path)
            meta = json.loads(stored.schema.metadata[b"proxies"])
            if meta["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema {meta['schema_version']}")
            scores = {n: stored[n].to_numpy() for n in stored.column_names if n != "arch"}
            if meta["best"] not in scores:
                raise ValueError(f"no scores of {meta['best']}")
            archs = stored["arch"].to_pylist()
            return cls(meta["table"], meta["best"], meta["chosen"], archs, scores)
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"{path} holds no scores of proxies ({error}); delete it, and make it again by "
                "`nas-harness table proxies`."
            ) from error


def proxies_folder() -> Path:
    """``$NAS_HARNESS_HOME/proxies``."""
    return home() / "proxies"


def find_proxies(table: str) -> Proxies | None:
    """Those of the table of this name; None where there are none."""
    return next(known_proxies(table), None)


def known_proxies(table: str) -> Iterator[Proxies]:
    """Those of the table of this name in the home folder, then those in the package."""
    for folder in (proxies_folder(), EMBEDDED / "proxies"):
        path = folder / f"{table}.parquet"
        if path.exists():
            yield _loaded(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _loaded(path: Path, changed: int) -> Proxies:
    return Proxies.load(path)
