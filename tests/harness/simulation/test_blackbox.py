"""A table as an objective of Optuna's and as a blackbox of syne-tune's."""

import sys
from types import ModuleType

import numpy as np
import pytest
from searched import ARCHS, SPACE, planted_table

from harness.simulation.blackbox import Blackbox


class Fixed:
    """A trial that suggests what it is told."""

    def __init__(self, arch):
        self.arch = iter(arch)

    def suggest_categorical(self, name, operators):
        return operators[next(self.arch)]


def test_an_objective_reveals_the_trainings_of_what_is_suggested(table):
    objective = Blackbox(SPACE, table)
    seeds = np.array([table.accuracy("val", seed=seed) for seed in ("0", "1", "2")])
    row = int(np.isfinite(seeds).all(axis=0).argmax())
    given = SPACE.decode(ARCHS[row])
    found = [objective(Fixed(given)) for _ in range(40)]
    assert sorted(set(found)) == sorted(seeds[:, row])
    assert objective.asked == [row] * 40
    assert objective.sites == {site.name: site.operators for site in SPACE.sites}


def test_optuna_optimises_it(table):
    optuna = pytest.importorskip("optuna", reason="Optuna is the extra 'optuna'")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    objective = Blackbox(SPACE, table)
    study.optimize(objective, n_trials=20)
    best = objective.asked[study.best_trial.number]
    chosen = [SPACE.sites[at].operators[int(gene)] for at, gene in enumerate(ARCHS[best])]
    assert list(study.best_params.values()) == chosen


def test_a_blackbox_has_the_trainings_of_each_architecture_in_turn(table, monkeypatch):
    """Without syne-tune: of a choice and a range only what they are made of is looked at."""
    space = ModuleType("syne_tune.config_space")
    space.choice, space.randint = tuple, lambda low, high: (low, high)
    monkeypatch.setitem(sys.modules, "syne_tune", ModuleType("syne_tune"))
    monkeypatch.setitem(sys.modules, "syne_tune.config_space", space)
    given = Blackbox(SPACE, table).syne_tune()
    seeds = np.array([table.accuracy("val", seed=seed) for seed in table.seeds("val")])
    ran = [own[np.isfinite(own)] for own in seeds.T]
    assert {len(own) for own in ran} == {1, 3}
    expected = [np.resize(own, 3).tolist() for own in ran]
    assert given["objectives_evaluations"][:, :, 0, 0].tolist() == expected
    assert given["objectives_evaluations"].shape[2:] == (1, 1)
    chosen = [SPACE.sites[at].operators[int(gene)] for at, gene in enumerate(ARCHS[5])]
    assert given["hyperparameters"].iloc[5].tolist() == chosen
    assert given["configuration_space"] == {site.name: site.operators for site in SPACE.sites}
    assert given["fidelity_values"].tolist() == [table.meta.epochs]
    short = np.linspace(0, 9, len(ARCHS))
    both = Blackbox(SPACE, planted_table({**table.accuracies, "val.2.mean": short})).syne_tune()
    assert both["fidelity_values"].tolist() == [2, 5]
    assert both["fidelity_space"] == {"epochs": (2, 5)}
    evaluated = both["objectives_evaluations"]
    assert evaluated.shape == (len(ARCHS), 3, 2, 1)
    assert evaluated[:, :, 1, 0].tolist() == expected
    assert (evaluated[:, :, 0, 0] == short[:, None]).all()


@pytest.mark.slow
def test_syne_tune_takes_it_for_a_blackbox(table):
    tabular = pytest.importorskip(
        "syne_tune.blackbox_repository.blackbox_tabular",
        reason="syne-tune is not installed",
        exc_type=ImportError,
    )
    blackbox = Blackbox(
        SPACE, planted_table({**table.accuracies, "val.2.mean": table.truth("test")})
    )
    there = tabular.BlackboxTabular(**blackbox.syne_tune())
    arch = dict(zip(blackbox.sites, ("good", "poor", "fair", "good"), strict=True))
    row, known = ARCHS.index("2012"), blackbox.trainings
    for seed in range(3):
        found = there.objective_function(arch, fidelity={"epochs": 5}, seed=seed)
        assert found["accuracy"] == known.runs[row, seed % known.counts[row]]
        early = there.objective_function(arch, fidelity={"epochs": 2}, seed=seed)
        assert early["accuracy"] == table.truth("test")[row]
