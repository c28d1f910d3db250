"""Rows under names, and values as parts of sentences."""

import pytest

from harness.scores.frame import Frame, Members, brief, is_number, listing, plain
from searchspaces.errors import UsageError

FRAME = Frame(["a", "b", "c"], [[1, 2, 3], [4, 5, 6]])


def test_columns_are_taken_left_out_and_joined():
    assert FRAME.column("b") == [2, 5]
    assert FRAME.without("b") == Frame(["a", "c"], [[1, 3], [4, 6]])
    joined = [[{"c": 3, "a": 1}, 2], [{"c": 6, "a": 4}, 5]]
    assert FRAME.joined(["c", "a"], "x") == Frame(["x", "b"], joined)


def test_values_are_parts_of_sentences():
    assert brief(Members([("a", Members([("b", [1])]))])) == "{'a': {'b': [1]}}"
    assert brief("x" * 120) == "x" * 120 and brief("x" * 121) == "x" * 120 + "..."
    assert brief(" a\n b ") == "a b"
    assert listing("abcdefgh") == "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'"
    assert listing("abcdefghi") == "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ..."
    assert listing(["y" * 41]) == f"'{'y' * 40}'"
    assert plain((1, Members([("a", (2,))]))) == [1, {"a": [2]}]


@pytest.mark.parametrize("value", [0, -1.5, "1e3", " 7 ", "nan", "inf", 10**400])
def test_numbers_and_their_texts_are_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, None, "", "x", "1,5", [1], {1: 2}, (1,)])
def test_what_is_no_number_is_none(value):
    assert not is_number(value)


def test_a_member_that_is_there_twice_is_named():
    assert Members([("a", 1), ("b", 2)]).distinct() == {"a": 1, "b": 2}
    with pytest.raises(UsageError, match="the member 'b' twice"):
        Members([("a", 1), ("b", 2), ("b", 2)]).distinct()
