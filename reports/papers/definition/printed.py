"""Numbers as a paper prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

DASH = "-"
_NUMBER = r"-?\d+(?:\.\d+)?"
_PRINTED = re.compile(rf"(?:({_NUMBER})(?:\s*±\s*({_NUMBER}))?)?\s*(?:\(\s*({_NUMBER})\s*\))?")


@dataclass(frozen=True)
class Printed:
    """One printed value: ``text`` word for word, and the numbers in it.

    All numbers are None for a printed dash and for words.
    """

    text: str
    mean: float | None = None
    sd: float | None = None
    best: float | None = None

    @classmethod
    def parse(cls, text: str) -> Printed:
        """From ``93.80``, ``93.80±0.40``, ``93.80±0.40 (93.76)``, ``(93.76)`` or ``-``.

        The number in brackets is the best of what the mean is of. Raises ``ValueError`` for
        anything else.
        """
        if text == DASH:
            return cls(text)
        match = _PRINTED.fullmatch(text)
        if not text or match is None:
            raise ValueError(
                f"'{text}' is not like 93.80, 93.80±0.40, 93.80±0.40 (93.76), (93.76) or -"
            )
        mean, sd, best = (None if number is None else float(number) for number in match.groups())
        return cls(text, mean, sd, best)

    @property
    def decimals(self) -> int:
        """How many the first number is printed with."""
        first = re.search(_NUMBER, self.text)
        return len(first[0].partition(".")[2]) if first else 0

    @property
    def number(self) -> float | None:
        """The mean, or else the best; None where nothing is printed."""
        return self.best if self.mean is None else self.mean
