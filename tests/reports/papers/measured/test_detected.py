"""Cells of detectors: of full fine-tunings on what the cell's own runs found, else the way there."""

import json

import pytest

from harness.config.config import SCHEMA_VERSION
from harness.files.store import write_json
from reports.papers.measured.measures import HOW_DETECTED
from reports.papers.measured.results import NOT_MEASURED, NOT_RUN, TRAINED_REDUCED
from searchspaces.errors import UsageError

MAP = {'measure = "found_error"\nbetter = "lower"': 'measure = "detected_map"\nbetter = "higher"'}


def detector(run, precision, **changes):
    return {
        "schema_version": SCHEMA_VERSION,
        "reduced": False,
        "result": {"map": precision},
        "found_by": [{"run": "another"}, {"run": run}],
    } | changes


def test_precision_of_what_each_run_found(make_item, record_run, measured, tmp_path):
    item = make_item(MAP)
    runs = [record_run(config).name for row, config in item.configs() if row.id == "spos"]
    records = [
        detector(runs[0], 30.0),
        detector(runs[0], 32.0),
        detector(runs[1], 33.0),
        detector(runs[1], 90.0, reduced=True),
        detector(runs[1], 90.0, schema_version=0),
        detector("other", 90.0),
    ]
    for number, record in enumerate(records):
        write_json(tmp_path / "runs" / "detection" / str(number) / "detection.json", record)
    cell = measured(item).cell("spos", "error")
    assert cell.by_seed == {0: 31.0, 1: 33.0}
    assert cell.value == pytest.approx(32.0)
    assert cell.tag == TRAINED_REDUCED  # the search was


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"schema_version": SCHEMA_VERSION},
        detector("a", "high"),
        detector("a", float("inf")),
        detector("a", 1.0, found_by=["a"]),
        detector("a", 1.0, found_by=None),
        detector("a", 1.0, result=[1.0]),
    ],
)
def test_a_damaged_record_is_named(make_item, record_run, measured, tmp_path, content):
    item = make_item(MAP)
    for row, config in item.configs():
        if row.id == "spos":
            record_run(config)
    path = tmp_path / "runs" / "detection" / "odd" / "detection.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="odd/detection.json is damaged: .*; delete its folder"):
        measured(item)


def test_without_detectors_or_runs_the_cell_says_what_is_needed(make_item, record_run, measured):
    item = make_item(MAP)
    for row, config in item.configs():
        if row.id == "spos":
            record_run(config)
    results = measured(item)
    tags = [results.cell(row, "error").tag for row in ("spos", "mngnas")]
    assert tags == [NOT_MEASURED, NOT_RUN]
    assert results.cell("spos", "error").note == f"not known of seeds 0, 1: {HOW_DETECTED}"
    assert results.cell("mngnas", "error").note == HOW_DETECTED
