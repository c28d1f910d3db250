"""The evaluation of given scores: subsets, references, notes, and the published numbers."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from tables import made_meta

from harness.metrics import ceiling
from harness.metrics import evaluate as evaluation
from harness.metrics.caveats import notes_on_scores
from harness.metrics.difference import tau_difference
from harness.metrics.evaluate import evaluate, evaluate_scores, tau_of
from harness.metrics.intervals import measure, measure_all
from harness.metrics.metrics import METRICS, kendall_tau
from harness.metrics.rendering import render, render_references
from harness.metrics.scored import Scored, per_class, references
from harness.scores.reading import read_scores
from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201()
RESOLUTION = 0.01


def make_table(archs, columns, params=None, madds=None, epochs=200):
    resolution = {"test": RESOLUTION, "val": RESOLUTION}
    meta = made_meta(scale="benchmark", task="cifar10", epochs=epochs, resolution=resolution)
    return Table(meta, list(archs), columns, params, madds)


@pytest.fixture(scope="module", autouse=True)
def few_simulations():
    """No test here is of the precision of a ceiling."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceiling, "_SIMULATED", 1000)
        yield


@pytest.fixture(scope="module")
def toy():
    """120 architectures whose accuracy grows with their parameters, two seeds and validation."""
    rng = np.random.default_rng(0)
    archs = list(dict.fromkeys(SPACE.encode(SPACE.sample(rng)) for _ in range(140)))[:120]
    params = rng.integers(1000, 2000, 120)
    accuracy = 60 + params / 100 + rng.normal(size=120)
    seeds = accuracy + rng.normal(size=(2, 120))
    columns = {
        "test.200.0": seeds[0],
        "test.200.1": seeds[1],
        "test.200.mean": seeds.mean(axis=0),
        "val.200.mean": accuracy - 1 + rng.normal(size=120),
    }
    return make_table(archs, columns, params, params * 7)


def scores_of(table, noise, seed=1):
    rng = np.random.default_rng(seed)
    values = table.accuracy("val") + noise * rng.normal(size=len(table))
    return dict(zip(table.archs, values, strict=True))


@pytest.fixture(scope="module")
def scores(toy):
    return scores_of(toy, 0.5)


@pytest.fixture(scope="module")
def result(toy, scores):
    return evaluate_scores(toy, scores, "test", space=SPACE)


