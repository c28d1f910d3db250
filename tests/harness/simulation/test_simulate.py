"""Simulated searches: what trainings reveal, curves, the closed form, the command."""

import itertools
import json

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import PlantedSpace
from tables import made_meta
from tiny import make_table

from harness.commands.search import main, parse
from harness.simulation import simulate as simulation
from harness.simulation.rendering import render
from harness.simulation.searches import EXACT, compare_searches, flat_rows
from harness.simulation.simulate import Trainings, best_of_random, checkpoints, simulate
from harness.tabular.locate import find_table
from harness.tabular.table import Table
from methods.search.candidates import Candidates
from methods.search.table_search import SEARCHES, NoOptions, RandomSearch
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SPACE = PlantedSpace()
ARCHS = [SPACE.encode(arch) for arch in itertools.product(range(3), repeat=4)]
ROWS = np.arange(len(ARCHS))
NAN = float("nan")


@pytest.fixture(scope="module")
def table():
    """All of the planted space: truth as planted, three noisy validation seeds with gaps."""
    rng = np.random.default_rng(0)
    truth = np.array([SPACE.truth(SPACE.decode(text)) for text in ARCHS])
    runs = truth + rng.normal(scale=4, size=(3, len(ARCHS))) + 10
    runs[1:, rng.random(len(ARCHS)) < 0.4] = np.nan
    columns = {f"val.5.{seed}": run.clip(0, 100) for seed, run in enumerate(runs)}
    columns |= {"val.5.mean": np.nanmean(runs, axis=0).clip(0, 100), "test.5.mean": truth}
    return as_table(columns)


def as_table(columns, archs=ARCHS):
    meta = made_meta(space="planted", scale="toy")
    madds = np.array([1_000_000 * (1 + sum(map(int, text))) for text in archs])
    return Table(meta, list(archs), columns, madds, madds)


def defaults(*names):
    return {name: SEARCHES[name].Options() for name in names}


def test_trainings_are_the_seeds_that_were_run_or_else_the_mean():
    columns = {
        "val.5.0": np.array([1.0, NAN, NAN]),
        "val.5.1": np.array([2.0, 3.0, NAN]),
        "val.5.mean": np.array([1.5, 3.0, 4.0]),
    }
    trainings = Trainings.of(as_table(columns, ARCHS[:3]))
    luck = np.linspace(0, 1, 50, endpoint=False)
    seen = [{trainings.reveal(row, u) for u in luck} for row in range(3)]
    assert seen == [{1.0, 2.0}, {3.0}, {4.0}]
    only_mean = Trainings.of(as_table({"val.5.mean": columns["val.5.mean"]}, ARCHS[:3]))
    assert only_mean.reveal(1, 1 - 2**-53) == 3.0
    with pytest.raises(UsageError, match="--test-as-validation"):
        Trainings.of(as_table({"test.5.mean": columns["val.5.mean"]}, ARCHS[:3]))


@given(st.integers(1, 10**6))
def test_checkpoints_rise_to_the_last_query(queries):
    points = checkpoints(queries).tolist()
    assert points[-1] == queries and points == sorted(set(points))
    assert all(str(point).rstrip("0") in ("1", "2", "5") for point in points[:-1])


def test_checkpoints_as_people_read_them():
    assert checkpoints(300).tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 300]


accuracies = st.integers(0, 4).map(float)


