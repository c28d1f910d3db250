"""Any-time τ: how well a method would rank if its training ended now, on a fixed sample.

Another instance of the method, which gets what has been trained, scores the sample: nothing that
training reads is touched, so that a run ends with the same bits watched or not.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from harness.config.config import digest
from harness.files.progress import bar
from harness.metrics.evaluate import tau_of
from harness.metrics.intervals import Interval
from harness.metrics.scored import references
from harness.tabular.table import Table
from methods.base import Method
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

SEED, WATCHED = 2027, 200  # of the sample: its own seed, its size
PHASE = "watch"  # of rows in the history


class Stopwatch:
    """CPU-seconds of this process, all its threads together, while it runs."""

    def __init__(self) -> None:
        self.seconds, self.runs, self.since = 0.0, False, 0.0

    @contextmanager
    def on(self, runs: bool = True) -> Iterator[None]:
        """Inside it runs, or with ``runs`` false stands still; behind it goes on as before."""
        before = self._switch(runs)
        try:
            yield
        finally:
            self._switch(before)

    def add(self, seconds: float) -> None:
        """Of other processes."""
        self.seconds += seconds

    def _switch(self, runs: bool) -> bool:
        before, now = self.runs, time.process_time()
        self.seconds += (now - self.since) * before
        self.runs, self.since = runs, now
        return before


class Watch:
    """Scores the sample now and then and after the last step; counts its own costs apart.

    That is ``every`` so many of ``budget`` steps of one path, so that methods that take fewer steps
    for as much are watched as often. ``make`` gives a method like the one that is watched.
    ``clock`` runs while that trains and searches, ``own`` while its sample is scored.
    """

    def __init__(
        self,
        every: int,
        budget: int,
        space: SearchSpace,
        table: Table,
        make: Callable[[], Method],
    ) -> None:
        self.every, self.budget = every, budget
        self.space, self.table, self.make = space, table, make
        self.rows = watched_rows(table)
        self.names = [table.archs[row] for row in self.rows]
        self.clock, self.own = Stopwatch(), Stopwatch()
        self.image_passes = 0
        self._other: Method | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes rows of two runs points of the same kind."""
        return {
            "every": self.every,
            "of": self.budget,
            "table": self.table.meta.identity,
            "sample": digest(self.names),
        }

    # While training ---------------------------------------------------------------------------

    def aside(self) -> Any:
        """A context in which nothing counts as training."""
        return self.clock.on(False)

    def due(self, step: int, steps: int) -> bool:
        """Whether to score after ``step`` of a method's ``steps`` steps."""
        gone, before = (at * self.budget // (self.every * steps) for at in (step, step - 1))
        return gone > before or step == steps

    def row(self, method: Method, step: int) -> dict[str, Any] | None:
        """The row of history after ``step`` steps; None where none is due or nothing is scored."""
        if not self.due(step, method.setting.recipe.steps):
            return None
        if method.setting.device.type == "cuda":
            torch.cuda.synchronize(method.setting.device)
        with self.aside(), self.own.on(), same_random_numbers(method.setting.device):
            other = self._like(method)
            other.costs = Counter()
            with one_thread():
                scores = other.score_in_training([*map(self.space.decode, self.names)], step)
            self.image_passes += other.costs["scoring_image_passes"]
            self.trained = method.costs["compute"]
        return None if scores is None else self._row(step, method.costs["compute"], scores)

    def last_row(self, method: Method, scores: dict[str, float]) -> list[dict[str, Any]]:
        """One more row, where the scores of the whole run cost more than the training.

        ``scores`` of the architectures that were ranked; others that are watched are scored here.
        """
        steps, spent = method.setting.recipe.steps, method.costs["compute"]
        if spent == self.trained:
            return []
        scores = scores | self._scored(method, [name for name in self.names if name not in scores])
        return [self._row(steps, spent, np.array([scores[name] for name in self.names]))]

    def _scored(self, method: Method, names: list[str]) -> dict[str, float]:
        """The scores of architectures that the run does not rank; its costs stay as they are."""
        if not names:
            return {}
        archs, scores, costs = [*map(self.space.decode, names)], {}, method.costs.copy()
        with (
            self.own.on(),
            same_random_numbers(method.setting.device),
            one_thread(),
            bar(len(archs), "watch", "architecture") as progress,
        ):
            for chunk in method.chunks(archs):
                found = method.score([archs[place] for place in chunk])
                scores |= dict(zip((names[place] for place in chunk), found.tolist(), strict=True))
                progress.update(len(chunk))
        passes = method.costs["scoring_image_passes"] - costs["scoring_image_passes"]
        self.image_passes += passes
        method.costs = costs
        return scores

    def _row(self, step: int, compute: int, scores: np.ndarray) -> dict[str, Any]:
        tau = self.tau(scores)
        return {
            "phase": PHASE,
            "step": step,
            "compute": compute,
            "cpu_seconds": round(self.clock.seconds, 3),
            **{"tau": tau["value"], "tau_low": tau["low"], "tau_high": tau["high"]},
        }

    def tau(self, scores: np.ndarray) -> Interval:
        """Of the scores of the sample, ``[n]``, and the test truths, with its 95 % interval."""
        return tau_of(self.table, self.rows, scores, "test", population=self.space.size)

    def _like(self, method: Method) -> Method:
        """Another instance with what ``method`` has trained."""
        if self._other is None:
            self._other = self.make()
        self._other.load_trained_state(method.trained_state())
        return self._other

    # State and record -------------------------------------------------------------------------

    trained = 0  # compute up to the last time that the sample was scored

    def state_dict(self) -> dict[str, Any]:
        return {
            "identity": self.identity,
            "trained": self.trained,
            "cpu_seconds": self.clock.seconds,
            "own_cpu_seconds": self.own.seconds,
            "image_passes": self.image_passes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trained, self.image_passes = state["trained"], state["image_passes"]
        self.clock.seconds, self.own.seconds = state["cpu_seconds"], state["own_cpu_seconds"]

    def record(self) -> dict[str, Any]:
        """What was watched, its floors and ceiling, and what that cost beside the run's costs."""
        fraction = len(self.rows) / self.space.size
        return {
            **self.identity,
            "seed": SEED,
            "n": len(self.rows),
            **references(self.table, "test", self.rows, fraction=fraction),
            "costs": {
                "scoring_image_passes": self.image_passes,
                "cpu_seconds": round(self.own.seconds, 1),
            },
        }


def watched_rows(table: Table) -> np.ndarray:
    """Rows of the sample, ascending: the same for every method and seed; all of a small table."""
    if len(table) <= WATCHED:
        return np.arange(len(table))
    return np.sort(np.random.default_rng(SEED).choice(len(table), WATCHED, replace=False))


def check_watched(folder: Any, record: dict[str, Any] | None, every: int) -> None:
    """Raise :class:`UsageError` for a finished run whose curve is asked for and not there."""
    if not every or record is None:
        return
    had = (record.get("watch") or {}).get("every", 0)
    if had != every:
        how = f"watched every {had} steps" if had else "not watched"
        raise UsageError(
            f"{folder} holds this run finished but {how}, and what its supernet was cannot be seen "
            f"afterwards; leave out --watch {every}, delete the folder, or give other --runs."
        )


@contextmanager
def same_random_numbers(device: torch.device) -> Iterator[None]:
    """Leave the global random number generators as if nothing had happened inside."""
    kept = random.getstate(), np.random.get_state()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
    random.setstate(kept[0])
    np.random.set_state(kept[1])


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes on one thread inside, as each worker of a ranking does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
