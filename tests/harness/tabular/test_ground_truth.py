"""One truth, named: every result says of which training its test accuracies are."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness import evaluate, open_table
from harness.cli import main
from harness.config.config import Config
from harness.metrics.describe_table import describe_table
from harness.tabular.ground_truth import (
    analytic_cost,
    known_table,
    space_with_table,
    unusual_truth,
    usual_scale,
)
from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

PLACE = ("nb201", "cifar10")
PREDICTIONS = "few_shot_nas_one_shot_supernet_nb201.json"
OTHER = "These test accuracies are of another training than the benchmark's usual ones"


@pytest.fixture(autouse=True)
def nothing_named(home):
    """No data folder, no tables at home."""


@pytest.fixture
def scores(tmp_path):
    table = open_table(*PLACE)
    values = table.params + np.arange(len(table)) % 7
    rows = [f"{arch},{value}" for arch, value in zip(table.archs, values, strict=True)][::400]
    (tmp_path / "scores.csv").write_text("\n".join(["arch,score", *rows]) + "\n")
    return tmp_path / "scores.csv"


@pytest.fixture
def only_half(published, tmp_path):
    """A folder like that of ``fetch nb201``: its CIFAR-10 has the training on 25,000 images."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    (folder / "nasbench201_cifar10.csv").symlink_to(published / "nasbench201_cifar10.csv")
    return folder


@pytest.mark.slow
def test_the_two_truths_of_the_released_predictions(shared_data):
    path = shared_data / "predictions" / PREDICTIONS
    usual, half = (evaluate(path, *PLACE, truth=truth) for truth in ("", "cifar10-valid"))
    assert usual.tau["value"] == pytest.approx(0.4849, abs=5e-5)
    assert half.tau["value"] == pytest.approx(0.450, abs=5e-4)
    assert not any(OTHER in note for note in usual.notes)
    assert any(OTHER in note for note in half.notes)