@given(
    st.lists(st.lists(accuracies, min_size=1, max_size=3), min_size=1, max_size=3),
    st.lists(accuracies, min_size=4, max_size=4),
    st.integers(1, 3),
)
def test_the_closed_form_is_the_mean_over_all_sequences(runs, truth, draws):
    # A row without candidate stands in front: candidates need not be the whole table.
    width = max(map(len, runs))
    padded = np.array([[0.0] * width, *(r + [NAN] * (width - len(r)) for r in runs)])
    counts = np.array([width, *map(len, runs)])
    rows, truth = np.arange(1, len(runs) + 1), np.array(truth)
    single = [
        (seen, truth[row], 1 / (len(runs) * len(run)))
        for row, run in zip(rows, runs, strict=True)
        for seen in run
    ]
    chances, found = [], []
    for sequence in itertools.product(single, repeat=draws):
        chances.append(np.prod([chance for *_, chance in sequence]))
        found.append(max(sequence, key=lambda training: training[0])[:2])  # the first of equals
    mean = np.average(found, axis=0, weights=chances)
    sd = np.sqrt(np.average((np.array(found) - mean) ** 2, axis=0, weights=chances))
    (exact,) = best_of_random(Trainings("val", 5, padded, counts), rows, truth, [draws])
    np.testing.assert_allclose(exact, [mean[0], sd[0], mean[1], sd[1]], atol=1e-7)


def test_random_search_has_the_mean_of_the_closed_form(table):
    trainings, truth = Trainings.of(table), table.truth("test")
    candidates, repeats = Candidates(SPACE, ARCHS), 400
    curves = simulate(
        lambda rng: RandomSearch(candidates, NoOptions(), 50, rng), trainings, 50, repeats, 0
    )
    exact = best_of_random(trainings, ROWS, truth, curves.points.tolist())
    for point, moments in enumerate(exact):
        error = np.array([moments.seen_sd, moments.truth_sd]) / np.sqrt(repeats)
        found = np.array([curves.seen[:, point].mean(), truth[curves.rows[:, point]].mean()])
        assert (np.abs(found - [moments.seen, moments.truth]) < 4 * error).all()


@settings(max_examples=10)
@given(st.sampled_from(["random", "rea", "reinforce"]), st.integers(0, 99), st.integers(3, 40))
def test_a_repeat_depends_on_its_number_and_the_seed_only(table, name, seed, queries):
    cls, candidates = SEARCHES[name], Candidates(SPACE, ARCHS)

    def curves(repeats):
        return simulate(
            lambda rng: cls(candidates, cls.Options(), queries, rng),
            Trainings.of(table),
            queries,
            repeats,
            seed,
        )

    few, more = curves(2), curves(4)
    assert (few.rows == more.rows[:2]).all() and (few.seen == more.seen[:2]).all()
    assert (np.diff(more.seen, axis=1) >= 0).all()


def test_learning_searches_beat_random_search(table):
    options = defaults("random", "rea", "reinforce")
    options["reinforce"] = type(options["reinforce"])(lr=0.1)
    result = compare_searches(table, SPACE, options, queries=40, repeats=60)
    last = {name: rows[-1] for name, rows in result["curves"].items()}
    assert list(last) == [EXACT, "random", "rea", "reinforce"]
    for name in ("rea", "reinforce"):
        assert last[name]["selection"] > last[EXACT]["selection"]
    best = table.truth("test").max()
    for row in flat_rows(result):
        assert row["regret"] == pytest.approx(best - row["test"])
        assert (row["moves"], row["selection_split"]) == ("space", "val")
    json.dumps(result, allow_nan=False)


def test_a_limit_on_multiply_adds_holds_for_all_and_for_the_regret(table):
    result = compare_searches(table, SPACE, defaults("rea"), queries=20, repeats=5, max_madds=4)
    within = table.madds <= 4e6
    assert result["n_candidates"] == within.sum() == 31
    assert result["best_test"] == table.truth("test")[within].max() < table.truth("test").max()
    assert all(row["regret"] > -1e-9 for row in flat_rows(result))
    for limit, unknown in ((0.5, table), (4, Table(table.meta, ARCHS, table.accuracies))):
        with pytest.raises(UsageError, match="--max-madds"):
            compare_searches(unknown, SPACE, defaults("rea"), max_madds=limit)


