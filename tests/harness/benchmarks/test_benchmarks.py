"""Benchmarks beside ranking: both ways of doing something give the same. Times are not tested."""

import json
import math
from pathlib import Path
from shutil import which

import numpy as np
import pytest
import torch

from harness.benchmarks import memory, solvers, students, tables, training
from harness.benchmarks.measuring import in_turns, said, waits
from harness.benchmarks.references import (
    Again,
    PlainCoefficients,
    PlainEnsemble,
    anew,
)
from harness.benchmarks.solvers import some_logits
from harness.benchmarks.table_files import synthetic
from harness.commands.bench import main
from methods.ennas.ensemble import ensemble_weights
from methods.mngnas.coefficients import adaptive_coefficients
from methods.reference_solvers import load_cvxpy
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def measured(capsys, *arguments):
    main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def numbers(value):
    """All numbers within a result."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("classes", [2, 10])
def test_weights_are_those_of_cvxpy_in_both_ways(classes, rng):
    logits, labels = some_logits(rng, 3, 20, classes)
    plain = PlainEnsemble(logits.shape, labels)
    again = Again(plain)
    for scale in (1.0, 2.0):  # the second time with other values
        given = torch.tensor(scale * logits), torch.tensor(labels)
        ours = ensemble_weights(*given).weights.numpy()
        for theirs in (anew(plain, scale * logits), again(scale * logits)):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_coefficients_are_those_of_cvxpy_in_both_ways(rng):
    logits, _ = some_logits(rng, 12, 16, 10)
    vectors = torch.tensor(logits).softmax(-1).flatten(1)
    member = torch.zeros(1, 2, 12, dtype=torch.bool)
    member[0, 0, :3] = member[0, 1, 4:] = True
    plain = PlainCoefficients(member[0].numpy(), vectors.shape[1])
    again = Again(plain)
    for row in (3, 5):
        target = vectors[row : row + 1]
        ours = adaptive_coefficients(target, vectors, member)[0].numpy()
        assert ours[3] == 0
        for theirs in (
            anew(plain, vectors.numpy(), target[0].numpy()),
            again(vectors.numpy(), target[0].numpy()),
        ):
            np.testing.assert_allclose(np.delete(ours, 3), theirs, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_solvers(monkeypatch, capsys):
    monkeypatch.setattr("harness.benchmarks.solvers.CLASSES", (3, 5))
    result = measured(capsys, "solvers", "--repeats=2", "--subnets=2", "--images=12")
    assert len(result["problems"]) == 4
    for problem in result["problems"]:
        assert problem["difference"] < 1e-5 and abs(problem["excess"]) < 1e-6
        assert [other["ratio"]["low"] > 0 for other in problem["others"]] == [True, True]
    printed = solvers.render(result)
    assert "96 images" not in printed and "12 images x 5 classes" in printed
    assert "one of 30 students at once" in printed


def test_cvxpy_is_asked_for(monkeypatch):
    assert load_cvxpy().__name__ == "cvxpy"
    monkeypatch.setitem(__import__("sys").modules, "cvxpy", None)
    with pytest.raises(UsageError, match=r"pip install .*\[bench\]"):
        main(["solvers"])


@pytest.mark.slow
def test_students_end_with_the_same_weights(capsys):
    given = ("--students=3", "--steps=2", "--repeats=1", "--batch-size=8")
    result = measured(capsys, "students", *given)
    assert result["difference"] < 1e-5 < result["largest_logit"]
    assert result["ratio"]["sd"] is None
    assert "3 students, 5 teachers" in students.render(result)


@pytest.mark.parametrize("space", ["nb201", "macro"])
def test_training_is_the_bare_loop(space, capsys):
    given = ("--space", space, "--steps=3", "--repeats=2", "--batch-size=8")
    result = measured(capsys, "training", *given)
    assert result["same"] is True
    assert result["waits"] == {}
    printed = training.render(result)
    assert "same weights afterwards: yes" in printed and "wait: none" in printed


def test_waiting_for_a_device_is_seen():
    x = torch.ones(3, requires_grad=True)

    def step():
        loss = (x**2).sum()
        loss.backward()
        return loss.item() + float(x.grad[0])

    assert waits(step) == {"_local_scalar_dense": 2}
    assert waits(lambda: (x**2).sum().backward()) == {}


@pytest.mark.slow
def test_tables(capsys):
    result = measured(capsys, "tables", "--quick", "--repeats=2")
    assert [table["origin"] for table in result["open"]] == ["synthetic"] * 2
    assert result["tau"]["pairs"] == result["intervals"]["n"] == 300
    assert 0.2 < result["tau"]["value"] < 0.8  # noise as large as what varies
    for table in result["open"]:
        assert table["rows"] == 300
        assert 0.005 < table["file_mb"] < 0.05  # five numbers of eight bytes a row, and a name
        assert 1e-4 < table["wall"]["low"] < 10  # seconds
        assert table["peak_mb"]["low"] >= table["mb"]["low"]
    [command] = result["command"]
    assert command["n"] == 15_625 and 0.3 < command["cpu"]["low"] < 60
    printed = tables.render(result)
    assert "evaluate of 15,625 scores of nb201" in printed
    assert "open nb101, 300 rows, synthetic" in printed and "--help" in printed


def test_tau_of_the_tables_is_that_of_counting_pairs(rng):
    score, truth = rng.integers(0, 9, (2, 60)).astype(float)
    signs = [np.sign(x[:, None] - x[None, :]) for x in (score, truth)]
    counted = (signs[0] * signs[1]).sum() / np.sqrt(np.prod([(s != 0).sum() for s in signs]))
    assert tables._tau(score, truth, 1)["value"] == pytest.approx(counted, abs=1e-12)


def test_memory_is_told_without_proc_as_well(monkeypatch):
    if not memory.STATUS.exists() or which("ps") is None:
        pytest.skip("needs /proc and ps to compare")
    told = memory.resident_mb(), memory.peak_mb()
    monkeypatch.setattr(memory, "STATUS", Path("/nowhere"))
    assert (memory.resident_mb(), memory.peak_mb()) == pytest.approx(told, rel=0.1)


def test_a_published_table_is_preferred(rng):
    from harness.benchmarks.table_files import table_of

    table, origin = table_of("nb201", None, rng)
    assert (origin, len(table)) == ("published", 15_625)


def test_synthetic_tables(rng):
    for rows in (100, 15_625, 16_000):
        table = synthetic("made-up", rows, rng)
        assert len(table) == rows
        assert (table.index(table.archs) == np.arange(rows)).all()
    assert table.archs[0] == SPACES["nb201"]().encode((0,) * 6)


@pytest.mark.slow
def test_scaling(monkeypatch, capsys):
    times = "harness.benchmarks.scaling"
    monkeypatch.setattr(f"{times}.RANKED", (10, 20))
    result = measured(capsys, "scaling", "--quick", "--repeats=1")
    for part in ("architectures", "ranked", "classes", "students"):
        rows = result[part]
        assert [row["number"] for row in rows] == sorted(row["number"] for row in rows)
        assert len(rows) == 2
    assert all(math.isfinite(number) for number in numbers(result))


def test_ways_take_turns():
    order = []
    ways = [lambda: order.append("a") or 1, lambda: order.append("b") or 2]
    taken, results = in_turns(ways, (2, 1), 2)
    assert "".join(order) == "ab" + "aab" + "baa"
    assert results == [1, 2]
    assert taken.shape == (2, 2) and (taken >= 0).all()


def test_a_ratio_as_said():
    ratio = {"mean": 3.0, "sd": None, "low": 3.0, "high": 3.0}
    assert said(ratio).strip() == "3.00, from 3.00 to 3.00"
    assert "± 0.50" in said(ratio | {"sd": 0.5})
