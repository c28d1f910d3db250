"""What a terminal shows of an evaluation: every number in its row and column, all of them distinct."""

import io
import re
import sys

import pytest

from harness.metrics.metrics import METRICS
from harness.metrics.rendering import (
    headline,
    known,
    render,
    render_references,
    render_transfer,
)
from harness.metrics.results import Evaluation

UNKNOWN = {"value": None, "low": None, "high": None, "n": 40}


def interval(value, n=0):
    return {"value": value, "low": value - 0.1, "high": value + 0.2, "n": n}


def subset(n, first):
    return {name: interval(first + place / 100, n) for place, name in enumerate(METRICS)}


FLOORS = {"params": interval(0.41), "flops": interval(0.42), "random": interval(0.0)}
OVER = {"params": interval(0.11), "flops": interval(0.12)}
CEILING = {"single_seed": interval(0.71), "seed_mean": interval(0.72), "validation": None}
RESULT = {
    "space": "nb201",
    "task": "cifar100",
    "split": "val",
    "epochs": 120,
    "n": 1500,
    "n_table": 15625,
    "truth": "cifar100-half",
    "truth_images": 25000,
    "metrics": {"all": subset(1500, 0.51), "unique": subset(700, 0.61), "top10": subset(150, 0.21)},
    "floors": FLOORS,
    "ceiling": CEILING,
    "over_floors": OVER,
    "notes": ["One thing.", "Another."],
}
PROTOCOLS = {
    "random-30": {
        "n": 30,
        "metrics": subset(30, 0.31),
        "floors": {"params": interval(0.44), "flops": interval(0.45)},
    },
    "no-none": {"n": 40, "metrics": subset(40, 0.34), "floors": {"params": UNKNOWN}},
}


@pytest.mark.parametrize(
    ("over", "verdict"),
    [
        ((0.12, 0.02, 0.32), "beats the best floor, FLOPs (0.420): +0.120 [+0.020, +0.320]"),
        ((0.12, 0.0, 0.32), "is not shown to beat the best floor, FLOPs (0.420): +0.120 [+0.000, "),
        ((-0.1, -0.3, 0.1), "does not beat the best floor, FLOPs (0.420): -0.100 [-0.300, +0.100]"),
        ((-0.1, -0.3, 0.0), "does not beat the best floor, FLOPs (0.420): -0.100 [-0.300, +0.000]"),
        ((0.0, -0.3, 0.1), "does not beat the best floor, FLOPs (0.420): +0.000 [-0.300, +0.100]"),
        ((-0.1, -0.3, -0.05), "is worse than the best floor, FLOPs (0.420): -0.100 [-0.300, -0.0"),
        (None, "is not shown to beat the best floor, FLOPs (0.420): +0.090; "),
    ],
)
def test_the_answer_stands_in_one_line(over, verdict):
    found = dict(zip(("value", "low", "high", "n"), (*over, 9), strict=True)) if over else None
    result = RESULT | {"over_floors": {"flops": found, "params": interval(0.9)} if over else None}
    line = headline(result)
    assert line.startswith("τ 0.510 [0.410, 0.710]; ") and verdict in line
    assert line.endswith("; ceiling 0.720") and "\n" not in line


def test_a_proxy_is_a_floor_by_its_name():
    line = headline(RESULT | {"floors": {"proxy-synflow": interval(0.6)}, "over_floors": None})
    assert "does not beat the best floor, the proxy synflow (0.600): -0.090; " in line


@pytest.mark.parametrize(
    ("method", "floor"),
    [("synflow", "proxy-synflow"), ("./mine.py:mine", "proxy-mine"), ("flops", "flops")],
)
def test_a_scorer_that_is_the_best_floor_is_not_compared_with_itself(method, floor):
    found = {"floors": {"params": interval(0.4), floor: interval(0.6)}, "over_floors": None}
    line = headline(RESULT | found | {"config": {"method": method}})
    assert "; itself the best floor; " in line and "beat" not in line
    for other in ("l2", "./mine.py:synflow", "mine.py:flops"):
        said = headline(RESULT | found | {"config": {"method": other}})
        assert "does not beat the best floor" in said, other


