"""All checks of a space, and all of a method on one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.conformance.architectures import ARCHITECTURE_CHECKS
from harness.conformance.basics import BASIC_CHECKS
from harness.conformance.costs import COST_CHECKS
from harness.conformance.findings import Finding, findings
from harness.conformance.methods import METHOD_CHECKS
from harness.conformance.networks import SUPERNET_CHECKS
from harness.conformance.subjects import MethodSubject, SpaceSubject, SupernetSubject

SPACE_CHECKS = (*BASIC_CHECKS, *ARCHITECTURE_CHECKS, *COST_CHECKS)


def check_space(name: str) -> Iterator[Finding]:
    """Whatever the registered space ``name`` does not keep of what a space promises.

    Nothing but the basics where those are broken, and of the supernet with BNs that scale only what
    the one without keeps: the rest would say the same again. Raises :class:`UsageError` for an
    unknown name.
    """
    subject = SpaceSubject(name)
    for check in BASIC_CHECKS:
        if found := list(findings([check], subject)):
            yield from found
            return
    yield from findings((*ARCHITECTURE_CHECKS, *COST_CHECKS), subject)
    plain = list(findings(SUPERNET_CHECKS, SupernetSubject(subject, affine=False)))
    yield from plain
    kept = [check for check in SUPERNET_CHECKS if check.__name__ not in {f.check for f in plain}]
    yield from findings(kept, SupernetSubject(subject, affine=True))


def unusable(found: Iterable[Finding]) -> bool:
    """Whether a space of which this was found lacks what methods would need to be tried on it."""
    basics = {check.__name__ for check in BASIC_CHECKS}
    return any(finding.check in basics for finding in found)


def check_method(
    name: str, space: str, options: Mapping[str, Any] | None = None
) -> Iterator[Finding]:
    """The same of the registered method ``name`` on ``space``, with its ``options`` if given.

    A method may refuse a space, by a :class:`UsageError` that names it. Raises
    :class:`UsageError` for unknown names.
    """
    yield from findings(METHOD_CHECKS, MethodSubject(name, SpaceSubject(space), options))
