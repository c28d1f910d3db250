"""Cells: what they hold, how they are tagged, and what they say is missing."""

import json
import statistics

import numpy as np
import pytest

from harness.measured import packaged
from harness.simulation.searches import compare_searches
from methods.search.table_search import SEARCHES
from reports.papers.forms.composing import caption
from reports.papers.measured import results as tags
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

TRUTH = '{space = "nb201", task = "digits"'
BEST = f'\n[[rows]]\nid = "best"\nlabel = "Best"\ntable = {{tau = {TRUTH}, statistic = "max"}}}}\n'
SEARCHED = (
    '\n[[rows]]\nid = "rea"\nlabel = "REA"\nsearch = {method = "rea", queries = 6, repeats = 9}\n'
)


def runs_of(item, row, **choices):
    return [config for found, config in item.configs(**choices) if found.id == row]


def test_a_cell_is_the_mean_over_seeds(full_results):
    cell = full_results.cell("mngnas", "tau")
    assert (cell.tag, cell.n, cell.task) == (tags.TRAINED_REDUCED, 2, "digits")
    assert cell.value == pytest.approx(61.5)
    assert cell.sd == pytest.approx(statistics.stdev([60, 63]))
    assert cell.by_seed == pytest.approx({0: 60, 1: 63})
    assert (cell.printed.mean, cell.flags, cell.note) == (57.3, (), "")
    assert full_results.cell("spos", "error").value == pytest.approx(9)
    assert full_results.cell("spos", "error").flags == (1,)
    assert sorted(full_results.records("spos")) == [0, 1]


def test_a_mean_over_skewed_seeds_is_no_median(make_item, record_run, measured):
    item = make_item({"seeds = [0, 1]": "seeds = [0, 1, 2]"})
    for config, tau in zip(runs_of(item, "spos"), (0.50, 0.51, 0.55), strict=True):
        record_run(config, tau, found__truth=100 * tau)
    results = measured(item)
    tau, error = (results.cell("spos", column) for column in ("tau", "error"))
    assert (tau.value, tau.n) == (pytest.approx(52), 3)
    assert tau.sd == error.sd == pytest.approx(statistics.stdev([50, 51, 55]))
    assert error.value == pytest.approx(100 - 52)


def test_what_is_only_quoted_is_printed_and_no_more(full_results):
    cell = full_results.cell("quoted", "error")
    assert (cell.tag, cell.value, cell.printed.mean) == (tags.PRINTED, None, 7)
    assert full_results.cell("mngnas", "error").printed is None


def test_a_row_that_no_run_can_fill_says_why(make_item, measured):
    item = make_item({'label = "Someone"': 'label = "Someone"\nreason = "It is given."'})
    cell = measured(item).cell("quoted", "error")
    assert (cell.tag, cell.value, cell.note) == (tags.NOT_RUN, None, "It is given.")


def test_what_needs_more_than_there_is_is_not_run_and_says_what(make_item, measured):
    cell = measured(make_item({'class = "N"': 'class = "O"'})).cell("quoted", "error")
    why = "it needs what is not here: A published table."
    assert (cell.tag, cell.note) == (tags.NOT_RUN, why)


def test_a_run_that_is_missing_is_named_with_its_command(make_item, record_run, measured):
    item = make_item()
    record_run(runs_of(item, "spos")[1], 0.4)
    results = measured(item)
    command = "`nas-harness reproduce toy table-1 --preset laptop` runs what is missing"
    some = results.cell("spos", "tau")
    assert (some.value, some.sd, some.n) == (pytest.approx(40), None, 1)
    assert some.note == f"seed 0: not recorded; {command}"
    none = results.cell("mngnas", "tau")
    assert (none.tag, none.value, none.n) == (tags.NOT_RUN, None, 0)
    assert none.note == f"seeds 0, 1: not recorded; {command}"


