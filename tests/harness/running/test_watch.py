"""A watch by itself: when it looks, at what, what a row and the record have, and its clock."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from tables import made_meta

from harness.config.config import digest
from harness.metrics import ceiling
from harness.metrics.evaluate import evaluate_scores
from harness.metrics.scored import references
from harness.running import watching
from harness.running.assembly import sampled_rows
from harness.running.watching import WATCHED, Stopwatch, Watch
from harness.tabular.table import Table
from searchspaces.registry import SPACES

EVERY = 4


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return tiny.make_table(tmp_path_factory.mktemp("watch"), seeds=2)


def test_an_interval_is_that_of_an_evaluation_of_the_sample(table, monkeypatch):
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)
    space = SPACES["nb201"]("compact")
    watch = Watch(1, 6, space, table, None)
    scores = np.random.default_rng(0).normal(size=len(table))
    by_name = dict(zip(table.archs, scores.tolist(), strict=True))
    whole = evaluate_scores(table, by_name, "test", space=space)
    assert watch.tau(scores) == pytest.approx(whole["metrics"]["all"]["kendall_tau"])
    scores[3] = np.nan
    assert watch.tau(scores)["value"] is None


def test_a_row_has_what_was_spent_till_then_and_the_rank_of_the_sample(table, monkeypatch):
    """Scored by another instance, by one thread; its costs stand apart."""
    space, asked = SPACES["nb201"]("compact"), []
    archs = [space.decode(name) for name in table.archs]
    scores = np.random.default_rng(1).normal(size=len(table))

    def score(given, step):
        other.costs["scoring_image_passes"] += 500
        asked.append((given, step, torch.get_num_threads()))
        ran.append((watch.clock.runs, watch.own.runs))  # training stands still meanwhile
        return scores if step > 1 else None

    loaded, ran = [], []
    other = SimpleNamespace(score_in_training=score, load_trained_state=loaded.append)
    setting = SimpleNamespace(device=torch.device("cpu"), recipe=SimpleNamespace(steps=6))
    method = SimpleNamespace(
        setting=setting, costs={"compute": 77}, trained_state=lambda: f"trained {method.costs}"
    )
    monkeypatch.setattr(watching, "time", SimpleNamespace(process_time=lambda: 5.0))
    watch = Watch(1, 6, space, table, lambda: other)
    watch.clock.seconds = 1.23456
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with watch.clock.on():
            assert watch.row(method, 1) is None  # the method has nothing to score yet
            method.costs["compute"] = 88
            row = watch.row(method, 2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert asked == [(archs, 1, 1), (archs, 2, 1)]
    assert ran == [(False, True)] * 2
    assert loaded == ["trained {'compute': 77}", "trained {'compute': 88}"]
    tau = watch.tau(scores)
    ends = {"tau": tau["value"], "tau_low": tau["low"], "tau_high": tau["high"]}
    first = {"phase": "watch", "step": 2, "compute": 88, "cpu_seconds": 1.235}
    assert row == first | ends and tau["low"] < tau["value"] < tau["high"]
    assert (watch.image_passes, watch.trained) == (1000, 88)
    # What the run's own scores cost beyond the training is one more row.
    by_name = dict(zip(table.archs, scores.tolist(), strict=True))
    assert watch.last_row(method, by_name) == []
    method.costs["compute"] = 99
    assert watch.last_row(method, by_name) == [row | {"step": 6, "compute": 99}]
    watch.own.seconds = 7.77
    again = Watch(1, 6, space, table, None)
    again.load_state_dict(watch.state_dict())
    assert again.state_dict() == watch.state_dict()
    assert (again.clock.seconds, again.own.seconds, again.trained) == (1.23456, 7.77, 88)


def test_what_is_watched_and_not_ranked_is_scored_at_the_end(table):
    """In chunks, by one thread; what it costs is no cost of the run."""
    space, asked = SPACES["nb201"]("compact"), []
    scores = np.random.default_rng(1).normal(size=len(table))
    by_arch = {space.decode(a): s for a, s in zip(table.archs, scores.tolist(), strict=True)}

    def score(archs):
        asked.append((len(archs), torch.get_num_threads(), watch.own.runs))
        method.costs.update(scoring_image_passes=10, compute=1)
        return np.array([by_arch[arch] for arch in archs])

    method = SimpleNamespace(
        setting=SimpleNamespace(device=torch.device("cpu"), recipe=SimpleNamespace(steps=6)),
        costs=Counter(compute=99, scoring_image_passes=7),
        chunks=lambda archs: [[2, 0], [1]],
        score=score,
    )
    watch = Watch(1, 6, space, table, None)
    watch.trained = 88
    ranked = dict(zip(table.archs[3:], scores[3:].tolist(), strict=True))
    (row,) = watch.last_row(method, ranked)
    assert (row["step"], row["compute"]) == (6, 99)
    assert row["tau"] == watch.tau(scores)["value"]
    assert asked == [(2, 1, True), (1, 1, True)]
    assert method.costs == Counter(compute=99, scoring_image_passes=7)
    assert watch.image_passes == 20


def test_the_record_of_watching_has_references_of_the_sample(table, monkeypatch):
    monkeypatch.setattr(watching, "WATCHED", 12)
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)
    space = SPACES["nb201"]("compact")
    watch = Watch(EVERY, 6, space, table, None)
    watch.image_passes, watch.own.seconds, watch.clock.seconds = 500, 7.77, 1.0
    record = watch.record()
    rows = np.sort(np.random.default_rng(2027).choice(len(table), 12, replace=False))
    assert watch.rows.tolist() == rows.tolist()
    own = references(table, "test", rows, fraction=12 / 15625)
    assert record == {
        "every": EVERY,
        "of": 6,
        "table": table.meta.identity,
        "sample": digest([table.archs[row] for row in rows]),
        "seed": 2027,
        "n": 12,
        **own,
        "costs": {"scoring_image_passes": 500, "cpu_seconds": 7.8},
    }
    assert own["floors"] != references(table, "test", rows)["floors"]


@pytest.mark.parametrize(
    ("every", "steps", "due"),
    [
        (200, 1000, [200, 400, 600, 800, 1000]),
        (300, 1000, [300, 600, 900, 1000]),
        (200, 200, [40, 80, 120, 160, 200]),  # a step costs what five of one path do
        (250, 7, [2, 4, 6, 7]),
        (1, 3, [1, 2, 3]),
        (5000, 3, [3]),
    ],
)
def test_methods_of_fewer_steps_are_watched_as_often(table, every, steps, due):
    watch = Watch(every, 1000, SPACES["nb201"]("compact"), table, None)
    assert [step for step in range(1, steps + 1) if watch.due(step, steps)] == due


def test_the_sample_is_the_same_for_all_and_all_of_a_small_table(table):
    assert watching.watched_rows(table).tolist() == [*range(tiny.ARCHITECTURES)]
    names = [str(number) for number in range(1000)]
    large = Table(made_meta(space="toy"), names, {"test.5.mean": np.linspace(10, 90, 1000)})
    rows = watching.watched_rows(large).tolist()
    drawn = np.random.default_rng(2027).choice(1000, 200, replace=False)
    assert rows == sorted(drawn.tolist()) and WATCHED == 200
    assert rows != sampled_rows(large, WATCHED).tolist()


def test_a_stopwatch_counts_while_it_runs(monkeypatch):
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(watching, "time", SimpleNamespace(process_time=lambda: next(now)))
    clock = Stopwatch()
    with clock.on():  # 0
        with clock.on(False):  # 10 to 20
            assert clock.seconds == 10
        with pytest.raises(ValueError), clock.on(False):  # 30 to 40
            raise ValueError
    assert clock.seconds == 30  # of 50
    clock.add(5)
    with clock.on():
        pass
    assert clock.seconds == 45
