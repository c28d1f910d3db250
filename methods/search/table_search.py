"""Searches that train nothing themselves: they ask for a training and are told its accuracy.

What is asked for is a row of a table of ground truth, so that searches can be repeated hundreds of
times. Each search is a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from methods.search.candidates import Candidates
from searchspaces.registry import Registry


def is_sampler(name: str) -> bool:
    """Whether ``name`` is that of a sampler, as ``optuna:TPESampler``."""
    return name.startswith("optuna:")


class Searches(Registry):
    """Searches by name; ``optuna:SAMPLER`` stands for a sampler of Optuna's."""

    def __getitem__(self, name: str) -> Any:
        if is_sampler(name):
            return import_module("methods.search.sampled").sampled_by(name)
        return super().__getitem__(name)


SEARCHES = Searches(
    "search on a table",
    "nas_harness.table_searches",
    {
        "random": "methods.search.random_search:RandomSearch",
        "rea": "methods.search.rea:REA",
        "reinforce": "methods.search.reinforce:REINFORCE",
        "local-search": "methods.search.local_search:LocalSearch",
        "bananas": "methods.search.bananas:BANANAS",
        "bohb": "methods.search.bohb:BOHB",
    },
)


USUAL = ("random", "rea", "reinforce")  # that NAS-Bench-201's authors ran; the others by name


@dataclass(frozen=True)
class NoOptions:
    """A search without options."""


class TableSearch(ABC):
    """One repeat of a search; ``ask`` and ``tell`` take turns, ``queries`` times each.

    Everything random comes from ``rng``. A subclass raises
    :class:`~searchspaces.errors.UsageError` where its options do not fit the number of queries. One
    that is ``staged`` also asks for shorter trainings than a whole one; it then takes more turns.
    """

    Options: type = NoOptions
    staged: ClassVar[bool] = False
    length = -1  # place in the candidates' ``epochs`` of the training just asked for

    def __init__(
        self, candidates: Candidates, options: Any, queries: int, rng: np.random.Generator
    ):
        self.candidates, self.options, self.queries, self.rng = candidates, options, queries, rng

    @abstractmethod
    def ask(self) -> int:
        """The row of the architecture to train next; it may have been trained before."""

    def tell(self, row: int, accuracy: float) -> None:
        """Validation accuracy in percent that the training just asked for, of ``row``, reached."""
        return None