def test_the_answer_without_floors_ceiling_or_correlation():
    bare = RESULT | {"floors": {}, "ceiling": {"single_seed": interval(0.71), "how": "x"}}
    assert headline(bare) == "τ 0.510 [0.410, 0.710]; ceiling 0.710"
    assert headline(bare | {"ceiling": {"how": "nothing"}}) == "τ 0.510 [0.410, 0.710]"
    all_equal = {"all": subset(9, 0.1) | {"kendall_tau": UNKNOWN}}
    assert headline(RESULT | {"metrics": all_equal}) == "τ is undefined"


def rows(text):
    """The cells of each line, without rules and empty lines."""
    lines = (line.strip() for line in text.splitlines())
    return [re.split(r" {2,}", line) for line in lines if line.strip("─ ")]


def shown(*numbers, decimals=4, ends=3, brackets="[]"):
    return [
        f"{n:.{decimals}f} {brackets[0]}{n - 0.1:.{ends}f}, {n + 0.2:.{ends}f}{brackets[1]}"
        for n in numbers
    ]


REFERENCES = [
    ["floor: parameters", *shown(0.41, 0.11)],
    ["best floor: FLOPs", *shown(0.42, 0.12)],
    ["floor: random order", *shown(0.0)],
    ["ceiling: one seed against another", *shown(0.71)],
    ["ceiling: mean of the seeds, repeated", *shown(0.72)],
]


def test_an_evaluation():
    assert rows(render(RESULT | {"protocols": PROTOCOLS})) == [
        ["1,500 of 15,625 architectures of nb201 against cifar100 val accuracy after 120 epochs, training"],
        ["cifar100-half (25,000 images)"],
        ["metric [95 %] (range)", "all (1,500)", "unique (700)", "best 10 % (150)"],
        ["Kendall τ-b", *shown(0.51, 0.61, 0.21)],
        ["weighted τ", *shown(0.52, 0.62, 0.22)],
        ["Spearman ρ", *shown(0.53, 0.63, 0.23)],
        ["Pearson r", *shown(0.54, 0.64, 0.24)],
        ["P@top 10 % [≥ 95 %]", *shown(0.55, 0.65, 0.25, decimals=3)],
        ["best rank@10", *shown(0.56, 0.66, 0.26, decimals=0, ends=0, brackets="()")],
        ["regret (points)", *shown(0.57, 0.67, 0.27, decimals=2, ends=2, brackets="()")],
        ["protocol [95 %]", "Kendall τ-b", "weighted τ", "τ-b of parameters"],
        ["random-30 (30)", *shown(0.31, 0.32, 0.44)],
        ["no-none (40)", *shown(0.34, 0.35), "unknown"],
        ["Kendall τ-b [95 %]", "all", "τ of the scores less it"],
        *REFERENCES,
        ["note", "One thing."],
        ["note", "Another."],
    ]  # fmt: skip
    plain = rows(render(RESULT | {"epochs": 0, "truth_images": None, "over_floors": {}}))
    assert plain[0] == ["1,500 of 15,625 architectures of nb201 against cifar100 val accuracy"]
    assert plain[-7:-2] == [row[:2] for row in REFERENCES]


def unbounded(found):
    """The same with no interval anywhere."""
    if isinstance(found, dict):
        ends = {"low": None, "high": None} if "low" in found else {}
        return {key: unbounded(value) for key, value in found.items()} | ends
    return found


def test_where_there_are_no_intervals_no_head_speaks_of_them():
    two = {"all": subset(2, 0.51), "unique": subset(2, 0.61), "top10": subset(1, 0.21)}
    told = rows(render(unbounded(RESULT | {"metrics": two, "protocols": PROTOCOLS})))
    heads = ["metric", "Kendall τ-b", "P@top 10 %", "protocol", "Kendall τ-b"]
    assert [row[0] for row in told if row[0].partition(" [")[0] in heads] == heads
    assert ["metric", "all (2)", "unique (2)"] in told  # nothing is ranked among one
    assert ["Kendall τ-b", "0.5100", "0.6100"] in told


