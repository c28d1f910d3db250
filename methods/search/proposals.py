"""What a sampler of Optuna's proposes: every site of a space is a categorical parameter."""

from __future__ import annotations

import logging
from typing import Any

from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError, first_line


def optuna_for(name: str) -> Any:
    """Optuna; raises :class:`UsageError`, in the name of what needs it, where it is missing."""
    try:
        import optuna
    except ImportError:
        raise UsageError(
            f"{name} needs Optuna, which is not installed: `pip install optuna`, or "
            "'nas-evaluation-harness[optuna]'."
        ) from None
    return optuna


class Proposals:
    """A study of Optuna's that maximises accuracies in percent. ``name``: of what it serves.

    ``known`` counts the accuracies that it was given.
    """

    def __init__(self, name: str, space: SearchSpace, sampler: Any):
        optuna = optuna_for(name)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        _say_once(optuna.logging.get_logger("optuna"))
        self.name, self.space, self.known = name, space, 0
        self.open: list[Any] = []  # trials without an accuracy
        self.study = optuna.create_study(sampler=sampler, direction="maximize")
        self.sites = {
            site.name: optuna.distributions.CategoricalDistribution(site.operators)
            for site in space.sites
        }

    def ask(self) -> Arch:
        """An architecture, which may be none of the space.

        Raises :class:`UsageError` where the sampler cannot propose anything.
        """
        try:
            self.trial = self.study.ask(self.sites)
            self.open.append(self.trial)
        except (ImportError, ValueError, NotImplementedError) as error:
            raise UsageError(
                f"{self.name} cannot search here: {type(error).__name__}: {first_line(error)}."
            ) from error
        proposed = self.trial.params
        return tuple(site.operators.index(proposed[site.name]) for site in self.space.sites)

    def tell(self, accuracy: float) -> None:
        """The accuracy of what was proposed last."""
        self.known += 1
        self.open.remove(self.trial)
        try:
            self.study.tell(self.trial, accuracy)
        except RuntimeError as error:  # how a sampler stops that has proposed all there is
            raise UsageError(
                f"{self.name} has nothing to propose after {self.known} trainings; lower --queries."
            ) from error

    def drop(self) -> None:
        """The sampler will not learn of anything that it proposed and was not told of."""
        failed = optuna_for(self.name).trial.TrialState.FAIL
        while self.open:
            self.study.tell(self.open.pop(), state=failed)

    def learn(self, arch: Arch, accuracy: float) -> None:
        """The accuracy of any architecture of the space."""
        chosen = zip(self.space.sites, arch, strict=True)
        params = {site.name: site.operators[gene] for site, gene in chosen}
        create = optuna_for(self.name).trial.create_trial
        self.study.add_trial(create(params=params, distributions=self.sites, value=accuracy))
        self.known += 1


class _Once(logging.Filter):
    """Lets what a line of code says through once, however often it says it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[tuple[str, int]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        place = (record.pathname, record.lineno)
        new = place not in self.said
        self.said.add(place)
        return new


def _say_once(logger: logging.Logger) -> None:
    for handler in logger.handlers:
        if not any(isinstance(own, _Once) for own in handler.filters):
            handler.addFilter(_Once())
