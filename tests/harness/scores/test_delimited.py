"""Lines of text: which character divides them, which is a comment, which line names the columns."""

import pytest

from harness.scores.delimited import headed, lines_of
from harness.scores.frame import Frame
from searchspaces.errors import UsageError

ROWS = {
    "commas": ("a,1\nb,2\n", ["a1", "b2"]),
    "quotes": ('"a,c",1\n"b", 2\n', [["a,c", "1"], "b2"]),
    "tabs": ("a\t1\nb\t2", ["a1", "b2"]),
    "semicolons": ("a;1\nb;2", ["a1", "b2"]),
    "tabs before semicolons": ("a;b\t1\nc;d\t2", [["a;b", "1"], ["c;d", "2"]]),
    "semicolons before commas": ("a,b;1\nc,d;2", [["a,b", "1"], ["c,d", "2"]]),
    "uneven semicolons": ("a;b,1\nc,2", [["a;b", "1"], "c2"]),
    "spaces before quotes": ('a, "1"\nb,2', ["a1", "b2"]),
    "words": ("a b  1\nc\t 2", [["a b", "1"], "c2"]),
    "points beside whole numbers": ("a;0.5\nb;7", [["a", "0.5"], "b7"]),
    "one line": ("a,5%", ["a5"]),
    "a sign of another kind": ("a,5x\nb,6x", [["a", "5x"], ["b", "6x"]]),
    "a single column": ("1\n2\n3", ["1", "2", "3"]),
    "a word in a line": ("a 1\nb", [["a 1"], "b"]),
    "a comment alone": ("#hand", [["#hand"]]),
    "empty lines": ("\n a , 1\n\n,\nb,2\n\n", ["a1", "b2"]),
    "of Excel": ("sep=;\r\na;1\r\nb;2", ["a1", "b2"]),
    "comments": ("# by hand\n# twice, or; more, often\na,1\nb,2", ["a1", "b2"]),
    "a comment of the width": ("#x,1\nb,2", [["#x", "1"], "b2"]),
    "decimal commas": ("a;1,25\nb;+2,5e-3\nc;7", [["a", "1.25"], ["b", "+2.5e-3"], "c7"]),
    "decimal commas in names": ("1,25 a;0,5\n7;0,25", [["1,25 a", "0.5"], ["7", "0.25"]]),
    "decimal commas first": ("0,5;a\n0,25;b", [["0.5", "a"], ["0.25", "b"]]),
    "small decimal commas": ("a;0,125\nb;0,250", [["a", "0.125"], ["b", "0.250"]]),
    "percent": ("a,5 %\nb,7.5%\nc,-", ["a5", ["b", "7.5"], "c-"]),
    "percent beside a number": ("a,5 %\nb,0.3", [["a", "5 %"], ["b", "0.3"]]),
    "percent in one column": ("5%,1\n6%,x", ["51", ["6", "x"]]),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_read(name):
    text, rows = ROWS[name]
    frame = lines_of(text)
    assert frame.rows == [list(row) for row in rows]
    assert frame.names == [""] * len(rows[0]) and not frame.named


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,1\nb,2,3", "line 2 has 3 columns, the first line 2; write architecture,score"),
        ("a b,1\nc d", "line 2 has 1 columns, the first line 2"),
        ('"a,1', "this is not a CSV file"),
        ("a;1.234\nb;56", "the point in 1.234 may be a decimal one or divide thousands"),
    ],
)
def test_lines_that_do_not_fit_are_refused(text, said):
    with pytest.raises(UsageError, match=said):
        lines_of(text)


def test_without_lines_there_are_no_rows():
    assert lines_of("\n") == Frame([], [], named=False)


HEADS = {
    "arch,score": ["arch", "score"],
    "# Arch string ,val_acc": ["Arch string", "val_acc"],
    ",0": ["", "0"],
    ",0,1": ["", "0", "1"],
    "index,0": ["index", "0"],
    "Arch,0": ["Arch", "0"],
    ",acc": ["", "acc"],
    "acc": ["acc"],
}


def head(line):
    frame = Frame([""] * (line.count(",") + 1), [line.split(","), ["z"] * 3], named=False)
    return headed(frame, lambda text: text.startswith("cell"))


@pytest.mark.parametrize("line", HEADS)
def test_a_first_line_of_words_names_the_columns(line):
    found = head(line)
    assert (found.names, found.rows, found.named) == (HEADS[line], [["z"] * 3], True)


@pytest.mark.parametrize(
    "line", ["cell1,acc", "a,1.5", "index,1", "Arch,7", "x,0", ",", "nan,x", "1,0", "cell", "5"]
)
def test_a_first_line_of_data_is_no_head(line):
    found = head(line)
    assert found.names == [""] * len(line.split(",")) and not found.named
    assert found.rows == [line.split(","), ["z"] * 3]


def test_heads_that_say_nothing_are_refused():
    with pytest.raises(UsageError, match="several columns have one name: acc, acc"):
        head("acc,acc")
    with pytest.raises(UsageError, match="line 1 has 3 columns and no line above names them"):
        head("cell1,1,2")
