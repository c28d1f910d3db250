"""Benchmarks beside ranking: both ways of doing something give the same. Times are not tested."""

import json
import math
from pathlib import Path
from shutil import which
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.benchmarks import (
    measuring,
    memory,
    ranking,
    scaling,
    solvers,
    students,
    tables,
    training,
)
from harness.benchmarks.measuring import in_turns, seconds, waits
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
def test_training_is_the_bare_loop(space, capsys, monkeypatch):
    """With seconds of our own: six and eight for the harness, three and four for the bare loop."""
    spent = iter([6.0, 3.0, 4.0, 8.0])  # every second repeat the other way round
    monkeypatch.setattr(training, "seconds", lambda work: (next(spent), work()))
    given = ("--space", space, "--steps=3", "--repeats=2", "--batch-size=8")
    result = measured(capsys, "training", *given)
    assert (result["harness"], result["bare"]) == pytest.approx((7 / 3, 3.5 / 3))
    assert result["overhead"] == pytest.approx(100)
    assert (result["ratio"]["low"], result["ratio"]["high"]) == pytest.approx((2, 2))
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
    found = tables._tau(score, truth, 1)
    assert found["value"] == pytest.approx(counted, abs=1e-12) and found["difference"] < 1e-12


def test_cpu_time_of_other_processes_is_that_in_and_out_of_the_kernel(monkeypatch):
    used = iter([(1.0, 2.0), (1.5, 2.25), (9.0, 1.0), (9.5, 3.0)])
    monkeypatch.setattr(
        "resource.getrusage", lambda who: SimpleNamespace(**dict(zip(("ru_utime", "ru_stime"), next(used), strict=True)))
    )  # fmt: skip
    moments = iter([10.0, 11.0, 20.0, 24.0])
    monkeypatch.setattr(tables.time, "perf_counter", lambda: next(moments))
    found = tables._processes(lambda: None, 2)
    assert found["cpu"] == {"mean": 1.625, "low": 0.75, "high": 2.5}
    assert found["wall"] == {"mean": 2.5, "low": 1.0, "high": 4.0}


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


