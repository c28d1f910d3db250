"""What the page's script draws of a run: its scatter plot and its learning curves, as plain values.

Columns of numbers that several runs share are kept once; long ones are thinned out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.page.drawings import Library
from reports.runs.history import history, name_of
from reports.runs.record import Record
from reports.runs.scatter_points import ScatterPoints, Window
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pandas

MOST_POINTS, MOST_STEPS = 5000, 600  # architectures of a scatter plot, rows of a series
AXES = dict.fromkeys(("train", "epoch", "watch"), "training step")
AXES |= {"search": "round of the search"}
WATCH = {
    "tau": "Kendall τ of the sample",
    "tau_low": "lower end of its 95 % interval",
    "tau_high": "upper end of its 95 % interval",
}
SEARCH = {"best": "best score of the round", "mean": "mean score of the round"}
ROUND = {
    "scored": "architectures scored in the round",
    "known": "architectures of the round that the ground truth has",
    "tau": "Kendall τ of the round's architectures",
}
UNITS = {"scored": "architectures", "known": "architectures", "tau": "Kendall τ"}
UNITS |= dict.fromkeys(SEARCH, "scores in the search")


class Pool:
    """Lists of numbers; equal ones have one place in ``columns``."""

    def __init__(self) -> None:
        self.columns: list[list[float]] = []
        self._places: dict[tuple[float, ...], int] = {}

    def add(self, values: Iterable[float]) -> int:
        """The place of ``values`` in ``columns``."""
        column = tuple(values)
        if column not in self._places:
            self._places[column] = len(self.columns)
            self.columns.append(list(column))
        return self._places[column]


def thinned(n: int, most: int) -> np.ndarray:
    """At most ``most`` of the places 0 to n - 1, evenly spaced, with the first and the last."""
    if n <= most:
        return np.arange(n)
    return np.linspace(0, n - 1, most).round().astype(int)


def points(record: Record, pool: Pool, library: Library) -> dict[str, Any]:
    """The scored architectures: places in ``pool`` of their columns, and what the axes show.

    Of more than ``MOST_POINTS``, those at even distances in the order of truths are kept, the best and
    the worst among them; ``of`` says how many there were. Raises :class:`UsageError` where the
    scores cannot be read.
    """
    from pandas.api.types import is_integer_dtype

    view = ScatterPoints.of(record)
    frame = view.frame.sort_index()
    if len(frame) > MOST_POINTS:
        by_truth = frame["truth"].argsort(kind="stable").to_numpy()
        frame = frame.iloc[np.sort(by_truth[thinned(len(frame), MOST_POINTS)])]
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


def curves(record: Record) -> list[dict[str, Any]]:
    """Panels in the order of the columns; series of one unit share a panel.

    A panel has ``x`` and ``y`` (names of the axes), ``series`` (names and values by step), and
    ``constant``, what never changes, in words. Empty where no history was kept. Raises
    :class:`UsageError` where it cannot be read.
    """
    rows_of = history(record)
    if rows_of is None:
        return []
    panels: dict[tuple[str, str], dict[str, Any]] = {}
    for phase, rows in rows_of.groupby("phase", sort=False):
        if phase == "watch":  # by step: what was spent is drawn for all runs together
            rows = rows.drop_duplicates("step")
            rows = rows[[name for name in rows if name in ("phase", "step", *WATCH)]]
        for name in rows.columns.drop(["phase", "step"]):
            known = rows[rows[name].notna()]
            if known.empty:
                continue
            unit = _unit(str(phase), name)
            axis = AXES.get(str(phase), str(phase))
            empty = {"x": axis, "y": unit, "series": [], "constant": []}
            panel = panels.setdefault((str(phase), unit), empty)
            _add(panel, _called(str(phase), name), known["step"], known[name].astype(float))
    return list(panels.values())


def _add(panel: dict[str, Any], name: str, steps: pandas.Series, values: pandas.Series) -> None:
    if values.nunique() == 1:
        often = f" in all {len(values)} rows" if len(values) > 1 else ""
        panel["constant"].append(f"{name}: {values.iloc[0]:g}{often}")
        return
    kept = thinned(len(values), MOST_STEPS)
    panel["series"].append(
        {
            "name": name,
            "of": len(values),
            "step": [int(step) for step in steps.iloc[kept]],
            "value": [float(f"{value:.7g}") for value in values.iloc[kept]],
        }
    )


def _unit(phase: str, name: str) -> str:
    """What the y axis of a series says; equal units are drawn together."""
    if phase == "search" and name in UNITS:
        return UNITS[name]
    if phase == "watch":
        return "Kendall τ"
    return "accuracy (%)" if "accuracy" in name else _called(phase, name)


def _called(phase: str, name: str) -> str:
    if phase == "search" and name in SEARCH | ROUND:
        return (SEARCH | ROUND)[name]
    if phase == "watch":
        return WATCH[name]
    return name_of(name).removesuffix(" (%)")
