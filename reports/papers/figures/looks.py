"""Series told apart by colour, mark and dashes at once, and named where their lines end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reports.pictures.captioned import SMALL, wrapped
from reports.pictures.tau_scale import spread
from reports.style.style import FOUND, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Look(NamedTuple):
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
)
MARK = {"markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.7}


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each of ``names``, in their order; they recur after the last."""
    distinct = dict.fromkeys(names)
    return {name: LOOKS[number % len(LOOKS)] for number, name in enumerate(distinct)}


def name_ends(
    axes: Axes, ends: Sequence[tuple[float, float, str, Look]], width: float, height: float
) -> None:
    """Names to the right of axes of ``height`` inches, each tied to (x, y) where its line ends.

    They take ``width`` inches and keep apart.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    axes.set(xlim=(left, right), ylim=(low, high))
    texts = [wrapped(name, width - 0.3, SMALL) for _, _, name, _ in ends]
    gap = (0.15 * max(map(len, texts)) + 0.03) * (high - low) / height
    levels = spread([y for _, y, _, _ in ends], gap, low + gap / 2, high - gap / 2)
    inch = (right - left) / (axes.get_position().width * axes.figure.get_figwidth())
    for (x, y, _, look), lines, level in zip(ends, texts, levels, strict=True):
        way = [(min(x, right), y), (right, y), (right + 0.2 * inch, level)]
        thin = {"color": look.colour, "linewidth": 0.8, "clip_on": False, "gid": "leader"}
        axes.plot(*zip(*way, strict=True), **thin)
        words = {"va": "center", "fontsize": SMALL, "color": INK, "parse_math": False}
        axes.text(right + 0.25 * inch, level, "\n".join(lines), linespacing=1.1, **words)
