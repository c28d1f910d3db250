"""The same scores on every data set of a space: side by side what one evaluation each says."""

import json
from itertools import product

import numpy as np
import pytest
from planted import PlantedSpace
from tables import made_meta

from harness import evaluate, evaluate_transfer
from harness.commands.evaluate import main
from harness.metrics import transfer
from harness.metrics.intervals import measure
from harness.tabular.ground_truth import known_tables
from harness.tabular.locate import tables_folder
from harness.tabular.table import Table
from searchspaces.errors import UsageError

PUBLISHED = ["cifar10", "cifar100", "imagenet16-120"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)


@pytest.fixture(scope="module")
def scores():
    """Noisy multiply-adds of every 60th architecture of NAS-Bench-201."""
    table = known_tables("nb201")[1]["cifar10"]
    chosen = range(0, len(table), 60)
    noise = np.random.default_rng(0).normal(scale=30e6, size=len(table))
    return {table.archs[row]: float(table.madds[row] + noise[row]) for row in chosen}


@pytest.fixture
def file(scores, tmp_path):
    path = tmp_path / "scores.csv"
    lines = (f'"{arch}",{score!r}\n' for arch, score in scores.items())
    path.write_text("arch,score\n" + "".join(lines), encoding="utf-8")
    return path


def save(scale, task, archs, values):
    """A table of one's own with these test accuracies."""
    meta = made_meta(space="nb201", scale=scale, task=task)
    table = Table(meta, archs, {f"test.{meta.epochs}.mean": np.array(values, dtype=float)})
    table.save(tables_folder() / f"{table.meta.name}.parquet")
    return table


def test_each_data_set_is_evaluated_with_all_that_is_given(monkeypatch):
    def told(table, scores, split, **options):
        return {
            "space": "",
            "n": len(scores),
            "notes": [],
            "given": (table, scores, split, options),
        }

    archs = [f"a{row}" for row in range(9)]
    truth = {"test.5.mean": np.arange(9.0)}
    tables = {task: Table(made_meta(task=task), archs, truth) for task in ("cifar10", "cifar100")}
    scores = dict.fromkeys(archs, 1.0)
    options = {"space": PlantedSpace(), "seed": 3, "lower_is_better": True}
    monkeypatch.setattr(transfer, "evaluate_scores", told)
    found = transfer.evaluate_transfer(tables, scores, "test", **options)["tasks"]
    given = {task: one["given"] for task, one in found.items()}
    assert given == {task: (table, scores, "test", options) for task, table in tables.items()}


@pytest.mark.slow
def test_each_data_set_says_what_it_says_alone(scores):
    together = evaluate_transfer(scores)
    assert list(together.tasks) == PUBLISHED
    for task, one in together.tasks.items():
        alone = evaluate(scores, task=task)
        assert one.to_dict() | {"notes": alone.notes} == alone.to_dict()
        assert together.tau[task] == alone.tau and one.floors == alone.floors
        assert set(alone.notes) <= {note.removeprefix(f"{task}: ") for note in together.notes}
    values = [tau["value"] for tau in together.tau.values()]
    assert len(set(values)) == 3


@pytest.mark.parametrize(("scored", "known"), [(30, 50), (81, 81)])
def test_truths_rank_each_other_within_the_scored_share_of_the_space(scored, known):
    """Of its 81 architectures, in tables of some of them; of all there is no other sample."""
    space, rng = PlantedSpace(), np.random.default_rng(0)
    archs = [space.encode(arch) for arch in product(range(3), repeat=4)][:known]
    tables = {}
    for task in ("a", "b"):
        meta = made_meta(space="planted", task=task)
        values = np.arange(1.0 * known) + 8 * rng.random(known)
        tables[task] = Table(meta, archs, {f"test.{meta.epochs}.mean": values})
    scores = dict(zip(archs[:scored], rng.random(scored), strict=True))
    between = transfer.evaluate_transfer(tables, scores, "test", space=space)["between"]
    one, other = (tables[task].truth("test")[:scored] for task in "ab")
    expected = measure("kendall_tau", one, other, fraction=scored / 81)
    assert between["a"]["b"] == pytest.approx(expected)
    assert expected["high"] - expected["low"] < 0.85 * np.ptp(
        [measure("kendall_tau", one, other)[end] for end in ("low", "high")]
    )


@pytest.mark.slow
def test_truths_rank_each_other_as_they_rank_as_scores(scores):
    between = evaluate_transfer(scores).between
    tables = known_tables("nb201")[1]
    for task, others in between.items():
        rows = tables[task].index(list(scores))
        as_scores = dict(zip(scores, tables[task].truth("test")[rows].tolist(), strict=True))
        assert list(others) == [other for other in PUBLISHED if other != task]
        for other, interval in others.items():
            alone = evaluate(as_scores, task=other).tau
            assert interval["value"] == pytest.approx(alone["value"])
            assert interval["n"] == len(scores)
            assert interval["low"] < interval["value"] < interval["high"]
            assert interval["value"] == pytest.approx(between[other][task]["value"])


