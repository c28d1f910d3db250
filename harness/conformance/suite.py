"""All checks of a space, and all of a method on one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.conformance.architectures import ARCHITECTURE_CHECKS
from harness.conformance.costs import COST_CHECKS
from harness.conformance.findings import Finding, findings
from harness.conformance.methods import METHOD_CHECKS
from harness.conformance.networks import SUPERNET_CHECKS
from harness.conformance.subjects import MethodSubject, SpaceSubject, SupernetSubject

SPACE_CHECKS = (*ARCHITECTURE_CHECKS, *COST_CHECKS)


def check_space(name: str) -> Iterator[Finding]:
    """Whatever the registered space ``name`` does not keep of what a space promises.

    Raises :class:`UsageError` for an unknown name.
    """
    subject = SpaceSubject(name)
    yield from findings(SPACE_CHECKS, subject)
    for affine in (False, True):
        yield from findings(SUPERNET_CHECKS, SupernetSubject(subject, affine))


def check_method(
    name: str, space: str, options: Mapping[str, Any] | None = None
) -> Iterator[Finding]:
    """The same of the registered method ``name`` on ``space``, with its ``options`` if given.

    A method may refuse a space, by a :class:`UsageError` that names it. Raises
    :class:`UsageError` for unknown names.
    """
    yield from findings(METHOD_CHECKS, MethodSubject(name, SpaceSubject(space), options))
