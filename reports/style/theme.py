"""Colours, marks and dashes that every kind of colour vision tells apart; sizes of letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

INK = "#222222"
GREY = "#6b6b6b"
PALE = "#e4e4e4"
GRID = "#ececec"
FOUND = "#c2410c"
SEQUENTIAL = "viridis"
DASHES = {"color": FOUND, "linewidth": 1.4, "linestyle": (0, (4, 2))}
STAR = {"marker": "*", "markersize": 16, "color": FOUND, "markeredgecolor": "white"}
DIAMOND = {"marker": "D", "markersize": 4.5, "color": "white", "markeredgecolor": INK}
for _mark in (STAR, DIAMOND):
    _mark |= {"markeredgewidth": 0.8, "linestyle": "", "clip_on": False}
MARK = {"markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.7}
HEAD, SMALL, FONT = 13.0, 9.0, 9.5  # points: headlines, words around pictures, labels in them

# Of operators.
PASSING = ("skip", "identity", "none")
KERNELS = {"1": "#8ccadb", "3": "#4a9fcf", "5": "#2f6db3", "7": "#1f3b73"}
POOL, OTHER = "#e0902f", "#8f6bb3"


class Look(NamedTuple):
    """How one series is drawn: colour, mark and dashes at once, so that any one tells it apart."""

    colour: str
    mark: str
    dashes: Any


# Colours after Okabe & Ito 2008, the yellow ones left out.
LOOKS = (
    Look("#0072b2", "o", "-"),
    Look(FOUND, "s", (0, (5, 2))),
    Look("#009e73", "^", (0, (2, 1.4))),
    Look("#b3589a", "D", (0, (6, 1.5, 1, 1.5))),
    Look("#56b4e9", "v", (0, (1, 1))),
    Look("#7d5a00", "P", (0, (8, 2))),
    Look(INK, "X", (0, (3, 1, 1, 1, 1, 1))),
    Look("#5e3c99", "p", (0, (4, 1, 1, 1))),
    Look("#e08214", "h", (0, (3, 1))),
)


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each of ``names``, in their order; they recur after the last."""
    distinct = dict.fromkeys(names)
    return {name: LOOKS[number % len(LOOKS)] for number, name in enumerate(distinct)}


def colour(operator: str) -> str:
    """By the name of an ``operator``: grey passes on, orange pools, blue deepens with the kernel.

    The kernel is the first digit, as in ``sep_conv_3x3``, ``k5e6`` and ``shuffle7x1.2``, unless
    it tells a width, as in ``xceptionx1.4``. Operators of unknown kernels are violet.
    """
    if any(word in operator for word in PASSING):
        return GREY
    if "pool" in operator:
        return POOL
    digit = re.search(r"(?<![x.])\d", operator)
    return KERNELS.get(digit[0], OTHER) if digit else OTHER


def diverging() -> Any:
    """Colours from below zero (blue) over white to above (orange), as seaborn blends them."""
    from seaborn import blend_palette

    return blend_palette([LOOKS[0].colour, "white", FOUND], as_cmap=True)