def test_the_result_has_every_subset_metric_and_reference(toy, scores, result):
    head = {k: result[k] for k in ("space", "task", "split", "epochs", "n", "n_table")}
    assert list(head.values()) == ["nb201", "cifar10", "test", 200, 120, 120]
    assert set(result["metrics"]) == {"all", "unique", "top10"}
    for values in result["metrics"].values():
        assert set(values) == set(METRICS)
        assert all(set(v) == {"value", "low", "high", "n"} for v in values.values())
    tau = result["metrics"]["all"]["kendall_tau"]
    assert tau["value"] == pytest.approx(
        kendall_tau(np.array(list(scores.values())), toy.truth("test"))
    )
    assert result["metrics"]["top10"]["kendall_tau"]["n"] == 12
    assert result["floors"]["params"]["value"] == result["floors"]["flops"]["value"] > 0.5
    assert result["ceiling"]["seed_mean"]["value"] > result["ceiling"]["single_seed"]["value"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.slow
def test_the_order_of_the_scores_does_not_matter(toy, scores, result):
    again = evaluate_scores(toy, dict(reversed(scores.items())), "test", space=SPACE)
    for subset, values in result["metrics"].items():
        for name, interval in values.items():
            assert again["metrics"][subset][name] == pytest.approx(interval, abs=1e-12)
    assert again["ceiling"] == result["ceiling"]


def test_classes_are_the_same_in_whatever_order_scores_come(toy, scores):
    given, turned = scores, dict(reversed(scores.items()))
    first, again = (Scored.of(toy, s, "test", space=SPACE).under("unique") for s in (given, turned))
    assert again == first
    keys = SPACE.canonical_keys(list(given))
    assert first["n"] == len(set(keys)) < 120
    means = per_class(keys, np.array(list(given.values())), toy.truth("test"), np.zeros(120))
    tau = kendall_tau(*means[:2])
    assert first["metrics"]["kendall_tau"]["value"] == pytest.approx(tau)


@pytest.mark.parametrize(("floor", "beaten"), [(0.49, True), (0.5, False), (0.51, False)])
def test_what_ranks_as_a_floor_does_not_beat_it(floor, beaten):
    tau = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    result = {"metrics": {"all": {"kendall_tau": tau}}, "over_floors": {}, "task": "another"}
    result["floors"] = {"params": {"value": floor}, "flops": {"value": floor - 0.2}}
    told = notes_on_scores(result, np.arange(20.0))
    expected = f"These scores (τ = 0.5000) do not beat ranking by parameters ({floor:.4f})."
    assert told == ([] if beaten else [expected])


def test_unique_averages_each_class_without_breaking_ties():
    score = np.array([0.1, 0.1, 0.1, 0.1, 3.0, 5.0, 7.0])
    truth = np.array([70.1, 70.1, 70.1, 70.1, 80.0, 90.0, 60.0])
    keys = ["a", "a", "a", "b", "c", "c", "d"]
    found = evaluate(score, truth, keys)["unique"]["kendall_tau"]
    # Classes: a (0.1, 70.1), b (0.1, 70.1), c (4.0, 85.0), d (7.0, 60.0).
    reference = kendall_tau(np.array([0.1, 0.1, 4, 7]), np.array([70.1, 70.1, 85, 60]))
    assert found["value"] == pytest.approx(reference)
    assert found["n"] == 4


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_the_noise_of_a_class_falls_with_the_root_of_its_size(fraction):
    rng = np.random.default_rng(4)
    keys = list("abcdefgh") + ["i"] * 4 + ["j"] * 2
    score, truth = rng.normal(size=(2, 14))
    noise = np.array([0.1] * 8 + [0.6] * 4 + [0.3, 0.4])
    found = evaluate(score, truth, keys, fraction=fraction, truth_sd=noise, seed=5)["unique"]
    merged = [
        np.array([*values[:8], values[8:12].mean(), values[12:].mean()])
        for values in (score, truth)
    ]
    # sqrt(4 · 0.6²) / 4 and sqrt(0.3² + 0.4²) / 2
    deviation = np.array([0.1] * 8 + [0.3, 0.25])
    for name in METRICS:
        expected = measure(name, *merged, fraction=fraction, truth_sd=deviation, seed=5)
        assert found[name] == pytest.approx(expected), name


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_unique_is_not_measured_again_where_all_are(fraction, monkeypatch):
    rng = np.random.default_rng(3)
    score, truth, keys = rng.normal(size=200), np.round(rng.normal(size=200), 1), list(range(200))
    whole = evaluate(score, truth, keys, fraction=fraction)
    classes = evaluation.per_class(keys[::-1], score, truth, np.zeros(200))
    assert whole["unique"] == {
        name: measure(name, *classes[:2], fraction=fraction) for name in METRICS
    }
    monkeypatch.setattr(evaluation, "per_class", pytest.fail)
    assert evaluate(score, truth, keys, fraction=fraction) == whole


def test_tau_alone_is_that_of_an_evaluation(toy):
    rows = np.arange(0, 120, 2)
    scores = np.random.default_rng(4).normal(size=60)
    scored = dict(zip([toy.archs[row] for row in rows], scores.tolist(), strict=True))
    whole = Scored.of(toy, scored, "test", population=240)
    expected = measure(
        "kendall_tau", scores, whole.truth, fraction=0.25, truth_sd=whole.noise, seed=0
    )
    assert tau_of(toy, rows, scores, "test", 240) == pytest.approx(expected)
    for broken in (np.nan, np.inf):
        undefined = {"value": None, "low": None, "high": None, "n": 60}
        assert tau_of(toy, rows, np.append(scores[1:], broken), "test", 240) == undefined


def test_notes_tell_scores_as_they_were_given(toy):
    given = dict(zip(toy.archs, np.linspace(7.5, 12.5, 120).tolist(), strict=True))
    notes = evaluate_scores(toy, given, "test", lower_is_better=True)["notes"]
    assert any(note.startswith("All scores, 7.5 to 12.5, are as of guessing") for note in notes)


def test_what_is_told_of_the_truth_is_of_the_split_that_scores_are_compared_with(monkeypatch):
    columns = {f"{split}.5.mean": np.arange(20.0) for split in ("test", "val")}
    truths = {"cifar10": 50_000, "cifar10-valid": 25_000}
    training = {"truth": "cifar10", "truth_images": truths, "epochs_known": False}
    resolution = {"test": RESOLUTION, "val": RESOLUTION}
    meta = made_meta(task="cifar10", training=training, resolution=resolution)
    table = Table(meta, [f"a{row:02d}" for row in range(20)], columns)
    scores = dict(zip(table.archs, range(30, 50), strict=True))
    space = SimpleNamespace(size=20, canonical_keys=lambda archs: archs)
    monkeypatch.setattr(evaluation, "unusual_truth", lambda of: f"of {of.meta.truth}")
    for split, truth, images in (("test", "cifar10", 50_000), ("val", "cifar10-valid", 25_000)):
        for known in (space, None):
            result = evaluate_scores(table, scores, split, space=known)
            assert (result["truth"], result["truth_images"], result["epochs"]) == (truth, images, 0)
            notes = result["notes"]
            assert ("of cifar10" in notes) == (split == "test")
            assert any("counted as unique" in note for note in notes) == (known is None)


def test_top10_takes_all_that_equal_the_last():
    truth = np.repeat([1.0, 2.0, 3.0], [20, 10, 5])
    assert evaluate(np.arange(35.0), truth)["top10"]["regret"]["n"] == 5
    assert evaluate(np.arange(20.0), truth[:20])["top10"]["regret"]["n"] == 20


@pytest.mark.slow
def test_a_sample_of_the_space_is_less_certain_than_the_space(toy, scores, result):
    def width(result):
        tau = result["metrics"]["all"]["kendall_tau"]
        return tau["high"] - tau["low"]

    whole = evaluate_scores(toy, scores, "test", population=120)
    endless = evaluate_scores(toy, scores, "test")
    # Two seeds of the truth leave something open even where all of the space was scored.
    assert 0 < width(whole) < width(result) < width(endless)
    assert any("every architecture of the space was scored" in note for note in whole["notes"])


def test_intervals_are_of_the_scored_share_of_the_space_and_the_noise_of_its_means(monkeypatch):
    """60 of 150 architectures in a table of 90; two seeds, one point above and below each mean."""
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)  # the ceiling is not looked at
    few = {name: METRICS[name] for name in ("kendall_tau", "spearman", "precision_at_top10pct")}
    monkeypatch.setattr(evaluation, "METRICS", few)
    rng = np.random.default_rng(8)
    archs = list(dict.fromkeys(SPACE.encode(SPACE.sample(rng)) for _ in range(110)))[:90]
    mean, params = 40 + rng.integers(0, 3000, 90) / 100, rng.integers(1000, 2000, 90)
    apart = rng.choice([-1, 1], 90)
    columns = {"test.200.0": mean - apart, "test.200.1": mean + apart, "test.200.mean": mean}
    madds = rng.integers(1000, 2000, 90)
    table = make_table(archs, columns, params, madds)
    score = mean + 5 * rng.normal(size=90)
    scores = dict(zip(archs[:60], score[:60].tolist(), strict=True))
    result = evaluate_scores(table, scores, "test", population=150, seed=5, protocols=["random-30"])
    truth = table.truth("test")
    # A training deviates by the root of (1² + 1²) / (2 - 1), the mean of two by 1.
    given = {"fraction": 0.4, "truth_sd": np.ones(60), "seed": 5}
    expected = measure_all(tuple(few), score[:60], truth[:60], **given)
    for name in few:
        assert result["metrics"]["all"][name] == pytest.approx(expected[name]), name
    top = truth[:60] >= np.sort(truth[:60])[-6]
    expected = measure_all(
        tuple(few), score[:60][top], truth[:60][top], **given | {"truth_sd": np.ones(6)}
    )
    for name in few:
        assert result["metrics"]["top10"][name] == pytest.approx(expected[name]), name
    drawn = np.sort(np.random.default_rng(5).choice(60, 30, replace=False))
    fewer = given | {"fraction": 0.2, "truth_sd": np.ones(30)}
    protocol = result["protocols"]["random-30"]
    expected = measure("kendall_tau", score[drawn], truth[drawn], **fewer)
    assert protocol["metrics"]["kendall_tau"] == pytest.approx(expected)
    per_seed = np.stack([mean - apart, mean + apart], axis=1)
    for found, rows, how in ((result, np.arange(60), given), (protocol, drawn, fewer)):
        for name, size in (("params", params), ("flops", madds)):
            expected = measure("kendall_tau", size[rows] * 1.0, truth[rows], **how | {"seed": 0})
            assert found["floors"][name] == pytest.approx(expected)
            expected = tau_difference(score[rows], size[rows], truth[rows], **how)
            assert found["over_floors"][name] == pytest.approx(expected)
        assert found["ceiling"] == ceiling.ceiling(per_seed[rows], seed=5)
        assert found["ceiling"] != ceiling.ceiling(per_seed[rows])


