"""What is in bold is judged by the numbers beside it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.papers.definition.bold import Verdict, judge
from reports.papers.definition.item import Bold, Column, Item, Row
from reports.papers.definition.printed import Printed

NUMBERS = st.one_of(st.none(), st.integers(10, 14))


def item(rows, among="column", without=(), better="higher"):
    """Rows are (group, printed text, whether in bold), named r0, r1 and so on."""
    made = tuple(
        Row(
            id=f"r{i}",
            label=f"R{i}",
            group=group,
            printed={"x": Printed.parse(text)},
            bold=("x",) if bold else (),
        )
        for i, (group, text, bold) in enumerate(rows)
    )
    column = Column("x", "x", better=better)
    return Item(
        *("toy", "table-1", "T", "table", "N", "c", "r", "n"),
        defects=(), study={}, seeds=(0,), columns=(column,), rows=made, claims=(),
        bold=Bold("the print", among, tuple(without)),
    )  # fmt: skip


def verdict(made, row="r0"):
    return judge(made, made.row(row), made.column("x"))


def test_the_best_is_the_best():
    made = item([("", "91.5", True), ("", "91.4", False), ("", "-", False)])
    assert verdict(made) == Verdict("best")
    assert verdict(made, "r1") is None and verdict(made, "r2") is None


def test_better_rows_are_named_best_first_and_not_all_of_many():
    made = item([("", "91.20", True), *(("", f"91.{i}0", False) for i in (3, 5, 4, 6, 1))])
    assert verdict(made) == Verdict(
        "beaten",
        "In bold, but not the best: 91.60 (R4), 91.50 (R2), 91.40 (R3) and 1 more are better than "
        "91.20.",
    )


def test_one_better_row_is_one():
    made = item([("", "2.31", True), ("", "2.29", False), ("", "2.33", False)], better="lower")
    assert verdict(made).sentence == "In bold, but not the best: 2.29 (R1) is better than 2.31."


def test_as_good_and_not_in_bold_is_said():
    made = item([("", "92.9", True), ("", "92.9", False), ("", "92.9", True)])
    assert verdict(made) == Verdict(
        "shared", "In bold, but not alone the best: 92.9 (R1) is as good and not in bold."
    )
    assert verdict(item([("", "92.9", True), ("", "92.9", True)])) == Verdict("best")


def test_means_compete_with_means_and_bests_with_bests():
    made = item([("", "91.27±0.12 (91.49)", True), ("", "91.20±0.10 (91.79)", False),
                 ("", "91.48", False)])  # fmt: skip
    assert verdict(made).sentence == (
        "In bold, but not the best: 91.48 (R2) is better than 91.27; 91.79 (R1) is better than "
        "91.49."
    )


def test_who_competes_is_the_items_to_say():
    rows = [("a", "2", True), ("b", "3", False), ("a", "1", False)]
    assert verdict(item(rows)).word == "beaten"
    assert verdict(item(rows, among="group")).word == "best"
    assert verdict(item(rows, without=["r1"])).word == "best"


@given(
    rows=st.lists(st.tuples(st.sampled_from("ab"), NUMBERS, st.booleans()), min_size=1, max_size=6),
    among=st.sampled_from(["column", "group"]),
    better=st.sampled_from(["higher", "lower"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_verdict_is_that_of_the_sorted_numbers(rows, among, better):
    rows = [("a", 12, True), *rows]
    texts = [(g, "-" if n is None else str(n), b and n is not None) for g, n, b in rows]
    found = verdict(item(texts, among=among, better=better))
    pool = [(n, b) for g, n, b in rows if n is not None and (among == "column" or g == "a")]
    top = (max if better == "higher" else min)(n for n, _ in pool)
    alone = all(bold for n, bold in pool if n == 12)
    assert found.word == ("beaten" if top != 12 else "best" if alone else "shared")
    assert bool(found.sentence) == (found.word != "best")


@pytest.mark.parametrize("among", ["column", "group"])
def test_sentences_name_groups_only_where_several_compete(among):
    made = item([("a", "1", True), ("a", "2", False), ("b", "2", False)], among=among)
    rows = [*made.rows[:2], Row("r2", "R1", "b", printed=made.row("r2").printed)]
    made = Item(**{**vars(made), "rows": tuple(rows)})
    named = {"column": "2 (a R1) and 2 (b R1) are", "group": "2 (R1) is"}[among]
    assert verdict(made).sentence == f"In bold, but not the best: {named} better than 1."
