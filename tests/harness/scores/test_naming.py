"""What a name means: the table's own string, another writing of it, a row, or nothing."""

from types import SimpleNamespace

import pytest
from tables import made_meta

from harness.scores.naming import Naming
from harness.tabular.table import Table
from searchspaces.base import Site
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

NB201 = SPACES["nb201"]("compact")
ARCHS = [(0,) * 6, (3, 1, 2, 4, 0, 3), (1,) * 6]
NAMES = [NB201.encode(arch) for arch in ARCHS]
ABSENT = NB201.encode((2,) * 6)
LISTS = [
    [["nor_conv_3x3", 0]],
    [["skip_connect", 0], ["nor_conv_1x1", 1]],
    [["avg_pool_3x3", 0], ["none", 1], ["nor_conv_3x3", 2]],
]
SINGULAR = "0" * 31 + "g"  # as long as a hash


def table(archs, **meta):
    return Table(made_meta(**meta), list(archs), {})


CELLS = Naming(table(NAMES), NB201)


def test_an_architecture_is_told_in_any_writing_and_a_row_is_none():
    genuine = [*NAMES, f'  "{NAMES[0]}" ', f"'{NAMES[1]}'", ABSENT, LISTS, str(LISTS)]
    others = [None, True, 0, 2, 1.0, "", "2", "nan", "acc", [], {}, [["nor_conv_9x9", 0]]]
    for naming, known in ((CELLS, True), (Naming(None, NB201), True)):
        assert [naming.genuine(value) for value in genuine] == [known] * len(genuine)
        assert not any(naming.genuine(value) for value in others)
        assert naming.tells(NAMES[0]) and not naming.tells("acc")
    names = Naming(table(["b", "a", "0"]), None)
    assert [names.genuine(value) for value in ("b", "a", "0", 0, "c", 1)] == [1, 1, 1, 1, 0, 0]
    assert names.tells("b") and not names.tells("c")
    anything = Naming(None, None)
    assert [anything.genuine(value) for value in ("c", "c1", "", "1.5", "1e3", 7)] == [
        1, 1, 0, 0, 0, 0,
    ]  # fmt: skip
    assert not anything.tells("c")


def test_names_come_back_as_the_table_has_them_without_a_note():
    given = [LISTS, f"'{NAMES[0]}'", str(LISTS), NAMES[2], NAMES[1]]
    expected = ([NAMES[1], NAMES[0], NAMES[1], NAMES[2], NAMES[1]], [])
    assert CELLS.names(given) == Naming(None, NB201).names(given) == expected
    assert Naming(None, None).names(["x", " y "]) == (["x", "y"], [])


def test_rows_are_those_of_the_table_and_a_note_says_so():
    found, notes = CELLS.names(["2", 0, " 1 ", "0"])
    assert found == [NAMES[2], NAMES[0], NAMES[1], NAMES[0]]
    assert notes == [
        f"Architectures were given as row numbers of the table (0 to 2): 0 is '{NAMES[0]}'."
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["1", "3"], "'3' is not in the table nb201-small-digits; write .*, or as row numbers bel"),
        (["01"], r"'01' is not in the table .* Row numbers have no leading zeros\.$"),
        (["1" * 10], "is not in the table .*row numbers below 3.$"),
        (["٢", NAMES[0]], "'٢' is not in the table .* below 3.$"),
        (["1", NAMES[0]], "'1' is not in .* Row numbers are read only where all names are"),
        (["-1"], "'-1' is not in the table"),
        (
            [ABSENT],
            "is an architecture of nb201, but is not in the table nb201-small-digits of 3; ",
        ),
        ([NAMES[0], "what"], "'what' is not in the table"),
        ([NAMES[0], NAMES[1].replace("conv", "cnov")], "cnov.* did you mean 'nor_conv_"),
    ],
)
def test_what_is_not_in_the_table_is_named(given, said):
    with pytest.raises(UsageError, match=said):
        CELLS.names(given)


