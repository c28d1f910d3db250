"""What ``scores.parquet`` tells of a run, as the scatter plot of the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.page.drawings import Library
from reports.page.pool import Pool, thinned
from reports.runs.record import Record
from reports.runs.scatter_points import View, Window
from searchspaces.errors import UsageError

MOST = 5000  # architectures of a scatter plot


def points(record: Record, pool: Pool, library: Library) -> dict[str, Any]:
    """The scored architectures: places in ``pool`` of their columns, and what the axes show.

    Of more than ``MOST``, those at even distances in the order of truths are kept, the best and
    the worst among them; ``of`` says how many there were. Raises :class:`UsageError` where the
    scores cannot be read.
    """
    from pandas.api.types import is_integer_dtype

    view = View.of(record)
    frame = view.frame.sort_index()
    if len(frame) > MOST:
        by_truth = frame["truth"].argsort(kind="stable").to_numpy()
        frame = frame.iloc[np.sort(by_truth[thinned(len(frame), MOST)])]
    shelf = library.shelf(record)
    columns: dict[str, int | None] = {"params": None}
    columns["arch"] = pool.add(shelf.place(arch) for arch in frame["arch"])
    columns |= {name: pool.add(map(_short, frame[name])) for name in ("score", "truth")}
    if "params" in frame and is_integer_dtype(frame["params"]) and frame["params"].notna().all():
        columns["params"] = pool.add(map(int, frame["params"]))
    return {
        "shelf": shelf.number,
        "columns": columns,
        "of": len(view.frame),
        "windows": {"truth": _ends(view.truth), "score": _ends(view.score)},
    }


def found(record: Record, library: Library) -> dict[str, Any] | None:
    """The architecture that the run's search found; its score and truth are None if unknown."""
    arch = record.get("found", "arch")
    if not isinstance(arch, str):
        return None
    shelf = library.shelf(record)
    seen = {"shelf": shelf.number, "arch": shelf.place(arch), "score": None}
    seen |= {key: record.number("found", key) for key in ("truth", "regret")}
    try:
        frame = record.scores()
    except UsageError:
        return seen
    same = frame.loc[frame["arch"] == arch, "score"]
    return seen if same.empty else seen | {"score": _short(float(same.iloc[0]))}


def _ends(window: Window) -> list[float]:
    return [_short(window.low), _short(window.high)]


def _short(value: float) -> float:
    return float(f"{value:.7g}")
