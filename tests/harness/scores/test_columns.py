"""Columns that are taken for scores, and what signs and points in them mean."""

import pytest

from harness.scores.columns import choose
from harness.scores.delimited import lines_of
from harness.scores.frame import Frame
from harness.scores.naming import Naming
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201()
ARCHS = [SPACE.encode(arch) for arch in ((0,) * 6, (3, 1, 2, 4, 0, 3), (1,) * 6)]
SCORES = [0.5, 0.25, 0.75]


def chosen(**columns):
    """The choice in a frame of architectures and ``columns``; ``index`` is one without a name."""
    own = {"" if name == "index" else name: values for name, values in columns.items()}
    rows = [list(row) for row in zip(*own.values(), strict=True)]
    return choose(Frame(list(own), rows), Naming(None, SPACE))


def test_a_column_that_is_not_called_score_is_told_where_there_are_others():
    times = ["a", "b", "c"]
    found = chosen(arch=ARCHS, score=SCORES, time=times)
    assert (found.archs, found.scores, found.notes) == (ARCHS, SCORES, [])
    found = chosen(arch=ARCHS, acc=SCORES, time=times)
    assert found.scores == SCORES
    assert found.notes == ["Scores are the column 'acc', the only one of numbers beside 'arch'."]
    assert chosen(arch=ARCHS, acc=SCORES).notes == []


@pytest.mark.parametrize("first", [0, 1])
def test_a_count_of_rows_is_no_column_of_scores(first):
    count = [str(first + row) for row in range(3)]
    for name in ("index", "id", "Unnamed: 0"):
        assert chosen(**{name: count, "arch": ARCHS, "acc": SCORES}).scores == SCORES
    with pytest.raises(UsageError, match="several columns hold numbers"):
        chosen(id=[str(2 + row) for row in range(3)], arch=ARCHS, acc=SCORES)


@pytest.mark.parametrize("name", ["seed", "Seed", "run", "trial", "repetition"])
def test_seeds_are_no_scores(name):
    found = chosen(**{"arch": ARCHS, name: [3, 5, 3], "acc": SCORES})
    assert (found.scores, found.seeds) == (SCORES, [3, 5, 3])


def test_percent_signs_go_where_every_number_has_one():
    assert lines_of("a;5 %\nb;7.5%\n").rows == [["a", "5"], ["b", "7.5"]]
    assert lines_of("a;5 %\nb;0.3\n").rows == [["a", "5 %"], ["b", "0.3"]]


def test_points_are_decimal_ones_where_all_numbers_have_them():
    assert lines_of("a;1.234\nb;2.345\n").rows == [["a", "1.234"], ["b", "2.345"]]
    with pytest.raises(UsageError, match="the point in 1.234 may be a decimal one"):
        lines_of("a;1.234\nb;999\n")


def test_commas_are_decimal_ones_where_they_cannot_divide_thousands():
    assert lines_of("a;1,25\nb;2\n").rows == [["a", "1.25"], ["b", "2"]]
    for left in ("a;1,234\nb;2,345\n", "a;1,25\nb;2.5\n"):
        assert [row[1] for row in lines_of(left).rows] == [
            line.partition(";")[2] for line in left.split()
        ]
