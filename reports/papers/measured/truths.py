"""Ground truths that items read directly: found once each, or missing for a stated reason."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.papers.definition.item import Search, Truth
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.tabular.table import Table
    from searchspaces.base import SearchSpace

SEARCH_SEED = 0


class Missing(UsageError):
    """There is no such ground truth here; the text says which command brings it."""


class Truths:
    """Tables by space, task and scale, from the folder ``data`` and the usual places."""

    def __init__(self, data: Path | None = None):
        self.data = data
        self.table = cache(self._table)
        self._simulation = cache(self._simulate)

    def space(self, space: str, task: str, scale: str = "") -> SearchSpace:
        """The search space at the scale of a ground truth; an empty one is the task's usual."""
        from harness.tabular.ground_truth import usual_scale
        from searchspaces.registry import SPACES

        return SPACES[space](scale or usual_scale(space, task))

    def of(self, truth: Truth) -> Table:
        """The table of ``truth``; raises :class:`Missing`."""
        return self.table(truth.space, truth.task, truth.scale)

    def accuracies(self, truth: Truth) -> np.ndarray:
        """Percent per architecture, mean over seeds; raises :class:`Missing`."""
        table = self.of(truth)
        if f"{truth.split}.{table.meta.epochs}.mean" not in table.accuracies:
            raise Missing(f"the ground truth table {table.meta.name} has no {truth.split} split")
        return table.accuracy(truth.split)

    def has_validation(self, truth: Truth) -> bool:
        table = self.of(truth)
        return f"val.{table.meta.epochs}.mean" in table.accuracies

    def simulation(self, search: Search, truth: Truth) -> dict[str, Any]:
        """The result of :func:`harness.simulation.searches.compare_searches` on the table of ``truth``.

        Searches select by the signal of their budget on the task, or by the table's validation
        accuracies; where it has none, by test ones.
        """
        return self._simulation(search, replace(truth, split="test"))

    def _simulate(self, search: Search, truth: Truth) -> dict[str, Any]:
        from harness.config.config import with_values
        from harness.simulation.published import WITHIN_SECONDS
        from harness.simulation.searches import compare_searches
        from methods.search.table_search import SEARCHES

        seconds = search.seconds(truth.task)
        values = WITHIN_SECONDS.get(search.method, {}) if seconds else {}
        return compare_searches(
            self.of(truth),
            self.space(truth.space, truth.task, truth.scale),
            {search.method: with_values(SEARCHES[search.method].Options(), values)},
            queries=search.queries,
            repeats=search.repeats,
            seed=SEARCH_SEED,
            test_as_validation=not self.has_validation(truth),
            signal=search.signal if seconds else "",
            budget_seconds=seconds,
        )

    def _table(self, space: str, task: str, scale: str = "") -> Table:
        """The table of the benchmark's usual training, which printed numbers are of.

        Raises :class:`Missing` where there is none, :class:`UsageError` for a damaged one.
        """
        from harness.tabular.ground_truth import analytic_cost
        from harness.tabular.locate import MissingTable, find_table

        networks = self.space(space, task, scale)
        try:
            cost = analytic_cost(networks)
            return find_table(space, networks.scale, task, self.data, cost, truth=task)
        except MissingTable as error:
            raise Missing(
                f"there is no ground truth table {error.name}; {error.commands} brings it"
            ) from error