def test_floors_and_ceilings():
    alone = CEILING | {"single_seed": None, "seed_mean": None}
    floors = [row[:2] for row in REFERENCES[:3]]
    both = rows(render_references(FLOORS, alone | {"validation": interval(0.9)}))
    assert both[1:] == [*floors, ["ceiling: validation against test", *shown(0.9)]]
    assert rows(render_references(FLOORS, alone))[1:] == [*floors, ["ceiling", "unknown"]]


def test_a_transfer():
    metrics = {name: subset(1500, 0.01 * n) for n, name in enumerate(RESULT["metrics"], start=1)}
    floors = {name: interval(0.15 + 0.01 * n) for n, name in enumerate(FLOORS)}
    other = {"metrics": metrics, "floors": floors, "epochs": 0, "truth_images": None}
    result = {
        "space": "nb201",
        "split": "val",
        "n": 1500,
        "tasks": {"cifar10": RESULT, "digits": RESULT | other},
        "between": {"cifar10": {"digits": interval(0.61)}, "digits": {"cifar10": interval(0.62)}},
        "notes": ["One thing."],
    }
    assert rows(render_transfer(result)) == [
        ["1,500 architectures of nb201 against val accuracy"],
        ["cifar10, training cifar100-half (25,000 images), 120 epochs; digits, epochs not known"],
        ["Kendall τ-b [95 %]", "cifar10", "digits"],
        ["all", *shown(0.51, 0.01)],
        ["unique", *shown(0.61, 0.02)],
        ["best 10 %", *shown(0.21, 0.03)],
        ["floor: parameters", *shown(0.41, 0.15)],
        ["floor: FLOPs", *shown(0.42, 0.16)],
        ["floor: random order", *shown(0.0, 0.17)],
        ["truth of cifar10", *shown(0.61)],
        ["truth of digits", *shown(0.62)],
        ["note", "One thing."],
    ]
    few = {name: subset(1 + (name != "top10"), 0.5) for name in metrics}
    few = {"tasks": {task: RESULT | {"metrics": few} for task in result["tasks"]}}
    told = rows(render_transfer(unbounded(result | few)))
    assert ["Kendall τ-b", "cifar10", "digits"] in told and ["unique", "0.5000", "0.5000"] in told
    assert "best 10 %" not in [row[0] for row in told]
    grid = render_transfer(result).splitlines()
    (head,) = (line for line in grid if "Kendall" in line)
    columns = [head.index(name) + len(name) for name in ("cifar10", "digits")]
    ends = [len(line.rstrip()) for line in grid if line.strip().startswith("truth of")]
    assert ends == columns[::-1]  # of cifar10 under digits, of digits under cifar10


def test_parts_of_an_evaluation_by_name():
    found = Evaluation(RESULT)
    for name in ("metrics", "floors", "over_floors", "ceiling", "notes"):
        assert getattr(found, name) == RESULT[name]
    assert found.tau == RESULT["metrics"]["all"]["kendall_tau"] and found.to_dict() == RESULT
    assert repr(found) == "<Evaluation of 1,500 architectures: τ = 0.5100>"
    assert str(found) == render(RESULT)
    unknown = RESULT | {"metrics": {"all": {"kendall_tau": UNKNOWN}}}
    assert repr(Evaluation(unknown)) == "<Evaluation of 1,500 architectures: τ = undefined>"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, "1 epoch"),
        (2, "2 epochs"),
        (1200, "1,200 epochs"),
        (0, "epochs not known"),
        (None, "epochs not known"),
    ],
)
def test_one_is_no_plural(number, told):
    assert known(number, "epochs") == told


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", [72, 80, 200])
def test_nothing_is_wider_than_the_terminal(monkeypatch, columns):
    notes = ["a sentence of many words that goes on and on " * 4]
    text = render(RESULT | {"protocols": PROTOCOLS, "notes": notes})
    widest = max(map(len, text.splitlines()))
    assert 80 < widest <= 100  # through a pipe, which has no width
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", Terminal())
    shown = render(RESULT | {"protocols": PROTOCOLS, "notes": notes})
    assert max(map(len, shown.splitlines())) <= columns
    words = [sorted(told.replace("─", "").split()) for told in (shown, text)]
    assert words[0] == words[1]  # nothing is cut
    assert (shown == text) == (columns > widest)
