"""The jobs of a grid: what each is, how far it has come, and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic

from harness.config.config import Config
from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError

PHASES = ("train", "search", "rank")  # the bars of every run, in order
AFTER_TRAINING = PHASES[1:]


@dataclass(frozen=True)
class Job:
    """One run: what a reader calls it, its folder, and which supernet it trains or takes.

    ``steps`` are those of the supernet's training.
    """

    label: str
    config: Config
    workspace: Workspace
    supernet: str
    steps: int = 0

    @property
    def name(self) -> str:
        return self.workspace.folder.name


@dataclass
class Running:
    """A job at work and what it told last; ``made`` is the name of the run that it finished."""

    job: Job
    since: float = field(default_factory=monotonic)
    phase: str = "start"
    done: int = 0
    total: int = 0
    made: str = ""

    @property
    def share(self) -> float:
        """Roughly how much of the run is done: its phases count alike."""
        if self.phase not in PHASES:
            return 0.0
        within = self.done / self.total if self.total else 0.0
        return (PHASES.index(self.phase) + within) / len(PHASES)

    @property
    def lacking(self) -> str:
        """What is wrong with a job that ended without an error, if anything."""
        if self.made == self.job.name:
            return ""
        return (
            f"it left no record in {self.job.workspace.folder}; its node has other ground truth: "
            "name it with --data."
        )


@dataclass
class Outcome:
    """Folders of finished runs by label, and why the others failed."""

    finished: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def ordered(self, labels: Iterable[str]) -> Outcome:
        """The same in the order of ``labels``, whichever ended first."""
        place = {label: index for index, label in enumerate(labels)}
        parts = (self.finished, self.failed)
        return Outcome(*(dict(sorted(p.items(), key=lambda item: place[item[0]])) for p in parts))

    def check(self) -> None:
        """Name the failed runs on standard error; raises :class:`UsageError` if there are any."""
        labels: dict[str, list[str]] = {}
        for label, reason in self.failed.items():
            labels.setdefault(reason, []).append(label)
        for reason, alike in labels.items():
            print(f"{', '.join(alike)}: {reason}", file=sys.stderr)
        if self.failed:
            number = len(self.failed) + len(self.finished)
            raise UsageError(
                f"{len(self.failed)} of {number} runs failed, as said above; the same command "
                "tries them again."
            )


class Queue:
    """Jobs waiting, running and ended; what a view shows."""

    def __init__(self, jobs: list[Job], outcome: Outcome):
        # Begun ones first: of those that share a supernet, that may be the one which trains it.
        self.waiting = sorted(jobs, key=lambda job: not job.workspace.checkpoint_path.exists())
        self.outcome = outcome
        self.running: dict[str, Running] = {}
        self.trained: set[str] = set()
        self.total, self.started = len(jobs), monotonic()

    @property
    def failed(self) -> dict[str, str]:
        return self.outcome.failed

    @property
    def ended(self) -> int:
        return self.total - len(self.waiting) - len(self.running)

    @property
    def seconds_left(self) -> float | None:
        """By what is done so far; None while that is next to nothing."""
        done = self.ended + sum(running.share for running in self.running.values())
        if done < 0.05:
            return None
        return (monotonic() - self.started) * (self.total - done) / done

    def next_job(self) -> Job | None:
        """The first job whose supernet nobody is training at the moment."""
        busy = {running.job.supernet for running in self.running.values()} - self.trained
        return next((job for job in self.waiting if job.supernet not in busy), None)
