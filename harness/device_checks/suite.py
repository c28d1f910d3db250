"""The checks by name, in their order; nothing heavy is imported to list them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from searchspaces.errors import UsageError
from searchspaces.registry import nearest

if TYPE_CHECKING:
    from harness.device_checks.finding import Finding
    from harness.device_checks.subject import Subject


@dataclass(frozen=True)
class Check:
    """``asks`` what the function ``check`` of the module that is named like it answers.

    The first ``half`` of the checks is of what is right, the second of how fast it is.
    """

    name: str
    half: int
    asks: str

    def __call__(self, subject: Subject) -> Finding:
        module = import_module(f"harness.device_checks.{self.name.replace('-', '_')}")
        found: Finding = module.check(subject)
        return found


CHECKS = (
    Check("versions", 1, "which card, driver and libraries; are products exact and repeatable?"),
    Check("same-as-cpu", 1, "do training, scores and states of each method equal the CPU's?"),
    Check("repeats", 1, "do two equal trainings, and a resumed one, end with the same bits?"),
    Check("continued", 1, "does a run that is killed end with the record of one left alone?"),
    Check("processes", 1, "does training under torchrun work, in a world of one process?"),
    Check("waits", 2, "how often does the host wait, in a training step and in a scored chunk?"),
    Check("training", 2, "how long does a step take, at which precision, and what does it hold?"),
    Check("solvers", 2, "are EnNAS and MNGNAS faster with their problems solved on the device?"),
    Check("ranking", 2, "how long does a score take, by images at once and processes?"),
    Check("compiled", 2, "what do compiled operators give, and are they right?"),
    Check("graphs", 2, "what do operators as CUDA graphs give, and are they right?"),
    Check(
        "autocast", 2, "are steps in bfloat16 near those in float32, with and without its cache?"
    ),
)


def chosen(half: int | None, names: Sequence[str]) -> list[Check]:
    """The checks of that ``half`` and of these ``names``, each of which may be left out.

    Raises :class:`UsageError` for an unknown name, and where nothing is left.
    """
    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise UsageError(f"unknown check '{name}'{nearest(name, known)}")
    found = [c for c in CHECKS if c.half in (half or c.half,) and (not names or c.name in names)]
    if not found:
        raise UsageError(f"half {half} has no such check; leave --half or --only out.")
    return found
