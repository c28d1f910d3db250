"""Layouts of JSON, each by itself: what becomes a name, what a row; a1 to a9 are architectures."""

import re

import pytest

from harness.scores.file_formats import tree_of
from harness.scores.trees import TreeReader
from searchspaces.errors import UsageError

PAIRS = (["arch", "score"], [["a1", 1], ["a2", 2]])
MANY = [f"x{number}" for number in range(19)]
GENOTYPE = {"normal": [["s", 0]], "reduce": [["s", 1]]}
SPEC = {"module_adjacency": [[0, 1], [0, 0]], "module_operations": ["input", "output"]}


class Repeated(list):
    """Members of an object of which names are given twice."""

    def items(self):
        return self


def read(tree, task="digits"):
    reader = TreeReader(lambda value: re.fullmatch(r"a\d", str(value)) is not None, task)
    return reader.frame(tree_of(tree)), reader.notes


FRAMES = {
    "object": ({"a1": 1, "a2": 2}, PAIRS),
    "object of lists of one": ({"a1": [1], "a2": [2]}, (["", "0"], [["a1", 1], ["a2", 2]])),
    "two lists": ([["a1", "a2"], [1, None]], (PAIRS[0], [["a1", 1], ["a2", None]])),
    "two lists, turned": ([[1, 2], ["a1", "a2"]], PAIRS),
    "two lists of one": ([["a1"], [2]], (PAIRS[0], [["a1", 2]])),
    "two rows of numbers": ([[1, 2], [3, 4]], (["0", "1"], [[1, 2], [3, 4]])),
    "two rows": ([["a1", 1], ["a2", 2]], (["0", "1"], PAIRS[1])),
    "rows with a cell": ([[GENOTYPE, 1], [SPEC, 2]], (["0", "1"], [[GENOTYPE, 1], [SPEC, 2]])),
    "numbers": ([1, None, 2.5], (["score"], [[1], [None], [2.5]])),
    "records": (
        [{"arch": "a1", "s": 1}, {"arch": "a2", "t": 2}],
        (["arch", "s", "t"], [["a1", 1, None], ["a2", None, 2]]),
    ),
    "records in records": (
        [{"arch": "x", "p": {"s": 1, "q": {"t": 2}}}], (["arch", "p.s", "p.q.t"], [["x", 1, 2]]),
    ),
    "records with cells": (
        [{"arch": GENOTYPE, "s": 1}, {"arch": SPEC, "s": 2}],
        (["arch", "s"], [[GENOTYPE, 1], [SPEC, 2]]),
    ),
    "half of a cell": (
        [{"arch": {"normal": 3}, "s": 1}, {"arch": {"module_adjacency": 4}, "s": 2}],
        (["arch.normal", "s", "arch.module_adjacency"], [[3, 1, None], [None, 2, 4]]),
    ),
    "objects one after the other": ([{"a1": 1}, {"a2": 2}], PAIRS),
    "an empty record": ([{"a1": 1}, {}], (["a1"], [[1], [None]])),
    "columns": ({"s": [1, 2], "arch": ["a1", "a2"]}, (["s", "arch"], [[1, "a1"], [2, "a2"]])),
    "rows by name": ({"a1": [1, 2], "a2": [3, 4]}, (["", "0", "1"], [["a1", 1, 2], ["a2", 3, 4]])),
    "rows by number": ({"0": [1, 2], "7": [3, 4]}, (["", "0", "1"], [["0", 1, 2], ["7", 3, 4]])),
    "columns by number": ({"0": ["a1", "a2"], "1": [1, 2]}, (["0", "1"], PAIRS[1])),
    "scores within": ({"method": "m", "scores": {"a1": 1, "a2": 2}}, PAIRS),
    "rows within": ({"seed": 3, "rows": [["a1", 1], ["a2", 2]]}, (["0", "1"], PAIRS[1])),
    "columns within": ({"seed": 3, "archs": ["a1", "a2"], "s": [1, 2]}, (["archs", "s"], PAIRS[1])),
    "an object beside a list": ({"scores": {"a1": 1, "a2": 2}, "seed": 5}, PAIRS),
    "outside": (
        {"a1": {"s": 1, "t": {"u": 2}}, "a2": {"s": 3}},
        (["", "s", "t.u"], [["a1", 1, 2], ["a2", 3, None]]),
    ),
    "inside": (
        {"s": {"a1": 1, "a2": 2}, "t": {"a2": 3, "a3": 4}},
        (["", "s", "t"], [["a1", 1, None], ["a2", 2, 3], ["a3", None, 4]]),
    ),
    "neither": ({"u": {"s": 1}, "v": {"s": 2}}, (["", "s"], [["u", 1], ["v", 2]])),
    "rows of columns": ({"s": {"0": 1, "1": 2}}, (["", "s"], [["0", 1], ["1", 2]])),
    "columns of rows": (
        {"arch": {"0": "a1", "1": "a2"}, "s": {"1": 2, "0": 1}}, (["arch", "s"], PAIRS[1]),
    ),
    "records by number": (
        {"0": {"arch": "a1", "s": 1}, "1": {"arch": "a2", "s": 2}},
        (["", "arch", "s"], [["0", "a1", 1], ["1", "a2", 2]]),
    ),
    "a data set": ({"cifar10": {"a1": 5}, "Digits": {"a1": 1, "a2": 2}}, PAIRS),
    "a data set of columns": (
        {"digits": {"s": {"a1": 1, "a2": 2}}, "cifar10": {"s": {"a1": 5}}},
        (["", "s"], PAIRS[1]),
    ),
    "around a data set": ({"run": {"digits": {"a1": 1, "a2": 2}}}, PAIRS),
    "split": (
        {"columns": ["arch", "s"], "index": [4, 5], "data": PAIRS[1]},
        (["", "arch", "s"], [[4, "a1", 1], [5, "a2", 2]]),
    ),
    "an index of other length": (
        {"columns": ["arch", 7], "index": [4], "data": PAIRS[1]}, (["arch", "7"], PAIRS[1]),
    ),
    "W&B": ({"columns": ["arch", "s"], "data": PAIRS[1]}, (["arch", "s"], PAIRS[1])),
    "W&B of one column": ({"columns": ["s"], "data": [1, 2]}, (["s"], [[1], [2]])),
    "series": ({"name": "s", "index": ["a1", "a2"], "data": [1, 2]}, (["", "s"], PAIRS[1])),
    "nameless series": ({"name": None, "index": ["a1"], "data": [1]}, (["", "score"], [["a1", 1]])),
    "table": ({"schema": {"x": 1}, "data": [{"arch": "a1", "s": 1}]}, (["arch", "s"], [["a1", 1]])),
    "the twentieth name": (
        dict.fromkeys([*MANY, "a1"], [5, 6]),
        (["", "0", "1"], [[name, 5, 6] for name in (*MANY, "a1")]),
    ),
    "no name of twenty": (
        dict.fromkeys([*MANY, "x", "a1"], [5]), ([*MANY, "x", "a1"], [[5] * 21]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_a_layout_is_read(name):
    tree, expected = FRAMES[name]
    frame, notes = read(tree)
    assert (frame.names, frame.rows) == expected and notes == []
    nameless = ("object", "rows with a cell", "two rows", "two rows of numbers", "rows within")
    nameless += ("objects one after the other", "scores within", "an object beside a list")
    nameless += ("a data set", "around a data set")
    assert frame.named == (name not in nameless)
    assert frame.ordered == (name == "numbers")


def test_the_only_data_set_is_told():
    frame, notes = read({"CIFAR-10": {"a1": 1, "a2": 2}})
    assert (frame.names, frame.rows) == PAIRS
    assert notes == [
        "The scores are of 'CIFAR-10', the only data set in the file; none are of digits."
    ]


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (7, "it holds '7'"),
        ([], "there are no scores"),
        ([1, "x"], "entry 0 is '1'"),
        ([["a1", 1], 3], "entry 1 is '3'"),
        ([{"a1": 1}, [3]], r"entry 1 is '\[3\]'"),
        ([[1], [2]], r"entry 0 is '\[1\]'"),
        ([["a1", 1], ["a2", 2], ["a3"]], r"entry 2 is '\['a3'\]'"),
        ({"s": [1, 2], "t": [3]}, "the lists 's', 't' have different lengths"),
        ({"a1": 1, "a2": [2]}, "'a1' has a single value where others have several"),
        ({"n": 1, "x": {"a1": 1}, "y": [2]}, "scores could be in 'x', 'y'"),
        ({"x": {"a1": 1}, "y": [2]}, "scores could be in 'x', 'y'"),
        ({"a1": {"a2": 1}}, "architectures are names on two levels"),
        ({"0": {"1": 2}, "1": {"0": 3}}, "numbers are names on two levels"),
        ({"cifar10": {"a1": 1}, "cifar100": {"a1": 2}}, "none called digits"),
        ({"columns": ["s", "t"], "data": [[1, 2], [3]]}, "row 1 of its data has 1 values for 2"),
        ({"columns": ["s", "s"], "data": [[1, 2]]}, "several columns have one name: s, s"),
        (Repeated([("s", [1]), ("s", [2])]), "has the member 's' twice"),
        (Repeated([("s", {"a1": 1}), ("s", {"a1": 2})]), "has the member 's' twice"),
        ({"u": Repeated([("s", 1), ("s", 2)])}, "has the member 's' twice"),
    ],
)
def test_another_layout_is_refused(tree, said):
    with pytest.raises(UsageError, match=said):
        read(tree)
