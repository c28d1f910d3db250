"""How numbers and names are written, and looks that every kind of colour vision tells apart."""

from harness.metrics.intervals import Interval

INK = "#222222"
GREY = "#6b6b6b"
PALE = "#e4e4e4"
FOUND = "#c2410c"
SEQUENTIAL = "viridis"
DASHES = {"color": FOUND, "linewidth": 1.4, "linestyle": (0, (4, 2))}
STAR = {"marker": "*", "markersize": 16, "color": FOUND, "markeredgecolor": "white"}
DIAMOND = {"marker": "D", "markersize": 4.5, "color": "white", "markeredgecolor": INK}
for _mark in (STAR, DIAMOND):
    _mark |= {"markeredgewidth": 0.8, "linestyle": "", "clip_on": False}


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


def bracketed(interval: Interval, form: str = ".2f") -> str:
    """``0.61 [0.57, 0.65]``, or the bare value where there is no interval."""
    value = decimal(interval["value"], form)
    if interval["low"] is None:
        return value
    return f"{value} [{decimal(interval['low'], form)}, {decimal(interval['high'], form)}]"
