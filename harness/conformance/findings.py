"""Checks are plain functions that yield a sentence for whatever is not as promised."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import methods
import searchspaces
from searchspaces.errors import UsageError, first_line
from searchspaces.overriding import misnamed

MOST = 3  # sentences of a check: more of the same explain nothing
Check = Callable[[Any], Iterator[str]]
# Where errors come to light that are made elsewhere, in the files of plug-ins.
PACKAGES = tuple(
    f"{folder}{os.sep}"
    for folder in (
        Path(__file__).parents[1],
        Path(str(methods.__file__)).parent,
        Path(str(searchspaces.__file__)).parent,
    )
)
LIBRARY = str(Path(os.__file__).parent)


class NotDue(Exception):
    """A function gave or asked for what it must not; the message is a finding's sentence."""


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
    """What an error is, and where it was raised, in a sentence; within a plug-in if it was there."""
    if isinstance(error, NotDue | UsageError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _of_the_project(frame.filename)]
    where = ([frame for frame in frames if _of_a_plug_in(frame.filename)] or own)[-1:]
    place = "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in where)
    return f"{type(error).__name__}{place}: {first_line(error) or 'without a message'}."


def _of_the_project(file: str) -> bool:
    """Whether ``file`` is of the harness, and not of what checks."""
    return file.startswith(PACKAGES) and not file.startswith(str(Path(__file__).parent))


def _of_a_plug_in(file: str) -> bool:
    """Whether ``file`` is neither of the harness nor of Python, NumPy or PyTorch."""
    parts = Path(file).parts
    if "site-packages" in parts:
        package = parts[parts.index("site-packages") + 1]
        return package not in ("torch", "numpy") and not file.startswith(PACKAGES)
    return not file.startswith((*PACKAGES, LIBRARY, "<"))


def nearly_overridden(kind: type) -> Iterator[str]:
    """A sentence for each function that nobody calls, and whose name a base nearly has."""
    for name, near in misnamed(kind):
        yield (
            f"{name} of {kind.__name__} overrides nothing, and nobody calls it; name it {near} if "
            "that is meant, or else less like it."
        )
