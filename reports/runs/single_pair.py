"""How far apart two runs are that are all there is of two configurations: over architectures alone."""

from __future__ import annotations

from pathlib import Path

from harness.metrics.intervals import Interval
from reports.runs.ground_truth import scored
from reports.runs.protocols import USUAL
from reports.runs.record import Record
from searchspaces.errors import UsageError


def over_architectures(own: Record, other: Record, data: Path | None = None) -> Interval | None:
    """τ of ``own`` minus that of ``other``, with its interval over architectures; n is 1, of pairs.

    As :func:`harness.metrics.difference.tau_difference` has it, which knows nothing of another
    training. None where they did not rank the same architectures, where either was measured on a
    part of them, and where a file of scores or their ground truth, also looked for in the folder
    ``data``, is not to be had.
    """
    from harness.metrics.difference import tau_difference

    if any(run.content.get("protocol", USUAL) != USUAL for run in (own, other)):
        return None
    try:
        first, second = (scored(run, "its difference to another", data) for run in (own, other))
    except UsageError:
        return None
    first, second = first.sorted(), second.sorted()
    if first.archs != second.archs:
        return None
    found = tau_difference(
        first.score,
        second.score,
        first.truth,
        fraction=first.fraction,
        truth_sd=first.noise,
    )
    return Interval(value=found["value"], low=found["low"], high=found["high"], n=1)
