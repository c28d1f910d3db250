"""Cells of a data set without runs: what was found on another, in this one's ground truth."""

import pytest

from reports.papers.forms.composing import compose
from reports.papers.measured import results as tags
from reports.papers.measured.claims import outcomes
from searchspaces.errors import UsageError

ELSEWHERE = {
    'measure = "found_error"': 'measure = "found_error"\ntask = "cifar10"\nsearched = "digits"'
}
CLAIM = (
    '\n[[claims]]\ntext = "It finds better."\nbetter = "mngnas"\nworse = "spos"\ncolumn = "error"\n'
)


@pytest.fixture
def found(record_run):
    """Records runs of a row that found these architectures, by seed, with errors of 50 % there."""

    def record(item, row, archs, task="digits"):
        configs = [config for other, config in item.configs(task=task) if other.id == row]
        for config, arch in zip(configs, archs, strict=False):
            record_run(config, found={"arch": arch, "truth": 50.0, "regret": None, "how": "search"})

    return record


def test_what_was_found_is_read_from_the_ground_truth_of_the_column(
    make_item, found, measured, truth
):
    item = make_item(ELSEWHERE)
    found(item, "spos", truth.archs[3:5])
    cell = measured(item).cell("spos", "error")
    errors = 100 - truth.accuracy("test")[3:5]
    assert (cell.tag, cell.task, cell.n) == (tags.TRANSFERRED, "cifar10", 2)
    assert cell.by_seed == pytest.approx(dict(enumerate(errors)))
    assert cell.value == pytest.approx(errors.mean()) != pytest.approx(50)
    assert cell.note == "searched on digits"
    assert "preset laptop" in cell.shortfalls


def test_runs_on_the_task_itself_come_first(make_item, found, measured, truth):
    item = make_item(ELSEWHERE)
    found(item, "spos", truth.archs[3:5])
    found(item, "spos", truth.archs[5:6], task="cifar10")
    cell = measured(item).cell("spos", "error")
    assert (cell.tag, cell.by_seed) == (tags.TRAINED_REDUCED, {0: pytest.approx(50)})
    assert cell.note.startswith("seed 1: not recorded; ")


def test_seeds_that_are_missing_are_said(make_item, found, measured, truth):
    item = make_item(ELSEWHERE)
    found(item, "spos", truth.archs[3:4])
    cell = measured(item).cell("spos", "error")
    assert (cell.tag, cell.n) == (tags.TRANSFERRED, 1)
    assert cell.note.startswith("searched on digits; seed 1: not recorded; ")
    assert cell.note.endswith(
        "`nas-harness reproduce toy table-1 --preset laptop` runs what is missing"
    )


def test_without_runs_on_either_the_own_task_is_what_is_missing(make_item, measured):
    cell = measured(make_item(ELSEWHERE)).cell("spos", "error")
    assert (cell.tag, cell.value) == (tags.NOT_RUN, None)
    assert "--task cifar10` runs what is missing" in cell.note


def test_what_the_ground_truth_lacks_is_not_measured(make_item, found, measured, truth):
    item = make_item(ELSEWHERE)
    found(item, "spos", [truth.archs[3], "|none~0|"])
    cell = measured(item).cell("spos", "error")
    assert (cell.tag, cell.value) == (tags.NOT_MEASURED, None)
    assert cell.note == "not known of seed 1: the ground truth does not have what it found"


def test_a_ground_truth_that_is_not_here_is_named(make_item, found, measured, truth):
    item = make_item({**ELSEWHERE, 'task = "digits"}': 'task = "cifar100"}'})
    found(item, "spos", truth.archs[3:5])
    cell = measured(item).cell("spos", "error")
    assert (cell.tag, cell.value) == (tags.NOT_RUN, None)
    assert cell.note.startswith("there is no ground truth table nb201-")


def test_a_claim_on_them_is_tested_as_such(make_item, found, measured, truth):
    item = make_item(ELSEWHERE, more=CLAIM)
    found(item, "spos", truth.archs[3:5])
    found(item, "mngnas", truth.archs[5:7])
    outcome = outcomes(measured(item))[-1]
    accuracies = truth.accuracy("test")
    difference = (accuracies[3:5] - accuracies[5:7]).mean()
    assert outcome.difference["value"] == pytest.approx(difference)
    assert "n=2" in outcome.sentence and "(transferred, cifar10)" in outcome.sentence


def test_the_document_says_what_they_are(make_item, found, measured, truth):
    item = make_item(ELSEWHERE)
    found(item, "spos", truth.archs[3:5])
    document = compose(measured(item))
    assert f"transferred: {tags.MEANINGS[tags.TRANSFERRED]}" in document.legend
    assert any(text.startswith("Measured (transferred): task cifar10") for text in document.caption)
    assert document.heads[1].parts == ("printed", "transferred, cifar10, n=2")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({'measure = "found_error"': 'measure = "tau"\nsearched = "digits"'}, "needs a truth, and f"),
        ({**ELSEWHERE, 'truth = {space = "nb201", task = "digits"}\n': ""}, "needs a truth"),
        ({**ELSEWHERE, '"digits"\n': '"digts"\n'}, "columns.error.searched: .*did you mean 'digits'"),
        ({**ELSEWHERE, 'kind = "table"': 'kind = "boxes"'}, "columns.error.searched: .*tables"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named(make_item, changes, message):
    with pytest.raises(UsageError, match=message):
        make_item(changes)
