"""Functions that a subclass overrides as another kind of function than they are."""

from __future__ import annotations

from inspect import isfunction

from searchspaces.errors import UsageError

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
