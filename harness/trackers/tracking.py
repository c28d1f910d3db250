"""Tells trackers of a run without letting it wait for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.files.progress import patience
from harness.trackers.process import TrackerProcess

PATIENCE = 30.0  # seconds that trackers have, together, once a run is finished


class Tracking:
    """The trackers ``names`` of one run, each with a process of its own.

    No process begins before :meth:`tell`. A finished run calls :meth:`tell_results`, :meth:`end`
    and :meth:`wait`, with what else it has to do between them; when the context manager ends before,
    trackers write what they have.
    """

    def __init__(
        self, names: Sequence[str], run: str, folder: Path, config: Mapping[str, Any]
    ) -> None:
        self.names, self.run, self.folder = tuple(dict.fromkeys(names)), run, folder
        self.parameters = dict(flattened(config))
        self.told = 0
        self._results: dict[str, float] = {}
        self._processes: list[TrackerProcess] = []

    def __enter__(self) -> Tracking:
        return self

    def __exit__(self, *_: object) -> None:
        self._no_more()

    def tell(self, history: Sequence[Mapping[str, Any]]) -> None:
        """That the run begins, and of the rows that are new in its ``history``."""
        if self.names and not self._processes:
            self._begin()
        for number in range(self.told, len(history)):
            row = history[number]
            self._pass_on("log", number, int(row["step"]), dict(_point(row)))
        self.told = max(self.told, len(history))

    def tell_results(
        self, record: Mapping[str, Any], history: Callable[[], Sequence[Mapping[str, Any]]]
    ) -> None:
        """Tell the rest of the ``history`` and what came out."""
        if not self.names:
            return
        rows = history()
        self.tell(rows)
        self._results = dict(_results(record))
        lines = {name: value for name, value in self._results.items() if name.startswith("result/")}
        for place, step in enumerate((0, record["training"]["steps"])):
            self._pass_on("log", len(rows) + place, step, lines)

    def end(self, picture: Path) -> None:
        """Tell of the ``picture``, if it is there, and that this was all."""
        if picture.exists():
            self._pass_on("picture", "scatter", picture.absolute())
        self._pass_on("end", self._results)
        self._no_more()

    def wait(self) -> None:
        """Wait until all is written, but not long."""
        until = time.monotonic() + PATIENCE
        with patience(f"waiting for {' and '.join(self.names)}, {PATIENCE:g} s at most"):
            for process in self._processes:
                process.join(max(until - time.monotonic(), 0.0))
                if process.is_alive():
                    process.leave(f"has not taken everything after {PATIENCE:g} s")

    def _begin(self) -> None:
        folder = self.folder.absolute()
        # The longer patience is for when the run is gone; else it is the run that ends them.
        self._processes = [TrackerProcess(name, folder, 2 * PATIENCE) for name in self.names]
        self._pass_on("begin", self.run, folder, self.parameters)

    def _pass_on(self, function: str, *given: Any) -> None:
        for process in self._processes:
            process.told((function, given))

    def _no_more(self) -> None:
        for process in self._processes:
            process.told(None)


def flattened(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested dictionaries by their paths, as ``train.steps``."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _point(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """A row of history: its values are lines ``PHASE/NAME``."""
    for name, value in _numbers((k, v) for k, v in row.items() if k != "step"):
        yield f"{row['phase']}/{name}", value


def _results(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """τ with its interval, floors and ceiling; of what was found, and what all cost."""
    tau = record["metrics"]["all"]["kendall_tau"]
    ceilings = {k: v for k, v in (record["ceiling"] or {}).items() if isinstance(v, Mapping)}
    lines = {"tau": tau["value"], "tau_low": tau["low"], "tau_high": tau["high"]}
    lines |= {f"floor_{name}": floor["value"] for name, floor in record["floors"].items()}
    lines |= {f"ceiling_{name}": ceiling["value"] for name, ceiling in ceilings.items()}
    yield from ((f"result/{name}", value) for name, value in _numbers(lines.items()))
    found = {name: record["found"].get(name) for name in ("truth", "regret")}
    yield from ((f"found/{name}", value) for name, value in _numbers(found.items()))
    yield from ((f"costs/{name}", value) for name, value in _numbers(record["costs"].items()))


def _numbers(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, float]]:
    for name, value in items:
        if isinstance(value, int | float) and math.isfinite(value):
            yield name, float(value)
