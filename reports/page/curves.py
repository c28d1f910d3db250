"""What ``history.parquet`` tells of a run, as the learning curves of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.page.pool import thinned
from reports.papers.figures.history import NAMES_OF
from reports.runs.record import Record, read_frame
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pandas

MOST = 600  # rows of a series
AXES = {"train": "training step", "epoch": "training step", "search": "round of the search"}
SEARCH = {"best": "best score of the round", "mean": "mean score of the round"}
SCORES = "scores in the search"


def curves(record: Record) -> list[dict[str, Any]]:
    """Panels in the order of the columns; series of one unit share a panel.

    A panel has ``x`` and ``y`` (names of the axes), ``series`` (names and values by step), and
    ``constant``, what never changes, in words. Empty where no history was kept. Raises
    :class:`UsageError` where it cannot be read.
    """
    history = _read(record)
    if history is None:
        return []
    panels: dict[tuple[str, str], dict[str, Any]] = {}
    for phase, rows in history.groupby("phase", sort=False):
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


def _read(record: Record) -> pandas.DataFrame | None:
    import numpy as np
    from pyarrow import ArrowException

    path = record.folder / "history.parquet"
    if not path.exists():
        return None
    try:
        history = read_frame(path)
        numbers = history.drop(columns="phase").astype({"step": int})
        history[numbers.columns] = numbers.astype(float).replace([np.inf, -np.inf], np.nan)
        return history.astype({"phase": str})
    except (OSError, ArrowException, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"cannot read {path.name}: {error}.") from error


def _add(panel: dict[str, Any], name: str, steps: pandas.Series, values: pandas.Series) -> None:
    if values.nunique() == 1:
        often = f" in all {len(values)} rows" if len(values) > 1 else ""
        panel["constant"].append(f"{name} {values.iloc[0]:g}{often}")
        return
    kept = thinned(len(values), MOST)
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
    if phase == "search" and name in SEARCH:
        return SCORES
    return "accuracy (%)" if "accuracy" in name else _called(phase, name)


def _called(phase: str, name: str) -> str:
    if phase == "search" and name in SEARCH:
        return SEARCH[name]
    return NAMES_OF.get(name, name.replace("_", " ")).removesuffix(" (%)")
