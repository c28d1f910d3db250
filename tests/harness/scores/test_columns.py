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


# Letters are columns: architectures, scores, other whole numbers, a count, words, gaps ---------

COLUMNS = {
    "A": ARCHS, "S": SCORES, "W": [5, 3, 9], "D": [7, 7, 3], "C": [0, 1, 2], "T": ["x", "y", "z"],
    "E": [None, 0.5, ""],
}  # fmt: skip


def told(columns, *named):
    """The names of the columns that are taken: of architectures, scores and seeds."""
    own = dict(pair.split(":") for pair in columns.split())
    rows = [list(row) for row in zip(*(COLUMNS[kind] for kind in own.values()), strict=True)]
    frame = Frame(["" if name == "_" else name for name in own], rows)
    found = choose(frame, Naming(None, SPACE), *named)
    taken = (found.archs, found.scores, found.seeds)
    kinds = [next((k for k in COLUMNS if COLUMNS[k] == values), "-") for values in taken]
    return "".join(kinds) + "*" * len(found.notes)


@pytest.mark.parametrize(
    ("columns", "named", "taken"),
    [
        ("x:A y:S", (), "AS-"),
        ("y:S x:A", (), "AS-"),
        ("arch:T x:A y:S", (), "TS-*"),
        ("genotype:A other:A y:S", (), "AS-*"),
        ("cell:T y:S n:A", (), "AS-*"),
        ("cell:T y:S n:T", (), "TS-*"),
        ("_:T y:S n:T", (), "TS-*"),
        ("x:A n:T", (), "AT-"),
        ("x:A y:E n:T", (), "AE-*"),
        ("x:A score:S y:W", (), "AS-"),
        ("x:A Score:S n:T", (), "AS-"),
        ("x:A p.score:S p.time:W", (), "AS-*"),
        ("x:A Seed:D y:S", (), "AS" + "D*"),
        ("x:A y:S run:D seed:W", (), "AS" + "D*"),
        ("x:A y:S z:W", ("", "z"), "AW-"),
        ("x:A y:S z:W", ("", "Y"), "AS-"),
        ("x:A p.y:S p.z:W", ("", "z"), "AW-"),
        ("x:A y.score:S q.y:W", ("", "y"), "AS-"),
        ("x:A n:T y:S", ("n",), "TS-*"),
        ("p:W q:C", ("", "p"), "CW-"),
        ("x:A seed:D", ("", "seed"), "AD-"),
    ],
)
def test_columns_are_taken_by_what_they_hold_and_are_called(columns, named, taken):
    assert told(columns, *named) == taken


@pytest.mark.parametrize(
    ("columns", "named", "said"),
    [
        ("p:A q:A y:S", (), "several columns hold architectures .*are p, q, y"),
        ("p:T q:T y:S", (), "no column holds architectures of the space"),
        ("cell:T y:S z:W", (), "several columns hold numbers; name it by --arch-column or"),
        ("x:A n:T m:T", (), "no column holds numbers"),
        ("x:A Score:S score:W", (), "several columns are called score"),
        ("x:A p.y:S q.y:W", ("", "y"), "there is no column 'y'; the columns are x, p.y, q.y"),
        ("x:A y:S", ("y", "y"), "'y' cannot be both architecture and score"),
        ("x:A id:C", (), "there is only a count of the rows"),
        ("x:A", (), "no column holds numbers.*the columns are x"),
        ("x:S", ("x",), "no column holds numbers"),
        ("module_operations:T x:T y:S", (), "no column holds architectures"),
    ],
)
def test_columns_that_could_be_several_are_not_guessed(columns, named, said):
    with pytest.raises(UsageError, match=said):
        told(columns, *named)


def test_architectures_in_several_columns_are_one():
    matrix, operations = [[0, 1], [0, 0]], ["input", "output"]
    for names, values in (
        (("module_adjacency", "module_operations"), (matrix, operations)),
        (("normal", "reduce", "reduce_concat"), ([1], [2], [3])),
    ):
        frame = Frame(["acc", *names], [[0.5, *values], [0.25, *values]])
        found = choose(frame, Naming(None, SPACE))
        assert found.archs == [dict(zip(names, values, strict=True))] * 2
        assert found.scores == [0.5, 0.25] and found.notes == []
    frame = Frame(["acc", "normal", "reduce", "by"], [[0.5, [1], [2], "x"]])
    assert choose(frame, Naming(None, SPACE)).notes == [
        "Scores are the column 'acc', the only one of numbers beside 'arch'."
    ]
    frame = Frame(["arch", "normal", "reduce", "score"], [["a", 1, 2, 0.5], ["b", 3, 4, 0.75]])
    assert choose(frame, Naming(None, SPACE)).archs == ["a", "b"]


def test_scores_alone_are_in_order():
    for frame in (
        Frame(["score"], [[0.5], ["x"]], ordered=True),
        Frame([""], [["0.5"], ["0.25"]], named=False),
        Frame(["acc"], [[0.5], [0.25]]),
    ):
        found = choose(frame, Naming(None, SPACE))
        assert found.ordered and (found.archs, found.scores) == ([], [row[0] for row in frame.rows])
    with pytest.raises(UsageError, match="there are no scores in it"):
        choose(Frame(["arch", "score"], []), Naming(None, SPACE))


def test_the_first_twenty_values_tell_what_a_column_holds():
    for place, taken in ((19, "late"), (20, "cell")):
        late = ["x"] * place + ARCHS[:1] + ["x"] * (20 - place)
        columns = {"cell": ["y"] * 21, "late": late, "acc": [0.5] * 21}
        frame = Frame(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])
        assert choose(frame, Naming(None, SPACE)).archs == columns[taken]
