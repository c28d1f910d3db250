"""A column that says which data set a row's score is of."""

import json

import pytest

from harness import evaluate, open_table
from harness.scores.data_sets import place_of, rows_of_task
from harness.scores.frame import Frame
from searchspaces.errors import UsageError

TABLE = open_table("nb201", "digits")
ARCHS = TABLE.archs[:40]


def written(path, column, sets):
    """A CSV of one row per architecture and data set; a data set's scores are its own."""
    lines = [f"arch,{column},score"]
    for name, scores in sets.items():
        lines += [f"{arch},{name},{score}" for arch, score in zip(ARCHS, scores, strict=True)]
    path.write_text("\n".join(lines))
    return path


RISING = list(TABLE.accuracy("test")[:40])
FALLING = [-value for value in RISING]


@pytest.mark.parametrize("column", ["dataset", "data_set", "Dataset", "task"])
@pytest.mark.slow
def test_rows_of_the_task_are_taken(tmp_path, column):
    path = written(tmp_path / "s.csv", column, {"cifar10": FALLING, "digits": RISING})
    assert evaluate(path).tau["value"] == 1.0
    turned = written(tmp_path / "t.csv", column, {"cifar10": RISING, "digits": FALLING})
    assert evaluate(turned).tau["value"] == -1.0


@pytest.mark.slow
def test_as_records_of_json_too(tmp_path):
    rows = [
        {"arch": arch, "dataset": name, "synflow": value}
        for name, scores in (("digits", RISING), ("CIFAR-100", FALLING))
        for arch, value in zip(ARCHS, scores, strict=True)
    ]
    (tmp_path / "s.json").write_text(json.dumps(rows))
    assert evaluate(tmp_path / "s.json").tau["value"] == 1.0


@pytest.mark.slow
def test_another_data_set_alone_is_told(tmp_path):
    result = evaluate(written(tmp_path / "s.csv", "dataset", {"ImageNet16-120": RISING}))
    assert any("'ImageNet16-120', the only data set" in note for note in result.content["notes"])
    result = evaluate(written(tmp_path / "t.csv", "dataset", {"digits": RISING}))
    assert not any("data set" in note for note in result.content["notes"])


@pytest.mark.slow
def test_several_without_the_task_are_refused(tmp_path):
    path = written(tmp_path / "s.csv", "dataset", {"cifar10": RISING, "cifar100": FALLING})
    with pytest.raises(UsageError, match="scores of 'cifar10', 'cifar100', none called digits"):
        evaluate(path)


@pytest.mark.parametrize(
    ("names", "rows", "task", "kept"),
    [
        (["arch", "dataset", "s"], [["a", "mine", 1], ["b", " Own-2 ", 2]], "own2", [["b", 2]]),
        (["arch", "dataset", "s"], [["a", "mine", 1], ["b", "own", 2]], "digits", None),
        (["dataset", "task", "s"], [["digits", "digits", 1], ["x", "cifar10", 2]], "digits", None),
        (["arch", "Data set", "s"], [["a", "digits", 1]], "cifar10", [["a", 1]]),
    ],
)
def test_rows_are_those_of_one_column_that_names_data_sets_or_the_task(names, rows, task, kept):
    frame = Frame(names, rows)
    found, notes = rows_of_task(frame, task)
    assert (found == frame) if kept is None else found == Frame(["arch", "s"], kept)
    assert bool(notes) == (task == "cifar10")


def test_a_task_that_is_there_in_two_spellings_is_not_chosen():
    with pytest.raises(UsageError, match="scores of 'CIFAR-10', 'cifar10', 'digits', none called"):
        place_of(["CIFAR-10", "cifar10", "digits"], "cifar10")
    assert place_of(["cifar100", "CIFAR-10"], "cifar10") == (1, "")


def test_a_column_of_other_words_stays():
    frame = Frame(["arch", "task", "score"], [["a", "classification", 1.0], ["b", "other", 2.0]])
    assert rows_of_task(frame, "digits") == (frame, [])
