"""CUDA graphs without CUDA: what is recorded is done again, into the memory of the first time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from launches import Launches


class Recorder:
    """A ``Record`` of :mod:`harness.running.graphs`.

    As with CUDA, outputs and gradients of each replay take the place of those before, and what was
    put into a buffer while recording is not what comes out.
    """

    def __init__(self, launches: Launches | None = None):
        self.counts: Counter[str] = Counter()
        self.launches = launches or Launches()

    def __call__(self, forward: Any, backward: Any) -> Any:
        self.counts["recorded"] += 1
        output = torch.full_like(forward(), torch.nan)
        gradients = [None if g is None else torch.full_like(g, torch.nan) for g in backward()]

        def there() -> None:
            self.counts["forward"] += 1
            with self.launches.one("replay"):
                output.copy_(forward())

        def back() -> None:
            self.counts["backward"] += 1
            with self.launches.one("replay"):
                for kept, found in zip(gradients, backward(), strict=True):
                    if kept is not None:
                        kept.copy_(found)

        return there, output, back, gradients
