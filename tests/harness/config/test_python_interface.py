"""Calls from Python: kinds of arguments, and errors as the caller has to read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.config.python_interface import called_from_python, in_python
from searchspaces.errors import UsageError

NOTHING = {}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("leave them out by --drop-nan.", "leave them out by drop_nan=True."),
        ("Lower --train.lr or set --train.clip, then", "Lower train.lr or set train.clip, then"),
        ("--train.batch-size 0 is none", "train.batch_size 0 is none"),
        ("pass --data DIR with it", "pass data=DIR with it"),
        ("`nas-harness fetch x --to Y` or --data Y", "`nas-harness fetch x --to Y` or data Y"),
        ("take --a, 'nas-harness x --b'; --c.", "take a, 'nas-harness x --b'; c."),
        ("the cell |none~0|+|a--b|, 3 - -2", "the cell |none~0|+|a--b|, 3 - -2"),
    ],
)
def test_flags_become_names_and_commands_stay(message, told):
    assert in_python(message, ["drop_nan"]) == told


def test_arguments_of_another_kind_are_refused_by_their_name():
    @called_from_python
    def call(
        one: str,
        *several: Any,
        number: int = 0,
        place: Path | str | None = None,
        values: Mapping[str, Any] = NOTHING,
    ):
        return one, several, number, place, values

    assert call("a", 1, place=Path("b"), number=-2) == ("a", (1,), -2, Path("b"), NOTHING)
    for given, sentence in (
        ({"one": None}, "^one is a text, not None.$"),
        ({"number": "3"}, "^number is a whole number, not '3'.$"),
        ({"place": 3}, "^place is a path, not 3.$"),
        ({"values": None}, "^values is a dict, not None.$"),
    ):
        with pytest.raises(UsageError, match=sentence):
            call(**{"one": "a"} | given)
    with pytest.raises(TypeError, match="missing a required argument: 'one'"):
        call()


def test_a_function_keeps_its_name_its_answer_and_the_kind_of_its_error():
    class Special(UsageError):
        pass

    @called_from_python
    def half(number, *, whole_only=False):
        """Of a number."""
        if whole_only and number % 2:
            raise Special(f"--number {number} is odd; leave out --whole-only.")
        return number / 2

    assert (half.__name__, half.__doc__, half(3)) == ("half", "Of a number.", 1.5)
    with pytest.raises(Special, match="^number 3 is odd; leave out whole_only=True.$"):
        half(3, whole_only=True)
