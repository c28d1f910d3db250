"""Steps in bfloat16 beside float32, and what autocast's cache of weights would give and cost."""

from __future__ import annotations

from typing import Any

import torch

from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import apart, trained
from harness.device_checks.subject import Subject
from harness.device_checks.timing import wall_ms
from harness.files.progress import bar

METHODS = "spos", "cream", "ennas"  # the latter two pass images without gradients within a step
LIMIT = 0.1  # largest relative difference of a loss in bfloat16


def check(subject: Subject) -> Finding:
    """Wrong: a loss in bfloat16, as the harness computes it, that is not near that in float32.

    The harness leaves the cache out, which keeps a weight's copy while a step changes the weight.
    """
    figures: dict[str, Any] = {}
    wrong, told = [], []
    with bar(len(METHODS), "autocast", "method") as progress:
        for name in METHODS:
            plain = _losses(subject, name, None)[0]
            found = {cache: _losses(subject, name, cache) for cache in (False, True)}
            largest = {cache: max(map(apart, found[cache][0], plain)) for cache in found}
            if not largest[False] <= LIMIT:
                wrong.append(f"{name}: a loss differs by {largest[False]:.2g} from float32's.")
            milliseconds = {cache: found[cache][1] for cache in found}
            figures[name] = {
                "without_cache": {"loss": largest[False], "ms": milliseconds[False]},
                "with_cache": {"loss": largest[True], "ms": milliseconds[True]},
            }
            told.append(
                f"{name} {100 * largest[False]:.2g} % at {milliseconds[False]:.3g} ms a step, with "
                f"the cache {100 * largest[True]:.2g} % at {milliseconds[True]:.3g}"
            )
            progress.update()
    return Finding(f"losses differ from float32's by: {'; '.join(told)}", figures, wrong)


def _losses(subject: Subject, name: str, cache: bool | None) -> tuple[list[float], float]:
    """In bfloat16 with or without a cache, or as it is; and milliseconds of a step."""
    method, found = subject.method(subject.config(name)), []
    bfloat16 = torch.autocast(
        subject.device.type,
        torch.bfloat16,
        enabled=cache is not None,
        cache_enabled=bool(cache),
    )

    def steps() -> None:
        with bfloat16:
            found.extend(trained(method, subject))

    return found, wall_ms(steps, subject.device) / subject.sizes.steps