def test_a_run_of_the_package_fills_a_cell_unless_there_is_an_own_one(
    make_item, record_run, measured, tmp_path, monkeypatch
):
    item = make_item()
    first, second = runs_of(item, "spos")
    record_run(first, 0.4).rename(tmp_path / "away")
    package = tmp_path / "package" / f"{record_run(second, 0.6).name}"
    package.parent.mkdir()
    (tmp_path / "runs" / package.name).rename(package)
    monkeypatch.setattr(packaged, "PACKAGED", package.parent)
    cell = measured(item).cell("spos", "tau")
    assert (cell.by_seed, cell.n) == ({1: pytest.approx(60)}, 1)
    assert "Of these runs, 1 came with the package." in caption(measured(item))
    record_run(second, 0.5)
    assert measured(item).cell("spos", "tau").by_seed == {1: pytest.approx(50)}
    assert not any("came with the package" in text for text in caption(measured(item)))


def test_presets_tasks_seeds_and_changes_choose_the_runs(make_item, record_run, measured):
    item = make_item()
    choices = {"preset": "smoke", "seeds": [4], "changes": {"train.steps": 9}}
    record_run(runs_of(item, "spos", **choices)[0], 0.3)
    assert measured(item, **choices).cell("spos", "tau").value == pytest.approx(30)
    for other in ({"preset": "laptop"}, {"seeds": [5]}, {"changes": {"train.steps": 8}}):
        assert measured(item, **choices | other).cell("spos", "tau").tag == tags.NOT_RUN


def test_a_column_of_another_task_is_filled_by_runs_on_that_task(make_item, record_run, measured):
    item = make_item({'measure = "tau"': 'measure = "tau"\ntask = "cifar10"'})
    for task, tau in (("digits", 0.2), ("cifar10", 0.7)):
        record_run(runs_of(item, "spos", task=task)[0], tau)
    results = measured(item)
    cell = results.cell("spos", "tau")
    assert (cell.value, cell.task) == (pytest.approx(70), "cifar10")
    assert "--task cifar10` runs" in cell.note
    assert results.cell("spos", "error").task == "digits"
    assert len(results.records("spos", "cifar10")) == len(results.records("spos")) == 1


def test_an_unfinished_run_is_not_run(make_item, record_run, measured):
    item = make_item()
    folder = record_run(runs_of(item, "spos")[0])
    (folder / "run.json").rename(folder / "checkpoint.pt")
    assert "seed 0: not finished; seed 1: not rec" in measured(item).cell("spos", "tau").note


def test_a_run_on_another_ground_truth_does_not_count(make_item, record_run, measured):
    item = make_item()
    record_run(runs_of(item, "spos")[0], version="older")
    cell = measured(item).cell("spos", "tau")
    assert cell.tag == tags.NOT_RUN
    assert "seed 0: ranked against another version of the ground truth" in cell.note


def test_runs_are_found_where_the_ground_truth_is_not(make_item, record_run, measured):
    item = make_item({"seeds = [0, 1]": 'task = "cifar10"\nseeds = [0]'})
    config = runs_of(item, "spos")[0]
    record_run(config, 0.6)
    results = measured(item)
    assert results.cell("spos", "tau").value == pytest.approx(60)
    missing = results.cell("mngnas", "tau").note
    assert missing.startswith("seed 0: not recorded; there is no ground truth table nb201-")
    assert "; `nas-harness table import nb201 FILE` brings" in missing
    assert "/" not in missing.split("`")[0]
    record_run(config, 0.7, version="other")
    with pytest.raises(UsageError, match="one configuration on two ground truths"):
        measured(item)


def test_a_record_that_is_not_its_folders_is_refused(make_item, record_run, measured):
    item = make_item()
    folder = record_run(runs_of(item, "spos")[0])
    content = json.loads((folder / "run.json").read_text())
    content["config"]["train"]["lr"] = 1.0
    (folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match="not the run that its folder is named after"):
        measured(item)


def test_a_number_that_a_seed_lacks_is_not_left_out_of_the_mean(make_item, record_run, measured):
    item = make_item()
    lost = {"arch": "a7", "truth": None, "regret": None, "how": "not measured: not in the table"}
    for config, found in zip(runs_of(item, "spos"), (None, lost), strict=True):
        record_run(config, **({"found": found} if found else {}))
    cell = measured(item).cell("spos", "error")
    assert (cell.tag, cell.value) == (tags.NOT_MEASURED, None)
    assert cell.note == "not known of seed 1: what it found is not measured: not in the table"