def test_a_text_that_is_none_is_refused_without_a_table_too():
    with pytest.raises(UsageError, match="'what' is not a NAS-Bench-201 architecture"):
        Naming(None, NB201).names(["what"])
    with pytest.raises(UsageError, match="'c' is not in the table .* row numbers below 2"):
        Naming(table(["a", "b"]), None).names(["c"])


# Digits, which may be rows or operators -------------------------------------------------------


def digits(archs, sizes, **more):
    """A naming in a table, of a space of so many operators at its sites, one digit each."""

    def read(text):
        if len(text) != len(sizes) or any(int(d) >= n for d, n in zip(text, sizes, strict=True)):
            raise UsageError("no")

    sites = [Site(f"site {number}", tuple("abcdefgh"[:size])) for number, size in enumerate(sizes)]
    space = SimpleNamespace(name="toy", sites=sites, read=read, **more)
    return Naming(table(archs, space="toy"), space)


UNEQUAL = digits([f"arch {row}" for row in range(40)], (2, 5))


@pytest.mark.parametrize("given", [["3"], ["13", "4"], ["11", "0"], ["1", "2", "4"]])
def test_what_may_be_digits_of_operators_is_refused(given):
    with pytest.raises(UsageError, match=f"'{given[0]}' may be a row number, or digits .* leading"):
        UNEQUAL.names(given)


@pytest.mark.parametrize("given", [["30", "3"], ["5"], ["25", "1"], ["1", "0", "2", "1"]])
def test_what_cannot_be_digits_of_operators_are_rows(given):
    """A digit too large at its site, or all of the first rows."""
    assert UNEQUAL.names(given)[0] == [f"arch {text}" for text in given]


def test_first_rows_are_not_told_from_digits_where_names_are_digits():
    own = [f"{first}{second}" for first in range(2) for second in range(5)]
    with pytest.raises(UsageError, match="'0' may be a row number, .* zeros, 00; write .* as '00'"):
        digits(own, (2, 5)).names(["0", "1", "2"])
    assert digits(own, (2, 5), topology=range(1)).names(["0", "1"])[0] == ["00", "01"]
    assert digits(own, (2,)).names(["00", "14"]) == (["00", "14"], [])


def test_an_absent_code_is_no_wrong_row():
    with pytest.raises(UsageError, match="'14' is an architecture of toy, but is not in the table"):
        digits(["00", "01", "02"], (2, 5)).names(["14"])
    with pytest.raises(UsageError, match="'15' is not in the table toy-small-digits"):
        digits(["00", "01", "02"], (2, 5)).names(["15"])


# Cells of NAS-Bench-101, which have hashes ----------------------------------------------------


def test_a_hash_is_a_name_and_a_row_is_none(monkeypatch):
    asked = []

    def cells(hashes):
        asked.extend(hashes)
        return ["out:0" if text.startswith("a") else "" for text in hashes]

    monkeypatch.setattr("harness.scores.naming.cells_of_hashes", cells)
    space = SPACES["nb101"]()
    cell, hashed = "3x3:0|out:1", "a" * 32
    naming = Naming(table(["out:0", cell], space="nb101"), space)
    assert naming.genuine("f" * 32) and not naming.genuine(SINGULAR)
    assert naming.names([hashed, cell, hashed])[0] == ["out:0", cell, "out:0"]
    assert asked == [hashed, hashed]
    for given, said in (
        (["b" * 32], f"'{'b' * 32}' is the module hash of no cell"),
        (["1", "0"], "'1' would be a row number, .*; write module hashes"),
        ([SINGULAR], f"'{SINGULAR}' is not in .*or as module hashes"),
    ):
        with pytest.raises(UsageError, match=said):
            naming.names(given)
    few = Naming(table([cell], space="nb101"), space)
    with pytest.raises(UsageError, match=f"'{hashed}' is an architecture of nb101, but is not in"):
        few.names([hashed])
    assert Naming(None, space).names([hashed]) == (["out:0"], [])
