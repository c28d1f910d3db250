"""Scores of another task or space than was said: the refusal asks whether that was meant."""

import json

import pytest

from harness import evaluate, open_table
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

ASKED = {  # space and task of the scores → what is asked where nb201 and digits were said
    (
        "nb201",
        "cifar10",
    ): "all of these are in nb201-benchmark-cifar10, of 15,625: did you mean task",
    ("macro", "cifar10"): "These are architectures of macro: did you mean space macro?",
    ("macro", "digits"): "These are architectures of macro: did you mean space macro?",
    ("darts", "digits"): "These are architectures of darts: did you mean space darts?",
}


def scores(space, task):
    return {arch: float(n % 7) for n, arch in enumerate(open_table(space, task).archs[:30])}


@pytest.mark.parametrize(("space", "task"), ASKED)
def test_what_was_meant_is_asked(space, task):
    with pytest.raises(UsageError) as refused:
        evaluate(scores(space, task), space="nb201", task="digits")
    assert ASKED[space, task] in str(refused.value)


def test_the_usual_task_of_macro_is_asked_for_by_its_flag(tmp_path, capsys):
    from harness.cli import main

    (tmp_path / "scores.json").write_text(json.dumps(scores("macro", "cifar10")))
    assert main(["evaluate", str(tmp_path / "scores.json"), "--space", "macro"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"nas-harness: {tmp_path / 'scores.json'}: macro-compact-digits is a table"
    )
    assert said.index("did you mean") < said.index("Else '")  # likely first
    assert (
        "a table of 150 architectures" in said and "of 6,561: did you mean --task cifar10?" in said
    )


def test_rows_of_a_longer_table_are_asked_about_as_names_are():
    with pytest.raises(UsageError, match="did you mean task cifar10"):
        evaluate({"1": 2.0, "5000": 3.0})


@pytest.mark.parametrize("name", ["foo", "|nor_conv_9x9~0|", "16000"])
def test_nothing_is_asked_of_what_fits_nowhere(name):
    with pytest.raises(UsageError, match="is not in the table") as refused:
        evaluate({name: 2.0, "1": 3.0} if name.isdecimal() else {name: 2.0, "bar": 3.0})
    assert "did you mean" not in str(refused.value)


def test_a_truth_of_ones_own_may_be_of_names_that_are_digits(tmp_path):
    given = scores("macro", "cifar10")
    truth = {arch: 90 + score for arch, score in given.items()}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    found = evaluate(given, space="macro", against=tmp_path / "truth.json")
    assert found.to_dict()["metrics"]["all"]["kendall_tau"]["value"] == 1.0


def test_a_broken_plug_in_hides_no_mistake(monkeypatch):
    list(SPACES)
    for name, target in (("aaa", "builtins:str"), ("aab", "nobody.has_this:Space")):
        monkeypatch.setitem(SPACES._targets, name, target)
    with pytest.raises(UsageError, match="'foo' is not in the table"):
        evaluate({"foo": 2.0, "bar": 3.0})
