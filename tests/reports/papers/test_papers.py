"""The printed tables and figures: complete, and of runs that can be run."""

from __future__ import annotations

from functools import cache

import pytest

from harness.config.config import Config
from reports.papers.definition.item import Item
from reports.papers.definition.loading import item_names, load_item, load_paper

ITEMS = [(paper, name) for paper in ("mngnas", "ennas") for name in item_names(paper)]
# Printed rows and printed values of each table.
SIZES = {
    "mngnas/table-1": (25, 194),
    "mngnas/table-2": (15, 45),
    "mngnas/table-3": (14, 56),
    "mngnas/table-4": (8, 32),
    "mngnas/table-5": (13, 78),
    "mngnas/table-6": (13, 65),
    "mngnas/table-7": (6, 30),
    "mngnas/table-8": (5, 60),
    "mngnas/table-9": (15, 180),
    "mngnas/table-10": (15, 90),
    "mngnas/table-11": (15, 15),
    "mngnas/table-12": (18, 72),
    "mngnas/table-13": (18, 72),
    "mngnas/table-14": (18, 72),
    "mngnas/table-15": (6, 36),
    "mngnas/table-16": (12, 36),
    "ennas/table-1": (15, 75),
}


loaded = cache(load_item)


@pytest.fixture(params=ITEMS, ids="/".join)
def item(request: pytest.FixtureRequest) -> Item:
    return loaded(*request.param)


def test_every_printed_table_and_figure_is_there():
    tables = [f"table-{n}" for n in range(1, 17)]
    assert item_names("mngnas") == tables + [f"fig-{n}" for n in range(1, 15)]
    assert item_names("ennas") == ["table-1", "fig-1", "fig-2"]
    assert all(load_paper(paper).note for paper in ("mngnas", "ennas"))


@pytest.mark.parametrize("name", SIZES)
def test_tables_have_all_their_rows_and_values(name: str):
    rows = [row for row in loaded(*name.split("/")).rows if row.printed]
    assert (len(rows), sum(len(row.printed) for row in rows)) == SIZES[name]


def test_values_that_only_figures_show_are_not_invented(item: Item):
    if not item.name.startswith("table"):
        assert not any(row.printed for row in item.rows)


@pytest.mark.slow
def test_runs_are_runs_of_the_command_line(item: Item):
    for preset in ("smoke", "laptop", "paper"):
        configs = item.configs(preset)
        assert len(configs) == len(item.seeds) * sum(row.run is not None for row in item.rows)
        assert all(isinstance(config, Config) and config.preset == preset for _, config in configs)


@pytest.mark.slow
def test_two_rows_of_an_item_are_never_the_same_run(item: Item):
    names = [config.run_name("a table") for _, config in item.configs()]
    assert len(set(names)) == len(names)


def test_every_run_fills_a_column_on_the_embedded_task(item: Item):
    if item.configs():
        assert any(c.measure and c.task in ("", "digits") for c in item.columns)


def test_claims_compare_rows_that_can_be_run(item: Item):
    for claim in item.claims:
        assert all(item.row(name).run is not None for name in (claim.better, claim.worse) if name)
        assert item.column(claim.column).measure


def test_only_printed_cells_are_flagged(item: Item):
    for row in item.rows:
        assert row.flags.keys() <= row.printed.keys()


def test_figure_12_has_five_arms_on_each_supernet():
    item, arms = loaded("mngnas", "fig-12"), ("none", "single", "average", "searched", "full")
    lengths = (2, 5, 10, 20)
    expected = {
        f"{base}-{arm}-{steps}": {
            "method": "mngnas", "options.base": base, "options.kd": arm,
            "options.retrain_steps": steps,
        }
        for base in ("spos", "fairnas", "mixpath") for arm in arms for steps in lengths
    }  # fmt: skip
    assert {row.id: row.run for row in item.rows} == expected
    assert all(row.x == row.run["options.retrain_steps"] for row in item.rows)
    groups = {row.group: row.run["options.kd"] for row in item.rows}
    assert len(groups) == 3 * len(arms)
    names = {"none": "A w/o KD", "single": "B single", "average": "C average",
             "searched": "D adaptive", "full": "E MNGNAS"}  # fmt: skip
    assert all(group.endswith(f": {names[arm]}") for group, arm in groups.items())
    assert {row.group for row in loaded("mngnas", "fig-13").rows} >= set(names.values())


def test_the_four_numbers_of_ennas_figure_1_are_claims():
    item = loaded("ennas", "fig-1")
    assert [(c.better, c.worse, item.column(c.column).measure, c.by) for c in item.claims] == [
        ("ennas", "cream", "teacher_end", 4.5),
        ("ennas", "ennas-wo-ds", "teacher_mean", 2.5),
        ("ennas", "", "teacher_gain", 5.8),
        ("cream", "", "teacher_gain", 2.1),
    ]
    assert all(str(claim.by) in item.caption for claim in item.claims)
