"""What the printed numbers must satisfy, or carry a flag for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import product
from statistics import mean

import pytest

from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from reports.papers.definition.bold import judge
from reports.papers.definition.item import Item, Row
from reports.papers.definition.loading import item_names, load_item

FOUR_RUNS = (5, 10)
IMPOSSIBLE_DEVIATION = "Of four numbers the standard deviation"
IMPOSSIBLE_BEST = "Of four numbers the largest"
NB201 = [f"{task}-{split}" for task in ("c10", "c100", "in16") for split in ("valid", "test")]


@cache
def table(number: int, paper: str = "mngnas") -> Item:
    return load_item(paper, f"table-{number}")


def value(item: Item, row: str, column: str) -> float:
    return item.row(row).printed[column].number


def flagged(item: Item, beginning: str) -> set[tuple[str, str]]:
    """Row and column of the cells that carry the one defect with this beginning."""
    (number,) = (n for n, text in enumerate(item.defects, 1) if text.startswith(beginning))
    return {(row.id, c) for row in item.rows for c, flags in row.flags.items() if number in flags}


def of_four_runs(item: Item) -> Iterator[tuple[Row, str, Decimal, Decimal, Decimal]]:
    for row in item.rows:
        for column, printed in row.printed.items():
            if printed.best is not None:
                yield (
                    row,
                    column,
                    *(Decimal(str(n)) for n in (printed.mean, printed.sd, printed.best)),
                )


@pytest.mark.parametrize("number", FOUR_RUNS)
def test_deviations_that_four_runs_cannot_have_are_flagged(number: int):
    item = table(number)
    cells = {(r.id, c) for r, c, mean_, sd, best in of_four_runs(item) if sd > 2 * (best - mean_)}
    assert cells and flagged(item, IMPOSSIBLE_DEVIATION) == cells


@pytest.mark.parametrize("number", FOUR_RUNS)
def test_bests_that_four_runs_cannot_have_are_flagged(number: int):
    item = table(number)
    limit = Decimal("1.5")
    cells = {(r.id, c) for r, c, mean_, sd, best in of_four_runs(item) if best > mean_ + limit * sd}
    assert cells and flagged(item, IMPOSSIBLE_BEST) == cells


def test_nothing_exceeds_the_optimum_unflagged():
    optimum = table(5).row("optimal").printed
    for number in (5, 10, 15):
        item = table(number)
        for row in item.rows:
            for column, printed in row.printed.items():
                most = max(n for n in (printed.mean, printed.best) if n is not None)
                if most > optimum[column].mean:
                    assert row.flags[column]
    assert table(5).row("mngnas-f").printed["c10-valid"].best > optimum["c10-valid"].mean


def test_identical_arms_of_tables_5_and_10_differ_and_are_flagged():
    fifth, tenth = table(5), table(10)
    for own, other in (
        ("mngnas-s", "spos-e"),
        ("mngnas-f", "fairnas-e"),
        ("mngnas-m", "mixpath-e"),
    ):
        first, second = fifth.row(own), tenth.row(other)
        different = [c for c in NB201 if first.printed[c] != second.printed[c]]
        assert different
        assert all(first.flags[c] and second.flags[c] for c in different)
    assert tenth.row("spos-e").printed["c10-test"].text == "93.80±0.40 (93.76)"
    assert fifth.row("darts-minus").printed["c10-test"].text == "93.80±0.40"


# One arm in several tables: (table, row, column), or -column where the table has 100 minus it.
BASES = {"s": "spos", "f": "fairnas", "m": "mixpath"}
SAME_ARM = [
    *[[(1, f"mobilenet-mngnas-{k}", f"{c}-error"), (9, f"{b}-e", f"{c}-error"), (13, f"{k}-10", c)]
      for k, b in BASES.items() for c in ("c10", "c100")],
    *[[(1, f"darts-mngnas-{k}", f"{c}-error"), (14, f"{k}-10", c), (16, f"{k}-4", c)]
      for k in BASES for c in ("c10", "c100")],
    *[[(2, f"mobilenet-mngnas-{k}", "top1"), (9, f"{b}-e", "in16-top1"), (13, f"{k}-10", "-in16")]
      for k, b in BASES.items()],
    *[[(2, f"darts-mngnas-{k}", "top1"), (14, f"{k}-10", "-in16")] for k in "sm"],
    *[[(3, f"mngnas-{k}", "top1"), (14, f"{k}-10", "-in"), (16, f"{k}-4", "-in")] for k in BASES],
    *[[(4, f"mngnas-{k}", "top1"), (9, f"{b}-e", "in-top1"), (13, f"{k}-10", "-in")]
      for k, b in BASES.items()],
    [(1, "shufflenet-mngnas-s", "c10-error"), (8, "e", "c10-error"), (12, "s-10", "c10")],
    [(1, "shufflenet-mngnas-s", "c10-params"), (8, "e", "c10-params")],
    [(1, "shufflenet-mngnas-s", "c100-error"), (8, "e", "c100-error"), (12, "s-10", "c100")],
    [(2, "shufflenet-mngnas-s", "top1"), (8, "e", "in16-top1"), (12, "s-10", "-in16")],
    [(8, "e", "in-top1"), (12, "s-10", "-in")],
    [(5, "mngnas-m", "c100-test"), (10, "mixpath-e", "c100-test"), (15, "m-10", "c100-test")],
]  # fmt: skip


@pytest.mark.parametrize("cells", SAME_ARM, ids=lambda cells: f"{cells[0][0]}-{cells[0][1]}")
def test_one_arm_in_several_tables_differs_and_is_flagged(cells: list[tuple[int, str, str]]):
    """Each of its cells has a flag that quotes what the other tables print."""
    values = [printed_of(*cell) for cell in cells]
    assert max(values) - min(values) > 0.005
    for number, row, column in cells:
        quoted = numbers_of_defects(table(number), row, column.removeprefix("-"))
        for other in values:
            assert any(min(abs(q - other), abs(100 - q - other)) < 0.005 for q in quoted)


def printed_of(number: int, row: str, column: str) -> float:
    printed = value(table(number), row, column.removeprefix("-"))
    return 100 - printed if column.startswith("-") else printed


def numbers_of_defects(item: Item, row: str, column: str) -> set[float]:
    """What stands in the cell and in the defects it is flagged for."""
    texts = [item.defects[flag - 1] for flag in item.row(row).flags[column]]
    return {value(item, row, column), *(float(n) for n in re.findall(r"\d+\.\d+", " ".join(texts)))}


def test_mngnas_below_its_base_is_flagged():
    item, below = table(5), set()
    for key, base in BASES.items():
        for column in NB201:
            if value(item, f"mngnas-{key}", column) < value(item, base, column):
                below |= {(f"mngnas-{key}", column), (base, column)}
    assert below and flagged(item, "MNGNAS is below the base") == below


def test_arms_above_mngnas_are_flagged():
    item = table(10)
    below = {
        (f"{base}-e", column)
        for base in BASES.values()
        for column in NB201
        if any(
            value(item, f"{base}-{a}", column) > value(item, f"{base}-e", column) for a in "abcd"
        )
    }
    assert below and flagged(item, "An arm that lacks") == below


def test_repeated_cells_are_flagged():
    fifth, ninth = table(5), table(9)
    for column in ("in16-valid", "in16-test"):
        assert fifth.row("gdas").printed[column] == fifth.row("snas").printed[column]
        assert fifth.row("gdas").flags[column] and fifth.row("snas").flags[column]
    sizes = {
        (row.id, f"{task}-{size}")
        for row in ninth.rows
        for task in ("in16", "in")
        for size in ("params", "madds")
        if all(row.printed[f"in16-{s}"] == row.printed[f"in-{s}"] for s in ("params", "madds"))
    }
    assert len(sizes) == 3 * 4 and flagged(ninth, "The same parameters") == sizes
    repeated = ninth.row("mixpath-c")
    assert repeated.printed["in-top1"] == repeated.printed["in16-top1"]
    assert repeated.flags["in-top1"]


def test_more_teachers_are_worse_on_cifar10_validation():
    values = [value(table(15), f"m-{n}", "c10-valid") for n in (4, 6, 8, 10, 12, 14)]
    assert values == sorted(values, reverse=True) and values[0] == 91.30 and values[-1] == 91.25


def test_the_best_arm_over_fairnas_is_not_mngnas():
    item = table(11)
    assert max("abcde", key=lambda arm: value(item, f"fairnas-{arm}", "tau")) == "c"
    gains = [value(item, f"{b}-e", "tau") - value(item, f"{b}-a", "tau") for b in BASES.values()]
    assert max(gains) == pytest.approx(0.91)


def test_averages_of_ennas_are_not_those_of_its_text():
    item = table(1, "ennas")
    spaces, prior = ("s1", "s2", "s3"), ("spos", "cream", "dna")

    def top1(*methods: str) -> list[float]:
        return [value(item, f"{space}-{method}", "top1") for space in spaces for method in methods]

    own = mean(top1("ennas"))
    assert own == pytest.approx(78.47, abs=0.005)
    assert own - mean(top1(*prior)) == pytest.approx(1.42, abs=0.005)
    best = [max(value(item, f"{space}-{method}", "top1") for method in prior) for space in spaces]
    assert own - mean(best) == pytest.approx(0.50, abs=0.005)
    assert own - mean(top1(*prior, "ennas-wo-ds")) == pytest.approx(1.18, abs=0.01)
    assert all(item.row(f"{space}-ennas").flags["top1"] for space in spaces)
    more = [value(item, f"{s}-cream", "days") - value(item, f"{s}-spos", "days") for s in spaces]
    assert more == [4, 5, 5] and all(item.row(f"{s}-cream").flags["days"] for s in spaces)


@pytest.mark.slow
def test_the_printed_optimum_is_that_of_the_benchmark():
    item = table(5)
    row = item.row("optimal")
    for column in map(item.column, NB201):
        truth = Table.load(EMBEDDED / f"nb201-benchmark-{column.task}.parquet")
        best = truth.accuracy(column.truth.split).max()
        agrees = value(item, "optimal", column.id) == pytest.approx(best, abs=0.005)
        assert agrees or row.flags[column.id]


# Cells in bold, by what they are among those they compete with.
BOLD = {
    "mngnas/table-1": {
        "best": "2.68 | 16.13 | 2.22 | 16.12", "beaten": "2.30 | 16.23",
    },
    "mngnas/table-2": {"best": "39.53 | 39.74", "beaten": "39.52 | 39.72"},
    "mngnas/table-3": {"best": "76.4", "beaten": "76.2", "shared": "92.9"},
    "mngnas/table-5": {
        "best": "91.35±0.11 (91.79)",
        "beaten": "91.27±0.12 (91.49) | 71.91±0.44 (72.53) | 71.99±0.45 (72.60) | "
        "71.99±0.43 (72.58) | 44.85±1.53 (45.61)",
    },
    "mngnas/table-6": {"best": "76.8"},
    "mngnas/table-7": {"best": "33.8", "beaten": "32.3"},
    "mngnas/table-8": {"best": "2.24 | 16.10 | 39.51 | 73.5"},
    "mngnas/table-9": {
        "best": "73.8 | 39.73", "beaten": "2.31 | 16.23 | 39.54 | 2.32 | 16.19",
    },
    "mngnas/table-11": {"best": "58.04"},
    "ennas/table-1": {"best": "77.9 | 93.6 | 78.4 | 93.8 | 79.1 | 94.2"},
}  # fmt: skip


@pytest.mark.parametrize(
    "paper, name", [(p, n) for p in ("mngnas", "ennas") for n in item_names(p)]
)
def test_cells_in_bold_and_what_they_are(paper: str, name: str):
    item, found = load_item(paper, name), {}
    for row in item.rows:
        for column in row.bold:
            verdict = judge(item, row, item.column(column))
            found.setdefault(verdict.word, []).append(row.printed[column].text)
    assert {word: " | ".join(texts) for word, texts in found.items()} == BOLD.get(
        f"{paper}/{name}", {}
    )


@pytest.mark.parametrize(
    "number, row, column, beaten",
    [
        (5, "mngnas-s", "c10-valid", ("91.27", "91.49")),
        (5, "mngnas-s", "c100-test", ("72.60",)),
        (5, "mngnas-m", "in16-valid", ("44.85", "45.61")),
        (3, "mngnas-s", "top1", ("76.2",)),
        (2, "mobilenet-mngnas-s", "top1", ("39.52",)),
        (9, "spos-e", "c10-error", ("2.31",)),
    ],
)
def test_bold_numbers_that_are_not_the_best_are_named(number, row, column, beaten):
    item = table(number)
    verdict = judge(item, item.row(row), item.column(column))
    for text in beaten:
        assert f"better than {text}" in verdict.sentence


def test_the_text_of_table_3_passes_over_darts():
    item = table(3)
    flags = flagged(item, "The text takes MNGNAS's best result")
    top = {row.id: value(item, row.id, "top1") for row in item.rows}
    assert top["mngnas-m"] - top["cydas"] == top["mngnas-m"] - top["rlnas"] == pytest.approx(0.5)
    assert max(top[row] for row in top if "mngnas" not in row) == top["darts"] == 76.0
    below = {row for row in top if "mngnas" in row and top[row] < top["darts"]}
    assert below == {"mngnas-s-direct", "mngnas-f"}
    rows = below | {"darts", "cydas", "rlnas", "mngnas-m"}
    assert flags == {(row, "top1") for row in rows}


@pytest.mark.parametrize(
    "row", ["spos", "fairnas", "proxylessnas", "mngnas-s", "mngnas-f", "mngnas-m"]
)
def test_tables_4_and_6_differ_on_the_same_methods_and_are_flagged(row: str):
    own, other = table(4), table(6)
    label = own.row(row).label
    assert label == other.row(row).label
    for item, beside in ((own, other), (other, own)):
        flags = flagged(item, f"{label}: ")
        (sentence,) = (text for text in item.defects if text.startswith(f"{label}: "))
        here, there = sentence.split(" here; ")
        for column in ("params", "madds", "top1", "top5"):
            mine, its = (i.row(row).printed[column] for i in (item, beside))
            if mine.number is not None:
                assert re.search(rf"\b{re.escape(mine.text)}\b", here)
            if its.number is not None:
                assert re.search(rf"\b{re.escape(its.text)}\b", there)
            both = mine.number is not None and its.number is not None
            assert ((row, column) in flags) == both
            assert not both or mine.number != its.number


def test_every_method_of_both_tables_4_and_6_is_compared():
    names = {row.label for row in table(4).rows} & {row.label for row in table(6).rows}
    compared = {text.partition(": ")[0] for text in table(4).defects if " in Table VI" in text}
    assert compared == names and len(names) == 6


def test_searches_of_another_protocol_are_flagged():
    flags = flagged(table(5), "REA and REINFORCE have the protocol of another version")
    assert flags == {(row, column) for row in ("rea", "reinforce") for column in NB201}


def test_the_numbers_of_the_text_on_figure_1_are_claims():
    claims = load_item("ennas", "fig-1").claims
    found = {(claim.better, claim.worse, claim.column): claim.by for claim in claims}
    assert found == {
        ("ennas", "cream", "end"): 4.5,
        ("ennas", "ennas-wo-ds", "mean"): 2.5,
        ("ennas", "", "gain"): 5.8,
        ("cream", "", "gain"): 2.1,
    }


def test_figure_12_has_five_arms_over_each_supernet():
    rows = load_item("mngnas", "fig-12").rows
    points = {(row.run["options.base"], row.run["options.kd"], row.x) for row in rows}
    arms = ("none", "single", "average", "searched", "full")
    assert points == set(product(("spos", "fairnas", "mixpath"), arms, (2, 5, 10, 20)))
    assert len(rows) == len(points)
