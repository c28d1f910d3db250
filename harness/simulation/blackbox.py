"""A table as what libraries for hyper-parameters search: an objective, or a blackbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.simulation.simulate import Trainings
from harness.tabular.ground_truth import space_with_table
from harness.tabular.table import Table
from methods.search.candidates import Candidates
from searchspaces.base import SearchSpace

OBJECTIVE = "accuracy"
EPOCHS = "epochs"


class Blackbox:
    """Accuracies of a table, whose every site is a categorical parameter by the site's name.

    Called with a trial of Optuna's it is an objective to maximise: the accuracy in percent of one
    training, drawn of the architecture's with ``seed``. What the table lacks is answered with the
    nearest architecture in genes that it has. ``trainings`` and ``truth`` are those of the table:
    what a search sees, and what it is judged by (``[rows]``, percent). ``asked`` are the rows that
    were trained, in order.
    """

    def __init__(self, space: SearchSpace, table: Table, split: str = "val", seed: int = 0):
        self.trainings = Trainings.of(table, split)
        self.lengths = self.trainings.lengths(table)
        self.candidates = Candidates(space, table.archs)
        self.truth, self.rng = table.truth("test"), np.random.default_rng(seed)
        self.sites = {site.name: site.operators for site in space.sites}
        self.asked: list[int] = []

    @classmethod
    def of(
        cls,
        space: str,
        task: str,
        split: str = "val",
        seed: int = 0,
        *,
        scale: str = "",
        data: Path | None = None,
    ) -> Blackbox:
        """That of a space and a task by their names; raises :class:`UsageError` without a table."""
        return cls(*space_with_table(space, task, scale, data), split, seed)

    def __call__(self, trial: Any) -> float:
        chosen = {
            name: trial.suggest_categorical(name, known) for name, known in self.sites.items()
        }
        arch = tuple(known.index(chosen[name]) for name, known in self.sites.items())
        row = self.candidates.closest(arch, self.rng)
        self.asked.append(row)
        return self.trainings.reveal(row, self.rng.random())

    def syne_tune(self) -> dict[str, Any]:
        """The arguments of syne-tune's ``BlackboxTabular``, of the architectures that there are.

        Its one objective, to maximise, is ``accuracy``; its one fidelity, ``epochs``, has those
        that the table has trainings of. Seeds that an architecture was not trained with repeat
        those that it was.
        """
        from pandas import DataFrame
        from syne_tune.config_space import choice, randint

        genes, epochs = self.candidates.genes, [each.epochs for each in self.lengths]
        operators = {name: np.array(known) for name, known in self.sites.items()}
        seeds = np.arange(max(each.runs.shape[1] for each in self.lengths))
        runs = [
            np.take_along_axis(each.runs, seeds % each.counts[:, None], axis=1)
            for each in self.lengths
        ]
        return {
            "hyperparameters": DataFrame(
                {name: known[genes[:, at]] for at, (name, known) in enumerate(operators.items())}
            ),
            "configuration_space": {
                name: choice(list(known)) for name, known in self.sites.items()
            },
            "fidelity_space": {EPOCHS: randint(epochs[0], epochs[-1])},
            "fidelity_values": np.array(epochs),
            "objectives_evaluations": np.stack(runs, axis=2)[..., None],
            "objectives_names": [OBJECTIVE],
        }
