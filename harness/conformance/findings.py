"""Checks are plain functions that yield a sentence for whatever is not as promised."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from searchspaces.errors import first_line

MOST = 3  # sentences of a check: more of the same explain nothing
Check = Callable[[Any], Iterator[str]]


@dataclass(frozen=True)
class Finding:
    """A promise that is broken: ``check`` names it, ``sentence`` says how ``subject`` breaks it."""

    subject: str
    check: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.sentence} ({self.check.replace('_', ' ')})"


def findings(checks: Iterable[Check], subject: Any) -> Iterator[Finding]:
    """What ``checks`` find about ``subject``; an error within a check is a finding too.

    No check tells more than :data:`MOST`, and the same error in several is told once.
    """
    errors = set()
    for check in checks:
        name = check.__name__
        try:
            for sentence in islice(check(subject), MOST):
                yield Finding(str(subject), name, sentence)
        except Exception as error:
            sentence = told(error)
            if sentence not in errors:
                errors.add(sentence)
                yield Finding(str(subject), name, sentence)


def told(error: Exception) -> str:
    """What an error is, and where it was raised, in a sentence."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    message = first_line(error) or "without a message"
    return f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}: {message}."
