"""Functions that a subclass means to override, and does not."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from inspect import isfunction

from searchspaces.errors import UsageError

NEARLY = 0.9  # share of letters that two names have in common
MARKS: dict[type, str] = {classmethod: "@classmethod", property: "@property"}


def check_overridden(kind: type) -> None:
    """Raise :class:`UsageError` where ``kind`` defines what a base marks without that mark.

    A class method is called on the class, and a property is not called at all, so that a plain
    function in the place of either fails where nobody looks for it.
    """
    for name, own in vars(kind).items():
        base = next((base for base in kind.__mro__[1:] if name in vars(base)), object)
        mark = MARKS.get(type(vars(base).get(name)), "")
        if mark and isfunction(own):
            raise UsageError(
                f"{name} of {kind.__name__} has no {mark} before it, as that of {base.__name__} "
                "has; write it above the line of its def."
            )


def misnamed(kind: type) -> Iterator[tuple[str, str]]:
    """What ``kind`` defines that overrides nothing, beside the name of a base that it nearly has."""
    bases = [base for base in kind.__mro__[1:] if base is not object]
    theirs = {name for base in bases for name in vars(base) if name[0] != "_"}
    for name, own in vars(kind).items():
        if callable(own) and name[0] != "_" and name not in theirs:
            near = get_close_matches(name, theirs, 1, NEARLY)
            yield from ((name, other) for other in near if name.rstrip("s") != other + "d")