@pytest.mark.parametrize(
    "measure, found, why",
    [
        ("found_val_accuracy", {"arch": "none", "truth": 90.0}, "the ground truth does not have"),
        ("spearman", {"arch": "none", "truth": None}, "its record has no such number"),
        ("regret", {"arch": "a", "truth": None, "regret": None, "how": "lost"}, "it found is lost"),
    ],
)
def test_why_a_number_is_not_known_is_said(make_item, record_run, measured, measure, found, why):
    item = make_item({'measure = "found_error"': f'measure = "{measure}"'})
    record_run(runs_of(item, "spos")[0], found=found)
    cell = measured(item).cell("spos", "error")
    assert cell.note.startswith("not known of seed 0: ") and why in cell.note


def test_a_validation_accuracy_is_looked_up(make_item, record_run, measured, truth):
    item = make_item({'measure = "found_error"': 'measure = "found_val_accuracy"'})
    for config, arch in zip(runs_of(item, "spos"), truth.archs[3:5], strict=True):
        record_run(config, found={"arch": arch, "truth": 90.0, "regret": 0.0, "how": "read"})
    expected = truth.accuracy("val")[3:5].mean()
    assert measured(item).cell("spos", "error").value == pytest.approx(expected)


def test_sizes_of_what_was_found_are_its_spaces_own(make_item, record_run, measured, truth):
    from harness.tasks import IMAGES

    item = make_item({'measure = "found_error"': 'measure = "found_params"'})
    record_run(runs_of(item, "spos")[0], found={"arch": truth.archs[5], "truth": 1.0})
    space = NASBench201("compact")
    cost = space.cost(space.decode(truth.archs[5]), IMAGES["digits"])
    assert measured(item).cell("spos", "error").value == pytest.approx(cost.params / 1e6)


def test_a_number_of_the_table_is_tagged_so(make_item, measured, truth):
    cell = measured(make_item(more=BEST)).cell("best", "tau")
    assert (cell.tag, cell.sd, cell.n) == (tags.TABLE, None, 1)
    assert cell.value == pytest.approx(truth.accuracy("test").max())
    assert cell.note == "max test accuracy of 64 in nb201-compact-digits"
    errors = BEST.replace("tau", "error").replace("max", "mean")
    cell = measured(make_item(more=errors)).cell("best", "error")
    assert cell.value == pytest.approx(100 - truth.accuracy("test").mean())
    skewed = measured(make_item(more=BEST.replace("max", "median"))).cell("best", "tau")
    assert skewed.value == pytest.approx(np.median(truth.accuracy("test")))


def test_a_search_is_simulated_on_the_table_of_the_column(make_item, measured, truth):
    cell = measured(make_item(more=SEARCHED)).cell("rea", "error")
    assert (cell.tag, cell.n, cell.task) == (tags.TABLE, 9, "digits")
    space, options = NASBench201("compact"), {"rea": SEARCHES["rea"].Options()}
    expected = compare_searches(truth, space, options, queries=6, repeats=9, seed=0)
    last = expected["curves"]["rea"][-1]
    assert (cell.value, cell.sd) == pytest.approx((100 - last["test"], last["test_sd"]))
    assert cell.note == (
        "9 simulated searches of 6 trainings in nb201-compact-digits, selected by val accuracy"
    )
    seen = {'task = "digits"}': 'task = "digits", split = "val"}'}
    cell = measured(make_item(seen, SEARCHED)).cell("rea", "error")
    assert (cell.value, cell.sd) == pytest.approx((100 - last["selection"], last["selection_sd"]))
    assert last["selection"] != pytest.approx(last["test"], abs=0.01)
    assert measured(make_item(more=SEARCHED)).cell("rea", "tau").empty


@pytest.mark.parametrize("row", [BEST.replace("tau", "error"), SEARCHED])
def test_without_the_table_the_command_that_brings_it_is_named(make_item, measured, row):
    item = make_item({'task = "digits"}': 'task = "cifar100"}'}, row.replace("digits", "cifar100"))
    cell = measured(item).cell(item.rows[-1].id, "error")
    assert cell.tag == tags.NOT_RUN
    assert cell.note.startswith("there is no ground truth table nb201-benchmark-cifar100; `nas-h")


def test_every_measure_that_a_column_can_name_is_there():
    from reports.papers.definition.item import MEASURES as NAMED
    from reports.papers.measured.measures import MEASURES

    assert list(MEASURES) == list(NAMED)