@pytest.fixture
def clock(monkeypatch):
    """CPU time that passes only where ``clock.now`` is moved."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(measuring.time, "process_time", lambda: clock.now)
    return clock


def test_ways_take_turns(clock):
    order = []

    def way(name, spends, gives):
        def call():
            order.append(name)
            clock.now += spends * len(order)
            return gives

        return call

    taken, results = in_turns([way("a", 1, 1), way("b", 10, 2)], (2, 1), 2)
    assert "".join(order) == "ab" + "aab" + "baa"
    assert results == [1, 2]
    # Of a call: the third and fourth, seventh and eighth by a; the fifth and sixth by b.
    assert taken.tolist() == [[3.5, 7.5], [50.0, 60.0]]


def test_seconds_are_those_of_one_call(clock):
    def work():
        clock.now += 3
        return clock.now

    assert seconds(work, 4) == (3.0, 112.0)


class Timed:
    """A method whose scores take four seconds one by one and one together."""

    def __init__(self, clock):
        self.clock, self.scored = clock, []
        self.supernet = SimpleNamespace(subnet=lambda arch: arch)

    def validation_score(self, arch):
        self.clock.now += 4
        return float(arch)

    def score(self, archs):
        self.clock.now += len(archs)
        self.scored.append(archs)
        return np.array(archs) + 0.25 * (max(archs) == 11)


def test_chunks_over_the_whole_ranking_are_timed_both_ways(clock):
    """Of six chunks two for each of two repeats: the first, third, fourth and sixth by thirds."""
    every = [[2 * k, 2 * k + 1] for k in range(6)]
    method = Timed(clock)
    taken, picked, difference = ranking._time(method, every, 2, 2)
    assert picked == [every[k] for k in (0, 2, 3, 5)] == method.scored[1:]
    assert taken.tolist() == [[16.0, 16.0], [4.0, 4.0]]
    assert difference == 0.25
    assert len(ranking._time(method, every, 0, 1)[1]) == 6


def test_a_ranking_is_told_in_seconds_of_an_architecture(monkeypatch):
    times = np.array([[8.0, 16.0], [2.0, 2.0]])
    monkeypatch.setattr(ranking, "_time", lambda method, every, *_: (times, every[:2], 0.5))
    found = ranking.measure("macro", "digits", "", "running", 20, 2, 2, 4, 3, 5)
    timed = found["timed"]
    assert (found["architectures"], timed["chunks"], timed["repeats"]) == (20, 2, 2)
    number = timed["architectures"]
    assert (timed["one_by_one"], timed["together"]) == (24 / number, 4 / number)
    whole = found["whole"]
    assert whole["one_by_one"] == 24 / number * 20
    assert whole["together"] == pytest.approx(4 / timed["subnets"] * whole["subnets"])
    assert timed["subnets"] < whole["subnets"] == 20  # all distinct, as of a chain
    ratio = found["ratio"]
    assert (ratio["mean"], ratio["low"], ratio["high"]) == (6.0, 4.0, 8.0)
    assert found["largest_difference"] == 0.5
    assert (found["images"], found["batch_size"], found["seed"], found["bn"]) == (
        4,
        3,
        5,
        "running",
    )
    blocks = found["block_evaluations"]
    assert 20 < blocks["distinct"] <= blocks["in_chunks"] <= blocks["one_by_one"] <= 20 * 8


def compared(monkeypatch, taken, answers):
    monkeypatch.setattr(
        solvers, "in_turns", lambda ways, calls, repeats: (np.array(taken), answers)
    )
    ways = {"one": None, "two": None}
    return solvers._compared("it", None, ways, lambda x: float(x.sum()), 2, 5)


def test_a_share_of_what_is_solved_together_is_compared(monkeypatch):
    answers = [np.array([0.5, 0.75]), np.array([0.5, 0.5]), np.array([0.25, 0.625])]
    found = compared(monkeypatch, [[10.0, 20.0], [4.0, 4.0], [8.0, 16.0]], answers)
    assert found["seconds"] == 3.0  # a fifth of ten and twenty
    assert [other["seconds"] for other in found["others"]] == [4.0, 12.0]
    ratios = [other["ratio"] for other in found["others"]]
    assert [ratio["mean"] for ratio in ratios] == [1.5, 4.0]
    assert (ratios[0]["low"], ratios[0]["high"]) == (1.0, 2.0)
    assert (found["difference"], found["excess"]) == (0.25, 0.375)


def test_resamples_are_extrapolated_and_ratios_are_of_the_slower_way(monkeypatch, rng):
    score, truth = rng.normal(size=(2, 20))
    times = np.array([[1.0, 2.0], [3.0, 3.0], [5.0, 7.0], [0.5, 1.5], [1.0, 2.0]])
    monkeypatch.setattr(tables, "in_turns", lambda ways, calls, repeats: (times.copy(), []))
    found = tables._intervals(score, truth, 1000, 2)  # 25 resamples of 1,000 are timed
    assert found["tau"] == {"mean": 1.5, "low": 1.0, "high": 2.0}
    assert found["weighted_tau"]["mean"] == 3.0 and found["rho"]["high"] == 7.0
    assert found["literal_tau"] == {"mean": 40.0, "low": 20.0, "high": 60.0}
    assert found["literal_weighted_tau"]["low"] == 40.0
    assert (found["ratio"]["low"], found["ratio"]["high"]) == (20.0, 30.0)
    assert found["weighted_ratio"]["mean"] == pytest.approx(20.0)
    monkeypatch.setattr(tables, "in_turns", lambda *_: (times[:2].copy(), [0.5, 0.25]))
    found = tables._tau(score, truth, 2)
    assert (found["seconds"]["low"], found["scipy"]["low"]) == (1.0, 3.0)
    assert (found["ratio"]["low"], found["ratio"]["high"]) == (1.5, 3.0)
    assert (found["pairs"], found["value"], found["difference"]) == (20, 0.5, 0.25)


def test_the_fastest_counts_in_milliseconds(clock):
    spent = iter([9.0, 0.5, 0.25, 0.75])

    def work():
        clock.now += next(spent)

    assert scaling._ms(work, 3) == 250.0  # the first call is not timed