@pytest.mark.slow
def test_smaller_is_better_on_all(scores):
    usual = evaluate_transfer(scores)
    turned = evaluate_transfer({a: -s for a, s in scores.items()}, lower_is_better=True)
    assert turned.tau == usual.tau


@pytest.mark.slow
def test_a_training_counts_where_there_is_one(scores):
    usual, half = (evaluate_transfer(scores, truth=name) for name in ("", "cifar10-valid"))
    trainings = [one.to_dict()["truth"] for one in half.tasks.values()]
    assert trainings == ["cifar10-valid", "cifar100", "imagenet16-120"]
    assert half.tau["cifar10"] != usual.tau["cifar10"]
    assert half.tau["cifar100"] == usual.tau["cifar100"]
    with pytest.raises(UsageError, match="none of the tables of nb201 .* 'cifar10-vaild'"):
        evaluate_transfer(scores, truth="cifar10-vaild")


@pytest.mark.slow
def test_own_tables_join_those_of_the_package(scores):
    truth = np.linspace(20, 90, len(scores))
    save("benchmark", "flowers", list(scores), truth)
    tasks = evaluate_transfer(scores).tasks
    assert list(tasks) == [*PUBLISHED, "flowers"]


@pytest.mark.slow
def test_tables_that_lack_architectures_are_left_out_with_a_note(scores):
    usual = evaluate_transfer(scores)
    some = list(scores)[3:]
    save("benchmark", "flowers", some, np.linspace(20, 90, len(some)))
    result = evaluate_transfer(scores)
    note = (
        "Left out: flowers, whose table nb201-benchmark-flowers lacks 3 of the 261 scored "
        "architectures."
    )
    assert result.notes == [note, *usual.notes] and result.tau == usual.tau
    assert list(evaluate_transfer({arch: scores[arch] for arch in some}).tau)[-1] == "flowers"
    with pytest.raises(UsageError, match="is not in the table nb201-benchmark-flowers"):
        evaluate_transfer(scores, task="flowers")


def test_two_tables_have_to_have_all():
    archs = known_tables("macro")[1]["cifar10"].archs[:9]
    meta = made_meta(space="macro", scale="benchmark", task="flowers")
    table = Table(meta, archs[:8], {f"test.{meta.epochs}.mean": np.arange(8.0)})
    table.save(tables_folder() / f"{table.meta.name}.parquet")
    with pytest.raises(UsageError, match="two data sets. Left out: flowers, .* lacks 1 of the 9"):
        evaluate_transfer({arch: row for row, arch in enumerate(archs)}, space="macro")


def test_one_data_set_is_no_transfer(scores):
    with pytest.raises(UsageError, match="ground truth of digits only, .* evaluate on one instead"):
        evaluate_transfer(scores, scale="compact")
    with pytest.raises(UsageError, match="ground truth of no data set only"):
        transfer.evaluate_transfer({}, scores, "test")


@pytest.mark.slow
def test_a_file_of_several_data_sets_gives_the_scores_of_the_one_named(scores, tmp_path):
    turned = {arch: -score for arch, score in scores.items()}
    path = tmp_path / "nested.json"
    path.write_text(json.dumps({"cifar10": scores, "cifar100": turned}), encoding="utf-8")
    one, other = (evaluate_transfer(path, task=task) for task in ("cifar10", "cifar100"))
    assert one.tau["cifar10"]["value"] > 0.3 > -0.3 > other.tau["cifar10"]["value"]
    assert evaluate_transfer(path).tau == one.tau
    with pytest.raises(UsageError, match="no ground truth on 'cifar1'; did you mean 'cifar10'"):
        evaluate_transfer(path, task="cifar1")


def test_a_note_of_all_stands_once_and_of_some_with_their_names():
    notes = {"a": ["x", "y"], "b": ["x"], "c": ["y", "x"]}
    assert transfer._together(notes) == ["x", "a and c: y"]


@pytest.mark.slow
def test_the_command_prints_the_same(file, scores, capsys):
    expected = evaluate_transfer(scores)
    main([str(file), "--transfer", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(expected.to_dict(), allow_nan=False))
    main([str(file), "--transfer"])
    text = capsys.readouterr().out
    assert text.rstrip() == str(expected)
    heads = next(line for line in text.splitlines() if "Kendall" in line).split()
    assert heads[-3:] == PUBLISHED
    everyone = next(line for line in text.splitlines() if line.split()[:1] == ["all"])
    for tau in expected.tau.values():
        assert f"{tau['value']:.4f} [{tau['low']:.3f}, {tau['high']:.3f}]" in everyone
    floor = next(line for line in text.splitlines() if "floor: parameters" in line)
    assert f"{expected.tasks['cifar100'].floors['params']['value']:.4f}" in floor
    assert "training cifar10 (50,000 images)" in text


def test_transfer_and_own_accuracies_exclude_each_other(file):
    with pytest.raises(UsageError, match="leave out --against"):
        main([str(file), "--transfer", "--against", str(file)])
