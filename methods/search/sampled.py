"""Optuna's samplers as searches on a table: every site is a categorical parameter."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np

from methods.search.candidates import Candidates
from methods.search.proposals import Proposals, optuna_for
from methods.search.table_search import NoOptions, TableSearch
from searchspaces.errors import UsageError, first_line

PREFIX = "optuna:"


class SampledSearch(TableSearch):
    """A study of Optuna's, which is asked for an architecture and told its accuracy.

    Where what it proposes cannot be trained, the nearest candidate in genes is, and the study is
    told that one's accuracy for its own proposal. Subclasses have a sampler: its ``name``, and
    ``make`` that gives one with a seed.
    """

    name: str
    make: Callable[..., Any]

    def __init__(
        self, candidates: Candidates, options: NoOptions, queries: int, rng: np.random.Generator
    ):
        super().__init__(candidates, options, queries, rng)
        sampler = self.make(seed=int(rng.integers(2**31)))
        self.proposals = Proposals(self.name, candidates.space, sampler)

    def ask(self) -> int:
        """As any search; raises :class:`UsageError` where the sampler cannot propose anything."""
        return self.candidates.closest(self.proposals.ask(), self.rng)

    def tell(self, row: int, accuracy: float) -> None:
        self.proposals.tell(accuracy)


def sampled_by(name: str) -> type[SampledSearch]:
    """The search that ``optuna:SAMPLER`` or ``optuna:SAMPLER(key=value, ...)`` names.

    Values are Python's literals. Raises :class:`UsageError` where Optuna is missing, and for what
    is no sampler or cannot be made so.
    """
    optuna = optuna_for(name)
    sampler, given = _called(name)
    kinds = (kind for kind in dir(optuna.samplers) if kind.endswith("Sampler"))
    known = [kind for kind in kinds if not kind.startswith("Base")]
    if sampler not in known:
        written = _written(known)
        close = get_close_matches(sampler.lower(), written, n=1)
        hint = f"did you mean '{PREFIX}{written[close[0]]}'?" if close else ""
        raise UsageError(
            f"Optuna has no sampler '{sampler}'; {hint or 'it has ' + ', '.join(known) + '.'}"
        )
    if "seed" in given:
        raise UsageError(f"{name}: each search has a seed of its own, by --seed; leave seed out.")
    make = partial(getattr(optuna.samplers, sampler), **given)
    try:
        make(seed=0)
    except (TypeError, ValueError, ImportError) as error:
        raise UsageError(
            f"{name} cannot be made: {first_line(error)}; give it what it needs as "
            f"{PREFIX}{sampler}(name=value)."
        ) from error
    return type(sampler, (SampledSearch,), {"name": name, "make": staticmethod(make)})


def _called(name: str) -> tuple[str, dict[str, Any]]:
    """The name of the sampler and its arguments."""
    try:
        call = ast.parse(name.removeprefix(PREFIX), mode="eval").body
        if isinstance(call, ast.Name):
            return call.id, {}
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args
        values = {str(given.arg): ast.literal_eval(given.value) for given in call.keywords}
    except (SyntaxError, ValueError, AssertionError):
        raise UsageError(
            f"a sampler is named as {PREFIX}TPESampler or {PREFIX}TPESampler(n_startup_trials=20), "
            f"not '{name}'."
        ) from None
    return call.func.id, values


def _written(known: Iterable[str]) -> dict[str, str]:
    """Each sampler by its name in small letters, also without ``sampler``."""
    stems = {kind.removesuffix("Sampler").lower(): kind for kind in known}
    return stems | {kind.lower(): kind for kind in known}
