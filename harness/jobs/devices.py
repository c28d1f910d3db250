"""Which device each of the jobs of this machine computes on."""

from __future__ import annotations

import os
from collections import Counter

import torch

from harness.environment import choose_device


class Devices:
    """Devices, and the jobs that each has at present."""

    def __init__(self, *names: str):
        self.names = names
        self._of: dict[str, str] = {}

    @classmethod
    def of(cls, name: str) -> Devices:
        """What ``--device`` names: all GPUs, where that is no number of one, or one device.

        Raises :class:`UsageError` for a device that is not there.
        """
        chosen = str(choose_device(name))
        if chosen != "cuda":
            return cls(chosen)
        return cls(*(f"cuda:{number}" for number in range(torch.cuda.device_count())))

    @property
    def on_cpu(self) -> bool:
        return self.names == ("cpu",)

    @property
    def usual_jobs(self) -> int:
        """At a time: one per core, or one on each GPU."""
        return (os.cpu_count() or 1) if self.on_cpu else len(self.names)

    def take(self, job: str) -> str:
        """The device that ``job`` is to compute on until it leaves: one with the fewest jobs."""
        jobs = Counter(self._of.values())
        self._of[job] = min(self.names, key=lambda name: jobs[name])
        return self._of[job]

    def leave(self, job: str) -> None:
        del self._of[job]