@pytest.mark.slow
def test_notes_tell_unbeaten_floors_and_undefined_correlations(toy, result):
    assert not any("do not beat" in note for note in result["notes"])
    bad = evaluate_scores(toy, scores_of(toy, 100.0), "test")["notes"]
    assert any("do not beat" in note and "parameters" in note for note in bad)
    constant = evaluate_scores(toy, dict.fromkeys(toy.archs, 1.0), "test")
    assert constant["metrics"]["all"]["kendall_tau"]["value"] is None
    assert any("undefined" in note for note in constant["notes"])
    assert "undefined" in render(constant)


def test_without_seeds_validation_is_the_ceiling():
    rng = np.random.default_rng(2)
    accuracy = rng.uniform(50, 90, 60)
    archs = [SPACE.encode(SPACE.sample(rng)) for _ in range(60)]
    archs = list(dict.fromkeys(archs))
    accuracy = accuracy[: len(archs)]
    columns = {
        "test.200.mean": accuracy,
        "val.200.mean": accuracy + rng.normal(size=len(accuracy)),
    }
    table = make_table(archs, columns)
    found = references(table, "test")
    truth = table.truth("test")
    assert found["ceiling"]["validation"]["value"] == pytest.approx(
        kendall_tau(columns["val.200.mean"], truth)
    )
    assert found["floors"]["params"]["value"] is None
    text = render_references(found["floors"], found["ceiling"])
    assert "validation against test" in text and "undefined" in text