@pytest.mark.slow
def test_a_result_names_the_training(scores, capsys):
    for truth, images in (("cifar10", 50_000), ("cifar10-valid", 25_000)):
        line = ["evaluate", str(scores), "--task", "cifar10", "--truth", truth]
        assert main([*line, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["truth"], result["truth_images"]) == (truth, images)
        assert main(line) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"training {truth} ({images:,} images)" in said
    assert evaluate(scores, *PLACE).content["truth"] == "cifar10"
    with pytest.raises(UsageError, match="did you mean 'cifar10-valid'"):
        evaluate(scores, *PLACE, truth="cifar10-vald")
    with pytest.raises(UsageError, match="none of 'cifar10-valid'; .*known|did you mean"):
        evaluate(scores, "nb201", "cifar100", truth="cifar10-valid")


@pytest.mark.parametrize("truth", ["", "cifar10", "cifar10-valid"])
def test_validation_accuracies_name_the_training_that_left_validation_images(truth):
    table = open_table(*PLACE)
    scores = dict(zip(table.archs[:30], table.params[:30].tolist(), strict=True))
    result = evaluate(scores, *PLACE, split="val", truth=truth)
    assert (result.content["truth"], result.content["truth_images"]) == ("cifar10-valid", 25_000)
    said = " ".join(str(result).split())
    assert "cifar10 val accuracy after 200 epochs, training cifar10-valid (25,000 images)" in said
    other = evaluate(scores, "nb201", "cifar100", split="val")
    assert (other.content["truth"], other.content["truth_images"]) == ("cifar100", 50_000)


@pytest.mark.slow
def test_a_folder_with_the_other_training_only_is_said(scores, only_half):
    result = evaluate(scores, *PLACE, data=only_half)
    (note,) = (note for note in result.notes if OTHER in note)
    best = Table.load(EMBEDDED / "nb201-benchmark-cifar10.parquet").accuracy("test").max()
    assert f"cifar10 (trained on 50,000 images), best {best:.2f}" in note
    assert "cifar10-valid (trained on 25,000 images), best" in note
    assert result.content["truth"] == "cifar10-valid"
    usual = evaluate(scores, *PLACE, data=only_half, truth="cifar10")
    assert usual.content == evaluate(scores, *PLACE).content
    validation = evaluate(scores, *PLACE, data=only_half, split="val")
    assert not any(OTHER in note for note in validation.notes)


def test_a_csv_imported_before_trainings_had_names_is_of_the_half(only_half):
    table = open_table(*PLACE, data=only_half)
    training = {k: v for k, v in table.meta.training.items() if not k.startswith("truth")}
    old = replace(table.meta, training=training)
    assert (old.truth, old.truths) == ("cifar10-valid", {"cifar10-valid": 0})
    assert OTHER in unusual_truth(Table(old, table.archs, table.accuracies))


def test_the_training_is_part_of_a_run_s_name_only_where_it_was_chosen():
    usual, half = Config(task="cifar10"), Config(task="cifar10", truth="cifar10-valid")
    assert "truth" not in usual.to_dict() and half.to_dict()["truth"] == "cifar10-valid"
    assert usual.run_name("table") != half.run_name("table")
    tables = [open_table(*PLACE, truth=config.truth) for config in (usual, half)]
    assert len({table.meta.identity for table in tables}) == 2


def test_searches_name_the_training(capsys):
    line = [
        "search",
        "--method",
        "random",
        "--task",
        "cifar10",
        "--queries",
        "5",
        "--repeats",
        "3",
        "--json",
    ]
    for truth, best in (("cifar10", 94.37), ("cifar10-valid", 91.52)):
        assert main([*line, "--truth", truth]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["truth"] == truth
        assert result["best_test"] == pytest.approx(best, abs=0.01)
        assert any(OTHER in note for note in result["notes"]) == (truth != "cifar10")


@pytest.mark.parametrize(
    ("task", "validation", "test"),
    [
        ("cifar10", "91.6067", "94.3733"),
        ("cifar100", "73.4933", "73.5133"),
        ("imagenet16-120", "46.7333", "47.3111"),
    ],
)
def test_table_info_shows_the_benchmark_s_own_maxima_and_whose_they_are(
    task, validation, test, capsys
):
    assert main(["table", "info", "nb201", task]) == 0
    lines = capsys.readouterr().out.splitlines()
    best = [line for line in lines if line.startswith("best of all")]
    table = open_table("nb201", task)
    row = int(table.accuracy("test").argmax())
    assert f"test {test} after 200 epochs: row {row}, {table.archs[row]}" in best[1]
    assert f"validation {validation} after 200 epochs" in best[0]
    said = "\n".join(lines)
    assert "of the 15,284 that join input to output" in said
    assert "floors and ceiling are of all 15,625" in said
    assert "Xuanyi Dong and Yi Yang" in said and "MIT (the benchmark)" in said
    assert ("--truth cifar10-valid (25,000 images)" in said) == (task == "cifar10")


@pytest.mark.parametrize(
    ("task", "scales"),
    [
        ("digits", {"nb201": "compact", "darts": "compact", "macro": "compact"}),
        ("cifar10", {"nb201": "benchmark", "darts": "cifar", "nb101-mixpath": "benchmark"}),
        ("cifar100", {"macro": "benchmark", "shufflenet": "cifar", "ennas-s1": "cifar"}),
        ("imagenet16-120", {"nb201": "benchmark", "darts": "imagenet16"}),
        ("imagenet16-120", {"mobilenet": "imagenet16", "nb101": "benchmark"}),
        ("imagenet", {"darts": "imagenet", "mobilenet": "imagenet", "nb201": "benchmark"}),
    ],
)
def test_each_task_has_a_usual_scale(task, scales):
    assert {space: usual_scale(space, task) for space in scales} == scales
    with pytest.raises(UsageError, match=f"unknown task '{task}x'; did you mean"):
        usual_scale("nb201", f"{task}x")


@pytest.mark.slow
def test_a_task_without_a_table_is_answered_with_those_that_have_one():
    with pytest.raises(UsageError) as error:
        known_table("nb201", "imagenet")
    assert str(error.value).endswith(
        "; `nas-harness table build --space nb201 --scale benchmark --task imagenet` brings it; or "
        "--task is cifar10 or cifar100 or digits or imagenet16-120, which there are tables of."
    )


def test_an_analytic_cost_is_of_the_images_of_the_task():
    space = SPACES["nb201"]("benchmark")
    arch = space.encode((3, 1, 2, 4, 0, 3))
    for task, channels, size, classes in (("digits", 1, 12, 10), ("cifar100", 3, 32, 100)):
        cost = space.cost((3, 1, 2, 4, 0, 3), ImageSpec(channels, size, classes))
        assert analytic_cost(space)(arch, task) == (cost.params, cost.madds)


def test_percentiles_are_of_connected_cells_and_the_best_of_all():
    space, table = space_with_table("macro", "cifar10")
    found = describe_table(table, space)
    assert found["connected"] == found["architectures"] == 6_561
    assert found["test_percent"]["best"] == table.accuracy("test").max()
    assert found["maxima"]["test.50"]["percent"] == table.accuracy("test").max()
    assert table.archs[found["maxima"]["test.50"]["row"]] == found["best"]
    assert SPACES["macro"]().is_valid(space.decode(found["best"]))
