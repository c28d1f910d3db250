"""Checks carried out one by one, whatever goes wrong in one, and what came of each."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from harness.conformance.findings import told
from harness.device_checks.finding import Finding
from harness.device_checks.subject import Subject
from harness.device_checks.suite import Check
from harness.environment import describe_device, use_tf32
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Outcome:
    """A check that was carried out in so many ``seconds``."""

    check: Check
    finding: Finding
    seconds: float
    device: str

    @property
    def passed(self) -> bool:
        return not self.finding.wrong

    @property
    def said(self) -> str:
        """One sentence: what was found, or the first thing that is wrong."""
        if self.passed:
            return self.finding.said
        first, *others = self.finding.wrong
        return f"{first} ({len(others)} more)" if others else first

    def to_dict(self) -> dict[str, Any]:
        """Numbers, texts and containers; null for a number that is not finite."""
        return {
            "check": self.check.name,
            "half": self.check.half,
            "passed": self.passed,
            "said": self.said,
            "seconds": round(self.seconds, 2),
            "device": self.device,
            "figures": _finite(self.finding.figures),
            "wrong": self.finding.wrong,
        }


def carried_out(checks: Iterable[Check], subject: Subject) -> Iterator[Outcome]:
    """Each check after the other; an error in one is its finding, and the rest go on."""
    device = describe_device(subject.device)
    for check in checks:
        began = time.monotonic()
        try:
            finding = check(subject)
        except UsageError as mistake:
            finding = Finding("", wrong=[str(mistake)])
        except Exception as error:  # whatever a device or its libraries raise
            finding = Finding("", wrong=[told(error)])
        finally:
            use_tf32(False)
        _let_go(subject.device)
        yield Outcome(check, finding, time.monotonic() - began, device)


def _let_go(device: torch.device) -> None:
    """Give back what the check before held, so that the next one measures its own."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
