"""Scored architectures beside their truths: the share of the space, noise, classes, references."""

from types import SimpleNamespace

import numpy as np
import pytest
from tables import made_meta

from harness.metrics import ceiling
from harness.metrics import scored as scored_module
from harness.metrics.intervals import measure, measure_all
from harness.metrics.metrics import METRICS, kendall_tau
from harness.metrics.scored import Scored, noise_of, references
from harness.tabular.table import Table
from searchspaces.errors import UsageError


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch):
    """No test here is of the precision of a ceiling."""
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)


def make_table(archs, columns, params=None, madds=None):
    resolution = {"test": 0.01, "val": 0.01}
    meta = made_meta(scale="benchmark", task="cifar10", epochs=200, resolution=resolution)
    return Table(meta, archs, columns, params, madds)


def test_a_protocol_of_classes_is_measured_within_the_scored_share_of_the_space(monkeypatch):
    """Classes of two, 80 of 200 architectures; the sizes of a class count alike."""
    few = {name: METRICS[name] for name in ("kendall_tau", "pearson")}
    monkeypatch.setattr(scored_module, "METRICS", few)
    rng = np.random.default_rng(9)
    names = [f"a{row:02d}" for row in range(80)]
    pairs = np.arange(80).reshape(2, 40)  # row i and row i + 40 are of one class
    score, mean = rng.normal(size=80), 40 + rng.integers(0, 3000, 80) / 100
    params, madds = rng.integers(1000, 2000, (2, 80))
    columns = {"test.200.0": mean - 1, "test.200.1": mean + 1, "test.200.mean": mean}
    table = make_table(names, columns, params, madds)
    space = SimpleNamespace(canonical_keys=lambda archs: [int(arch[1:]) % 40 for arch in archs])
    given = dict(zip(names, score.tolist(), strict=True))
    scored = Scored.of(table, given, "test", space=space, population=200, seed=5)
    found = scored.under("unique")
    truth = table.truth("test")[pairs].mean(axis=0)
    how = {"fraction": 0.4, "truth_sd": np.full(40, np.sqrt(0.5))}
    expected = measure_all(tuple(few), score[pairs].mean(axis=0), truth, seed=5, **how)
    for name in few:
        assert found["metrics"][name] == pytest.approx(expected[name]), name
    for name, size in (("params", params), ("flops", madds)):
        expected = measure("kendall_tau", size[pairs].mean(axis=0), truth, **how)
        assert found["floors"][name] == pytest.approx(expected)


def test_more_architectures_than_the_space_has_are_no_share_of_it():
    table = make_table(
        [f"a{row:03d}" for row in range(120)], {"test.200.mean": np.arange(120.0) / 2}
    )
    given = dict.fromkeys(table.archs, 1.0)
    for population, fraction in ((119, 0.0), (120, 1.0), (480, 0.25), (None, 0.0)):
        assert Scored.of(table, given, "test", population=population).fraction == fraction
    space = SimpleNamespace(size=15625, canonical_keys=list)
    assert Scored.of(table, given, "test", space=space).fraction == 120 / 15625


def test_the_offender_is_named():
    table = make_table([f"a{row}" for row in range(9)], {"test.200.mean": np.arange(9.0)})
    given = dict.fromkeys(table.archs, 1.0)
    with pytest.raises(UsageError, match="score of .* is inf") as raised:
        Scored.of(table, given | {table.archs[4]: np.inf}, "test")
    assert f"'{table.archs[4]}'" in str(raised.value)
    with pytest.raises(UsageError, match="'|x~0|' is not in the table nb201-benchmark-cifar10"):
        Scored.of(table, given | {"|x~0|": 1.0}, "test")


def test_a_truth_with_a_row_that_was_never_trained_has_no_noise():
    columns = {"test.200.mean": np.arange(6.0)}
    columns |= {f"test.200.{seed}": np.append(np.arange(5.0) + seed, np.nan) for seed in (0, 1)}
    table = make_table([f"a{row}" for row in range(6)], columns)
    assert noise_of(table, "test", np.arange(6)) is None
    assert noise_of(table, "test", np.arange(5)) == pytest.approx(np.full(5, 0.5))


def test_a_truth_is_as_certain_as_the_trainings_that_it_is_the_mean_of():
    columns = {f"test.200.{seed}": np.arange(5.0) + seed for seed in (0, 1)}
    columns["test.200.1"][2] = np.nan  # one training, of the deviation that its neighbours show
    table = make_table([f"a{row}" for row in range(5)], columns | {"test.200.mean": np.arange(5.0)})
    expected = [0.5, 0.5, np.sqrt(0.5), 0.5, 0.5]
    assert noise_of(table, "test", np.arange(5)) == pytest.approx(expected)


def test_validation_is_the_second_measurement_of_test_and_test_that_of_validation():
    rng = np.random.default_rng(6)
    columns = {f"{split}.200.mean": rng.integers(0, 9000, 40) / 100 for split in ("test", "val")}
    columns |= {"test.12.mean": rng.integers(0, 9000, 40) / 100}
    table = make_table([f"a{row:02d}" for row in range(40)], columns)
    rows = np.arange(0, 40, 2)
    for split in ("test", "val"):
        found = references(table, split, rows)["ceiling"]["validation"]
        pair = (table.accuracy(one)[rows] for one in ("val", "test"))
        assert found["value"] == pytest.approx(kendall_tau(*pair)) and found["n"] == 20
    alone = make_table(table.archs, {"test.200.mean": columns["test.200.mean"]})
    assert references(alone, "test", rows)["ceiling"]["validation"] is None


def test_noise_under_a_protocol_is_that_of_the_architectures_it_leaves():
    """Of the better half here, which the noise of training grows with."""
    rng = np.random.default_rng(10)
    mean, score = rng.permutation(np.linspace(20, 80, 120)), rng.normal(size=120)
    runs = mean + (mean - 20) / 10 * rng.normal(size=(2, 120))
    columns = {f"test.200.{seed}": run.clip(0, 100) for seed, run in enumerate(runs)}
    columns["test.200.mean"] = np.mean(list(columns.values()), axis=0)
    table = make_table([f"a{row:03d}" for row in range(120)], columns)
    given = dict(zip(table.archs, score.tolist(), strict=True))
    found = Scored.of(table, given, "test", population=120).under("top50")["metrics"]
    truth, noise = table.truth("test"), noise_of(table, "test", np.arange(120))
    kept = truth >= np.sort(truth)[60]
    assert noise[kept].mean() > 2 * noise[~kept].mean()
    how = {"fraction": 1.0, "truth_sd": noise[kept]}
    expected = measure("kendall_tau", score[kept], truth[kept], **how)
    assert found["kendall_tau"] == pytest.approx(expected)
