"""Which configuration of a context the others are held against."""

from __future__ import annotations

from collections.abc import Sequence

from reports.runs.configuration import Configuration, flatten, preset_of
from searchspaces.errors import UsageError

USUAL = "spos"


def names(group: Configuration) -> set[str]:
    """Its method, and its hashes as the names of folders have them."""
    return {group.method["method"], *hashes(group)}


def hashes(group: Configuration) -> set[str]:
    """Those in its folders' names; its own where these have none."""
    parts = [str(run.get("run")).rpartition("-s")[0].split("-") for run in group.runs.values()]
    return {part[-1] for part in parts if len(part) > 3} or {group.name}


def fits(group: Configuration, name: str) -> bool:
    """Whether ``name`` is the configuration's hash or its method."""
    return name == group.name or name in names(group)


def reference_of(
    groups: Sequence[Configuration], reference: str | None
) -> tuple[Configuration | None, str]:
    """The one of a context that fits ``reference`` (None: SPOS), and a sentence where none does.

    Of several that fit, the one with the fewest options other than its preset's. Raises
    :class:`UsageError` where that leaves several of a ``reference`` that was asked for.
    """
    fitting = [group for group in groups if fits(group, reference or USUAL)]
    nearest = _nearest_to_preset(fitting)
    if len(nearest) == 1:
        return nearest[0], ""
    if not nearest:
        return None, ""
    several = ", ".join(sorted(name for group in nearest for name in hashes(group)))
    if reference is not None:
        raise UsageError(
            f"the reference '{reference}' fits several configurations: name one of {several}."
        )
    return (
        None,
        f"No differences: several configurations are of {USUAL}; --reference takes one of {several}.",
    )


def _nearest_to_preset(groups: Sequence[Configuration]) -> Sequence[Configuration]:
    if len(groups) < 2:
        return groups
    numbers = [_own_options(group) for group in groups]
    return [group for group, own in zip(groups, numbers, strict=True) if own == min(numbers)]


def _own_options(group: Configuration) -> float:
    """How many options are other than those of its preset; infinite where that is not known."""
    own, usual = flatten(group.first.get("config")), preset_of(group.first)
    if usual is None:
        return float("inf")
    return sum(own.get(name) != usual.get(name) for name in {*own, *usual} - {"seed"})
