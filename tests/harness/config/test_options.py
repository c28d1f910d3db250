"""Flags from dataclasses: what is given, what is refused, and the sentence that says so."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.options import Parser, add_options, whole_number
from methods.options import check_limits, option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Branch:
    rate: float = option(0.5, "50 % by default")
    mean_time: float = option(1.0, "a name of two words")


@dataclass(frozen=True)
class Tree:
    count: int = option(4, "how many")
    fast: bool = option(False, "whether")
    colour: str = option("red", "which", ("red", "green"))
    branch: Branch = field(default_factory=Branch)
    hidden: int = 7


def parse(*arguments):
    parser = Parser(prog="tool")
    add_options(parser, Tree())
    return vars(parser.parse_args(list(arguments)))


def refusal(*arguments):
    with pytest.raises(UsageError) as error:
        parse(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_only_what_was_given_is_returned():
    assert parse() == {}
    given_values = parse("--branch.mean-time", "3", "--colour=green", "--count", "-2")
    assert given_values == {"branch.mean_time": 3.0, "colour": "green", "count": -2}
    assert isinstance(given_values["branch.mean_time"], float)


@pytest.mark.slow
@given(st.integers(), st.floats(allow_nan=False))
def test_numbers_arrive_unchanged(count, rate):
    assert parse(f"--count={count}", f"--branch.rate={rate!r}") == {
        "count": count,
        "branch.rate": rate,
    }


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("True", True)])
def test_truth_values(text, value):
    assert parse("--fast", text) == {"fast": value}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--count", "abc"), "'abc' is not a whole number"),
        (("--count", "1.5"), "'1.5' is not a whole number"),
        (("--count", ""), "'' is not a whole number"),
        (("--branch.rate", "half"), "'half' is not a number"),
        (("--fast", "yes"), "'yes' is not true or false"),
        (("--fast",), "--fast: expected one argument"),
    ],
)
def test_a_bad_value_is_named_with_its_flag(arguments, sentence):
    assert sentence in refusal(*arguments)
    assert arguments[0] in refusal(*arguments)
    assert "tool --help" in refusal(*arguments)


def test_an_unknown_choice_is_answered_with_those_that_are_known():
    assert refusal("--colour", "blue") == "--colour: unknown 'blue'; known: green, red."
    assert "did you mean 'green'" in refusal("--colour", "gren")


@pytest.mark.parametrize(
    ("given_flag", "meant"),
    [("--colur", "--colour"), ("--cou", "--count"), ("--branch.rat=1", "--branch.rate")],
)
def test_an_unknown_flag_suggests_the_nearest(given_flag, meant):
    assert refusal(given_flag, "1").endswith(f"did you mean '{meant}'?")


def test_an_unknown_flag_of_a_branch_is_answered_with_what_the_branch_has():
    assert refusal("--branch.rat", "1").endswith("did you mean '--branch.rate'?")
    told = refusal("--branch.zzzz", "1")
    assert "known: --branch." in told and "--count" not in told


def test_a_stray_word_is_refused():
    assert "unknown option 'green'" in refusal("green")
    assert "--hidden" in refusal("--hidden", "3")


def test_help_shows_every_flag_with_its_default(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("--help")
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--branch.rate FLOAT 50 % by default (default: 0.5)" in text
    assert "--colour {red,green} which (default: 'red')" in text
    assert "hidden" not in text


@pytest.mark.parametrize("text", ["0", "-1", "2.0", "x", ""])
def test_a_number_below_its_least_is_no_number(text):
    parser = Parser(prog="tool")
    parser.add_argument("--workers", type=whole_number(1))
    assert parser.parse_args(["--workers", "1"]).workers == 1
    with pytest.raises(UsageError, match=f"'{text}' is not a whole number of at least 1"):
        parser.parse_args(["--workers", text])


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_limits_are_kept(value):
    with pytest.raises(UsageError, match=r"^--a.rate-of takes numbers from 0 to 1, not "):
        check_limits({"a.rate_of": value}, {"a.rate_of": (0, 1)})


def test_numbers_are_finite_and_not_negative_unless_limits_say_otherwise():
    free = {"shift": (-math.inf, math.inf)}
    check_limits({"shift": -3.0, "rate": 0.0, "name": "x", "fast": True, "none": None}, free)
    with pytest.raises(UsageError, match="--shift takes finite numbers, not nan"):
        check_limits({"shift": math.nan}, free)
    with pytest.raises(UsageError, match="--rate takes at least 0, not -1"):
        check_limits({"rate": -1}, free)
