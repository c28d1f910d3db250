"""``--constraint NAME=LOW:HIGH``: bounds of what a search may find, as options of its limits."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping
from typing import Any

from searchspaces.errors import UsageError

LATENCY = "latency_ms"
OWN = ("madds", "params")  # that every space knows; anything else is a cost
HELP = (
    "bounds of what the search finds, as madds=20:40 or params=:1.5 (both in millions) or "
    "latency_ms=2: (in ms, by --latency), one of which may be left out; any other NAME is a cost of "
    "the table of ground truth, in its own unit; may be given several times"
)


def add_constraints(parser: argparse._ActionsContainer, dest: str) -> None:
    """``--constraint``, and ``--latency`` whose value goes to ``dest``."""
    parser.add_argument(
        "--constraint", action="append", default=[], metavar="NAME=LOW:HIGH", help=HELP
    )
    parser.add_argument(
        "--latency",
        dest=dest,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="file of `nas-harness latency measure`, which predicts latency_ms",
    )


def limits_of(texts: Iterable[str], given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The options of :class:`methods.options.SearchLimits` that ``texts`` stand for.

    Their names begin with ``prefix``, also in ``given``, other options. Raises
    :class:`UsageError` for what is no constraint, for two of one quantity, for two costs, and where
    an option of ``given`` limits the same.
    """
    limits: dict[str, Any] = {}
    for text in texts:
        name, low, high = _read(text)
        of = name if name in OWN else "cost"
        own = {f"min_{of}": low, f"max_{of}": high} | ({} if name in OWN else {"cost": name})
        if own.keys() & limits.keys():
            what = f"{limits['cost']} and {name}" if of == "cost" else f"{name} twice"
            raise UsageError(f"--constraint limits {what}; give one constraint for one of them.")
        for option in own:
            if given.get(f"{prefix}{option}"):
                flag = f"--{prefix}{option}".replace("_", "-")
                raise UsageError(
                    f"--constraint {text} and {flag} limit the same; give one of them."
                )
        limits |= own
    return {f"{prefix}{option}": value for option, value in limits.items()}


def _read(text: str) -> tuple[str, float, float]:
    """Name, lower and upper bound of a constraint; 0 is none."""
    name, _, bounds = text.partition("=")
    low, colon, high = bounds.partition(":")
    try:
        numbers = [float(bound) if bound else 0.0 for bound in (low, high)]
    except ValueError:
        numbers = []
    if not name or not colon or not (low or high) or not all(map(_is_bound, numbers or [-1])):
        raise UsageError(
            f"--constraint takes NAME=LOW:HIGH with numbers of at least 0, one of which may be left "
            f"out, as params=:1.5 or {LATENCY}=2:5, not '{text}'."
        )
    least, most = numbers
    if high and (not most or most < least):
        wrong = f"below {low}" if most else "not above 0"
        raise UsageError(f"--constraint {text} lets nothing through: {high} is {wrong}.")
    return name, least, most


def _is_bound(number: float) -> bool:
    return 0 <= number < math.inf