def test_render_shows_values_with_intervals_in_100_columns(result):
    text = render(result)
    tau = result["metrics"]["all"]["kendall_tau"]
    assert f"{tau['value']:.4f} [{tau['low']:.3f}, {tau['high']:.3f}]" in text
    assert max(map(len, text.splitlines())) <= 100
    for label in (*(metric.label for metric in METRICS.values()), "FLOPs", "random order"):
        assert label in text
    assert all(note.split()[0] in text for note in result["notes"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda scores: dict(list(scores.items())[:1]), "at least two"),
        (lambda scores: {}, "at least two"),
        (lambda scores: scores | {"x": 1.0}, "'x' is not in the table"),
        (lambda scores: scores | {next(iter(scores)): np.nan}, "is nan"),
    ],
)
def test_impossible_scores_are_refused(toy, scores, change, says):
    with pytest.raises(UsageError, match=says):
        evaluate_scores(toy, change(scores), "test")


@pytest.fixture(scope="module")
def benchmark():
    """NAS-Bench-201's CIFAR-10 test accuracies alone: nothing else enters the references."""
    table = Table.load(EMBEDDED / "nb201-benchmark-cifar10.parquet")
    columns = {k: v for k, v in table.accuracies.items() if k.startswith("test.200.")}
    return make_table(table.archs, columns, table.params)


@pytest.mark.slow
def test_released_predictions_give_their_known_tau(benchmark, shared_data):
    folder = shared_data / "predictions"
    scores = read_scores(folder / "few_shot_nas_one_shot_supernet_nb201.json", benchmark)
    assert len(scores) == 15_625
    score = np.array([scores[arch] for arch in benchmark.archs])
    assert kendall_tau(score, benchmark.truth("test")) == pytest.approx(0.4849, abs=5e-5)
    assert kendall_tau(score, benchmark.accuracy("test")) == pytest.approx(0.4847, abs=5e-5)
    means = {"test.200.mean": benchmark.accuracy("test")}
    unseeded = make_table(benchmark.archs, means, benchmark.params)
    result = evaluate_scores(unseeded, scores, "test", space=SPACE)
    tau = result["metrics"]["all"]["kendall_tau"]
    assert tau["value"] == tau["low"] == tau["high"] == pytest.approx(0.4849, abs=5e-5)
    assert result["metrics"]["unique"]["kendall_tau"]["n"] == 6_466
    assert any("do not beat" in note for note in result["notes"])


def test_references_of_the_benchmark(benchmark):
    found = references(benchmark, "test", fraction=1.0)
    assert found["floors"]["params"]["value"] == pytest.approx(0.5777, abs=5e-5)
    unrounded = kendall_tau(benchmark.params.astype(float), benchmark.accuracy("test"))
    assert unrounded == pytest.approx(0.5774, abs=5e-5)
    assert found["ceiling"]["single_seed"]["value"] == pytest.approx(0.907, abs=0.001)
    assert found["ceiling"]["seed_mean"]["value"] == pytest.approx(0.934, abs=0.005)
