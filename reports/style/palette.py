"""Looks that the pictures of architectures share: sizes in inches, and a colour per operator."""

from __future__ import annotations

import re

from reports.style.style import GREY

FONT = 9.5  # points
PASSING = ("skip", "identity", "none")
KERNELS = {"1": "#8ccadb", "3": "#4a9fcf", "5": "#2f6db3", "7": "#1f3b73"}
POOL, OTHER = "#e0902f", "#8f6bb3"


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


def text_width(text: str, size: float = FONT) -> float:
    """The width in inches of ``text`` at ``size`` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    properties = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(text, properties, ismath=False)[0] / 72
