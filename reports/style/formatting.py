"""How numbers and names are written in pictures, pages and tables, and what room they take."""

from __future__ import annotations

from collections.abc import Iterable

from harness.metrics.intervals import Interval
from reports.style.theme import FONT, SMALL


def shorten(text: str, most: int) -> str:
    """``text`` on one line of at most ``most`` characters, its middle left out if need be."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def decimal(value: float, form: str = ".2f") -> str:
    """``value`` in the format ``form``, with a minus sign instead of a hyphen."""
    return f"{value:{form}}".replace("-", "−")


def millions(count: float) -> str:
    """Such as ``1.25 M``; what is below a tenth of a million as it is."""
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count:,.0f}"


def bracketed(interval: Interval, form: str = ".2f") -> str:
    """``0.61 [0.57, 0.65]``, or the bare value where there is no interval."""
    value = decimal(interval["value"], form)
    if interval["low"] is None:
        return value
    return f"{value} [{decimal(interval['low'], form)}, {decimal(interval['high'], form)}]"


def text_width(text: str, size: float = FONT) -> float:
    """The width in inches of ``text`` at ``size`` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    properties = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(text, properties, ismath=False)[0] / 72


def wrapped(text: str, width: float, size: float = SMALL) -> list[str]:
    """``text`` as lines of at most ``width`` inches at ``size`` points; too long words are cut."""
    lines: list[str] = []
    most = int(width / text_width("n", size))
    for word in text.split():
        word = shorten(word, most)
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def named_seeds(seeds: Iterable[int]) -> str:
    """``seed 0``, or ``seeds 0, 1``."""
    numbers = sorted(seeds)
    return f"{'seed' if len(numbers) == 1 else 'seeds'} {', '.join(map(str, numbers))}"
