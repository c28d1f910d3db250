"""``nas-harness conformance --method NAME --space NAME``: which promises are not kept.

Exit status 0 if all are, 1 with the findings on standard output, 2 for names that are unknown.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from harness.config.options import Parser
from harness.conformance.findings import Finding, told
from harness.files.endings import Terminated
from harness.files.progress import patience
from methods.registry import METHODS
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

DESCRIPTION = """Check that a search space or a method keeps the promises that the harness builds on. A \
space is checked by itself, then each method on each space; without --method all methods, without \
--space the methods on all spaces. Exit status 0 if all is kept, 1 with a sentence for what is not.

  nas-harness conformance --method ./my_method.py:MyMethod --space nb201
  nas-harness conformance --space ./my_space.py:MySpace --method spos"""


def main(arguments: list[str]) -> int:
    """Check what is named, print what is found; the exit status.

    Raises :class:`UsageError` where nothing is named, and for unknown names.
    """
    parser = Parser(
        prog="nas-harness conformance",
        description=DESCRIPTION,
    )
    for flag, what in (("--method", "method or scorer"), ("--space", "search space")):
        parser.add_argument(
            flag,
            action="append",
            default=[],
            metavar="NAME",
            help=f"a {what}, registered or FILE.py:NAME; repeatable",
        )
    given = parser.parse_args(arguments)
    if not (given.method or given.space):
        raise UsageError(
            "--method or --space is missing, as in `nas-harness conformance --method "
            "FILE.py:NAME --space nb201`; `nas-harness list` names methods and spaces."
        )
    try:
        return _checked_names(given)
    except (KeyboardInterrupt, Terminated) as stop:
        stop.args = ("the same command checks from the beginning.",)
        raise


def _checked_names(given: Namespace) -> int:
    for registry, names in ((METHODS, given.method), (SPACES, given.space)):
        for name in names:
            try:
                registry[name]
            except (ImportError, AttributeError, SyntaxError, NameError) as error:
                print(f"{name}: it cannot be imported: {told(error)}")
                return 1
    return _report(given.method, given.space)


def _report(methods: list[str], spaces: list[str]) -> int:
    broken = 0
    for subject, found in _checked(methods, spaces):
        if found is None:
            print(f"{subject}: not tried, as the space is broken", file=sys.stderr)
            continue
        print(f"{subject}: {'see below' if found else 'keeps its promises'}", file=sys.stderr)
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        broken += len({finding.check for finding in found})
    print(f"{broken or 'no'} promise{'' if broken == 1 else 's'} broken.", file=sys.stderr)
    return 1 if broken else 0


def _checked(methods: list[str], spaces: list[str]) -> Iterator[tuple[str, list[Finding] | None]]:
    """Each subject with what was found about it, None if it was not tried, one after the other."""
    from harness.conformance.suite import check_method, check_space, unusable
    from harness.environment import threads

    lost = set()
    with threads(1):
        for space in spaces or ([] if methods else SPACES):
            with patience(f"checking {space}"):
                found = list(check_space(space))
            lost |= {space} if unusable(found) else set()
            yield space, found
        for space in spaces or SPACES:
            for method in methods or METHODS:
                subject = f"{method} on {space}"
                with patience(f"checking {subject}"):
                    found = None if space in lost else list(check_method(method, space))
                yield subject, found
