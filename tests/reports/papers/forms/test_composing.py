"""The document: what a reader sees of each cell, and what stands around the table."""

import numpy as np
import pytest

from reports.papers.forms.composing import _letters, compose

BEST = (
    '\n[[rows]]\nid = "best"\nlabel = "Best"\n'
    'table = {error = {space = "nb201", task = "digits", statistic = "min"}}\n'
)


def line(document, label):
    return next(line for line in document.lines if line.label == label)


def test_measured_stands_beside_printed(full_results):
    document = compose(full_results)
    assert [head.title for head in document.heads] == ["τ × 100 ↑", "test error ↓"]
    assert document.heads[0].parts == ("printed", "trained-reduced, digits, n=2")
    texts = line(document, "SPOS").texts
    assert [text.text for text in texts] == [
        "56.4",
        "51.0 ± 1.4",
        "6.50±0.10 (6.45)",
        "9.00 ± 0.00",
    ]
    assert [text.tag for text in texts] == ["printed", "trained-reduced"] * 2
    assert texts[2].marks == ("1",)
    assert [text.text for text in line(document, "Someone").texts] == ["–", "", "7.00", ""]


def test_the_caption_says_what_was_measured_on_what(full_results):
    caption = compose(full_results).caption
    assert caption[:2] == ("How arms rank.", "A compact supernet stands for the full one.")
    assert caption[2].startswith(
        "Measured (trained-reduced): task digits, preset laptop, n = 2 (seeds 0, 1), mean ± "
        "sample standard deviation; reduced by: the embedded task, preset laptop"
    )
    assert caption[3:] == (
        "Needed for a full measurement: A published table.",
        "Claims on our runs: 1 shown.",
    )


def test_how_many_seeds_cells_have_is_said_from_fewest_to_most(make_item, record_run, measured):
    item = make_item({"seeds = [0, 1]": "seeds = [0, 1, 4]"})
    for row, config in item.configs():
        if row.id == "spos" or config.seed == 4:
            record_run(config)
    caption = compose(measured(item)).caption
    assert "n = 1 to 3 (seeds 0, 1, 4), mean ±" in caption[2]


def test_of_one_seed_nothing_is_said_of_a_deviation(make_item, record_run, measured):
    item = make_item({"seeds = [0, 1]": "seeds = [0]"})
    for _, config in item.configs():
        record_run(config)
    told = compose(measured(item)).caption[2]
    assert "n = 1 (seed 0); reduced by" in told and "±" not in told


@pytest.mark.parametrize(
    "among, without, told",
    [
        ("column", [], "the best of its column"),
        ("group", [], "the best of its column within its group of rows"),
        ("column", ["spos", "quoted"], "the best of its column (SPOS and Someone aside)"),
    ],
)
def test_it_is_said_what_is_in_bold_must_be_the_best_of(make_item, measured, among, without, told):
    bold = f'bold = {{source = "marks", among = "{among}", without = {without}}}'
    mngnas = 'printed = {tau = "57.3"}'
    item = make_item({'class = "N"': f'class = "N"\n{bold}', mngnas: f'{mngnas}\nbold = ["tau"]'})
    assert compose(measured(item)).legend[-1].endswith(f"or not alone, {told}")


def test_minus_signs_are_typography_and_hyphens_in_words_stay(make_item, measured):
    item = make_item({'error = "7.00"': 'error = "-7.00"', 'head = "τ"': 'head = "τ"\nwords = true',
                      'tau = "57.3"': 'tau = "low-rank"'})  # fmt: skip
    document = compose(measured(item))
    assert [line(document, "Someone").texts[k].text for k in (0, 2)] == ["–", "−7.00"]
    assert line(document, "MNGNAS (S)").texts[0].text == "low-rank"


def test_many_claims_are_said_to_be_many(make_item, record_run, measured):
    claim = '\n[[claims]]\ntext = "A"\nbetter = "mngnas"\nworse = "spos"\ncolumn = "error"\n'
    item = make_item(more=claim)
    for _, config in item.configs():
        record_run(config)
    caption = compose(measured(item)).caption
    assert caption[-2] == "Claims on our runs: 2 not shown."
    assert caption[-1].startswith("Of 2 intervals of 95 %")


def test_single_runs_have_no_intervals_that_could_miss(make_item, record_run, measured):
    claim = '\n[[claims]]\ntext = "A"\nbetter = "mngnas"\nworse = "spos"\ncolumn = "error"\n'
    item = make_item(more=claim)
    for _, config in item.configs(seeds=[0]):
        record_run(config)
    assert compose(measured(item)).caption[-1] == "Claims on our runs: 2 not shown."


def test_without_reduced_cells_nothing_is_said_of_them(make_item, measured):
    document = compose(measured(make_item()))
    assert document.caption[1:] == (
        "Needed for a full measurement: A published table.",
        "Claims on our runs: 1 not tested.",
    )
    assert document.heads[0].parts == ("printed", "measured")


def test_what_is_unlike_its_column_says_so_itself(make_item, record_run, measured):
    item = make_item(more=BEST)
    for _, config in item.configs(seeds=[0]):
        record_run(config)
    results = measured(item)
    document = compose(results)
    assert document.heads[1].parts[1] == "measured, digits"
    value = results.cell("best", "error").value
    assert line(document, "Best").texts[3].text == f"{value:.2f} (table)"
    assert line(document, "SPOS").texts[3].text == "9.00 (trained-reduced, n=1)"


def test_notes_are_defects_by_number_then_reasons_by_letter(make_item, measured):
    document = compose(measured(make_item()))
    assert document.notes[0] == ("1", "The mean is above its own best.")
    mark, reason = document.notes[1]
    assert mark == "a" and reason.startswith("seeds 0, 1: not recorded")
    assert len(document.notes) == 2
    for label in ("SPOS", "MNGNAS (S)"):
        assert line(document, label).texts[1].text == "not run"
        assert line(document, label).texts[1].marks == ("a",)
    assert [text.partition(":")[0] for text in document.legend] == ["printed", "not run"]


def test_places_are_laid_out_as_the_item_is(make_item, measured, truth):
    document = compose(measured(make_item({'error = "7.00"': 'error = "0.10"'})))
    assert document.places.titles == ("", "test error")
    assert [row[0] for row in document.places.rows] == ["SPOS", "Someone"]
    assert document.places.rows[1][1] == "100.00 % / > 10,000"
    accuracies = np.round(truth.accuracy("test"), 2)
    place = measured(make_item()).cell("spos", "error").place
    assert place.percentile == pytest.approx(100 * np.mean(accuracies < 93.5))
    assert document.places.rows[0][1] == f"{place.percentile:.2f} % / {place.draws}"
    assert document.place_notes[1].endswith(f"the table, {100 - accuracies.max():.2f}.")
    assert ", selected by val accuracy, is expected" in document.place_notes[0]
    assert document.place_notes[0].startswith("Among the 64 architectures of nb201-compact-digits")
    assert document.place_notes[1].startswith("Someone, test error: 0.10 is beyond the best of")
    assert len(document.place_notes) == 2


def test_without_the_table_places_name_the_command(make_item, measured):
    document = compose(measured(make_item({'task = "digits"}': 'task = "cifar10"}'})))
    assert document.places is None
    assert document.place_notes[0].startswith("test error: there is no ground truth table nb201-b")
    assert "`nas-harness table import nb201 FILE`" in document.place_notes[0]


@pytest.mark.parametrize("number, letters", [(0, "a"), (25, "z"), (26, "aa"), (53, "bb")])
def test_letters_go_on_after_z(number, letters):
    assert _letters(number) == letters