def test_searches_that_saw_the_test_say_so_everywhere(table):
    blind = as_table({"test.5.mean": table.accuracy("test")})
    result = compare_searches(
        blind, SPACE, defaults("random"), queries=5, repeats=1, test_as_validation=True
    )
    assert {row["selection_split"] for row in flat_rows(result)} == {"test"}
    assert "select by what they are judged by" in result["notes"][0]
    text = render(result)
    assert "TEST accuracy of the incumbent, by which" in text
    assert text.splitlines()[-1].endswith("selected by TEST accuracy")
    assert {row["test_sd"] for row in result["curves"]["random"]} == {None}


def test_options_that_cannot_be_are_refused_before_anything_runs(table, monkeypatch):
    monkeypatch.setattr("harness.simulation.searches.simulate", None)
    options = defaults("random") | {"rea": SEARCHES["rea"].Options(population=20)}
    with pytest.raises(UsageError, match="population of 20"):
        compare_searches(table, SPACE, options, queries=20)


def test_what_takes_long_shows_its_progress(table, monkeypatch, capsys):
    def run():
        compare_searches(table, SPACE, defaults("random"), queries=3, repeats=4)
        return capsys.readouterr().err

    assert run() == ""
    monkeypatch.setattr(simulation, "PATIENCE", -1.0)
    assert "100% 4 of 4" in run()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder whose only table has twenty cells of NAS-Bench-201."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    make_table(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("suffix, read", [("csv", pandas.read_csv), ("parquet", None)])
def test_the_command_prints_and_writes_the_same(data, tmp_path, capsys, suffix, read):
    read = read or pandas.read_parquet
    path = tmp_path / f"out.{suffix}"
    main(f"--data {data} --queries 30 --repeats 3 --output {path} --json".split())
    result = json.loads(capsys.readouterr().out)
    assert (result["n_table"], result["moves"], result["scale"]) == (20, "table", "compact")
    rows = read(path).to_dict("records")
    assert [{k: pytest.approx(v) for k, v in r.items()} for r in flat_rows(result)] == rows
    main(f"--data {data} --queries 30 --repeats 3 --method rea --rea.sample 2".split())
    out = capsys.readouterr().out
    assert "stay among them" in out and out.splitlines()[-1].startswith("rea: test ")


@pytest.mark.parametrize(
    "wrong, hint",
    [
        ("--method reaa", "did you mean 'rea'"),
        ("--queries 0", "at least 1"),
        ("--repeats x", "whole number"),
        ("--max-madds nan", "--max-madds"),
        ("--max-madds -1", "--max-madds"),
        ("--output curves.txt", ".csv or .parquet"),
        ("--method rea --rea.populatoin 5", "did you mean '--rea.population'"),
        ("--method random --rea.population 5", "unknown option"),
        ("--method reinforce --reinforce.lr 0", "--reinforce.lr"),
        ("--method rea --rea.sample many", "whole number"),
    ],
)
def test_mistakes_are_one_sentence(wrong, hint):
    with pytest.raises(UsageError, match=hint):
        parse(wrong.split())


@pytest.mark.slow
def test_on_nas_bench_201_evolution_beats_random_search(tmp_path, monkeypatch):
    """Means over the seeds are seen; 300 trainings, of 15,625, on the first 40 repeats."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    space = SPACES["nb201"]("benchmark")
    table = find_table("nb201", "benchmark", "cifar10")
    result = compare_searches(table, space, defaults("random", "rea", "reinforce"), repeats=40)
    last = {name: rows[-1] for name, rows in result["curves"].items()}
    assert last[EXACT]["test"] == pytest.approx(93.96, abs=0.01)
    assert last["random"]["test"] == pytest.approx(93.96, abs=4 * last[EXACT]["test_sd"] / 40**0.5)
    assert 94.15 < last["rea"]["test"] < 94.37
    assert last[EXACT]["test"] < last["reinforce"]["test"] < last["rea"]["test"]


def test_nas_bench_macro_has_no_validation_accuracies(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    arguments = ["--space", "macro", "--task", "cifar10"]
    with pytest.raises(UsageError, match="no val accuracies"):
        main(arguments)
