"""What all benchmarks do with their command line and their result."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from harness.config.options import Parser

Result = dict[str, Any]


def answer(
    parser: Parser, arguments: list[str], module: str, render: Callable[[Result], str]
) -> None:
    """Call ``measure`` of ``module`` with the options given; print the result, rendered or JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = vars(parser.parse_args(arguments))
    as_json = given.pop("json")
    result = import_module(module).measure(**given)
    print(json.dumps(result, indent=2, allow_nan=False) if as_json else render(result))


def said(ratio: dict[str, float | None]) -> str:
    """A :class:`~harness.benchmarks.spread.Ratio` on a terminal."""
    spread = "" if ratio["sd"] is None else f" ± {ratio['sd']:.2f}"
    return f"{ratio['mean']:8.2f}{spread}, from {ratio['low']:.2f} to {ratio['high']:.2f}"
