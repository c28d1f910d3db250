"""Tells trackers of a run without letting it wait for them."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from harness.files.progress import patience
from harness.trackers.tracker import TRACKERS, Tracker
from searchspaces.errors import first_line

PATIENCE = 30.0  # seconds that trackers have, together, once a run is finished
Call = Callable[[Tracker], None]


class Tracking:
    """The trackers ``names`` of one run, each with a thread of its own.

    Nothing is imported and no thread begins before there is something to tell.
    """

    def __init__(
        self, names: Sequence[str], run: str, folder: Path, config: Mapping[str, Any]
    ) -> None:
        self.names, self.run, self.folder = tuple(dict.fromkeys(names)), run, folder
        self.parameters = dict(flattened(config))
        self.told = 0
        self._threads: dict[str, _Told] = {}

    def tell(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Of the rows that are new in the run's ``history``."""
        if not self.names:
            return
        for number in range(self.told, len(history)):
            self._pass_on(_point(number, history[number]))
        self.told = max(self.told, len(history))

    def finish(
        self,
        record: Mapping[str, Any],
        history: Callable[[], Sequence[Mapping[str, Any]]],
        picture: Path,
    ) -> None:
        """Tell the rest of the ``history`` and what came out; wait for trackers, but not long."""
        if not self.names:
            return
        rows = history()
        self.tell(rows)
        results = dict(_results(record))
        lines = {name: value for name, value in results.items() if name.startswith("result/")}
        for place, step in enumerate((0, record["training"]["steps"])):
            self._pass_on(_log(len(rows) + place, step, lines))
        if picture.exists():
            self._pass_on(lambda tracker: tracker.picture("scatter", picture))
        self._pass_on(lambda tracker: tracker.end(results))
        self._pass_on(None)
        until = time.monotonic() + PATIENCE
        with patience(f"waiting for {' and '.join(self.names)}, {PATIENCE:g} s at most"):
            for thread in self._threads.values():
                thread.join(max(until - time.monotonic(), 0.0))
                if thread.is_alive():
                    say(thread.name, f"has not taken everything after {PATIENCE:g} s")

    def _pass_on(self, call: Call | None) -> None:
        for name in self.names:
            if name not in self._threads:
                self._threads[name] = _Told(name, self.run, self.folder, self.parameters)
                self._threads[name].start()
            self._threads[name].queue.put(call)


class _Told(Thread):
    """Calls one tracker, in order, until it fails or the run is finished."""

    def __init__(self, name: str, run: str, folder: Path, parameters: Mapping[str, Any]) -> None:
        super().__init__(name=name, daemon=True)
        self.queue: SimpleQueue[Call | None] = SimpleQueue()
        self.begin: Call = lambda tracker: tracker.begin(run, folder, parameters)

    def run(self) -> None:
        try:
            tracker = TRACKERS[self.name]()
            self.begin(tracker)
            while call := self.queue.get():
                call(tracker)
        except (Exception, SystemExit) as error:
            say(self.name, f"{type(error).__name__}: {first_line(error)}")


def say(name: str, what: str) -> None:
    """What became of a tracker, on standard error."""
    print(f"--log {name}: {what}; the run goes on without it.", file=sys.stderr, flush=True)


def flattened(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested dictionaries by their paths, as ``train.steps``."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _point(number: int, row: Mapping[str, Any]) -> Call:
    """A row of history: its values are lines ``PHASE/NAME``."""
    values = _numbers((k, v) for k, v in row.items() if k != "step")
    named = {f"{row['phase']}/{name}": value for name, value in values}
    return _log(number, int(row["step"]), named)


def _log(number: int, step: int, values: Mapping[str, float]) -> Call:
    return lambda tracker: tracker.log(number, step, values)


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
