"""Many runs side by side, each in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic

from harness.assembly import ground_truth, training_identity
from harness.config import Config, digest
from harness.environment import choose_device
from harness.executor import Event, Executor, LocalExecutor
from harness.grid_view import View, view
from harness.pipeline import Execution, run
from harness.progress import Watcher, watch
from harness.workspace import Workspace
from searchspaces.errors import UsageError

# What every run imports sooner or later.
PRELOAD = ("harness.pipeline", "torch._dynamo", "sklearn.datasets", "matplotlib.figure")

PHASES = ("train", "search", "rank")  # the bars of every run, in order
AFTER_TRAINING = PHASES[1:]


@dataclass(frozen=True)
class Job:
    """One run: what a reader calls it, its folder, and which supernet it trains or takes."""

    label: str
    config: Config
    workspace: Workspace
    supernet: str

    @property
    def name(self) -> str:
        return self.workspace.folder.name


@dataclass
class Running:
    """A job at work and what it told last."""

    job: Job
    since: float = field(default_factory=monotonic)
    phase: str = "start"
    done: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        """Roughly how much of the run is done: its phases count alike."""
        if self.phase not in PHASES:
            return 0.0
        within = self.done / self.total if self.total else 0.0
        return (PHASES.index(self.phase) + within) / len(PHASES)


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


def run_grid(
    configs: Iterable[tuple[str, Config]],
    execution: Execution,
    workers: int = 0,
    executor: Executor | None = None,
) -> Outcome:
    """Carry out the labelled runs, or continue them, or find them finished.

    ``workers`` runs at a time: by default one per core, on a GPU one. On a CPU each has one
    thread. Of runs that share a supernet one trains it, and the others begin when it is trained.
    Configurations that are one run are carried out once. A run that fails leaves the others
    alone. Raises :class:`UsageError` for a device that is not there.
    """
    device = choose_device(execution.device)
    if executor is None:
        usual, preload = (os.cpu_count() or 1, PRELOAD) if device.type == "cpu" else (1, ())
        executor = LocalExecutor(workers or usual, execution.runs / "logs", preload)
    execution, outcome = replace(execution, device=str(device), workers=1), Outcome()
    configs = list(configs)
    jobs = list(_jobs(configs, execution, outcome))
    if jobs:
        Grid(jobs, execution, executor, outcome).carry_out()
    return outcome.ordered(label for label, _ in configs)


def _jobs(
    configs: Iterable[tuple[str, Config]], execution: Execution, outcome: Outcome
) -> Iterator[Job]:
    """The runs to carry out, each once; those that are finished or impossible are noted."""
    known, tables = set(), {}
    for label, config in configs:
        try:
            wanted = config.space, config.scale, config.task
            if wanted not in tables:
                tables[wanted] = ground_truth(config, execution.data)
            space, table = tables[wanted]
            workspace = Workspace(execution.runs / config.run_name(table.meta.identity))
            if workspace.folder in known:
                continue
            known.add(workspace.folder)
            if workspace.finished():
                outcome.finished[label] = workspace.folder.name
                continue
            images = {"task": config.task, "images": config.train_images}
            supernet = digest(training_identity(config, space) | images)
            yield Job(label, config, workspace, supernet)
        except UsageError as error:
            outcome.failed[label] = str(error)


class Grid:
    """Jobs waiting, running and ended; what a view shows."""

    def __init__(self, jobs: list[Job], execution: Execution, executor: Executor, outcome: Outcome):
        # Begun ones first: of those that share a supernet, that may be the one which trains it.
        self.waiting = sorted(jobs, key=lambda job: not job.workspace.checkpoint_path.exists())
        self.execution, self.executor, self.outcome = execution, executor, outcome
        self.running: dict[str, Running] = {}
        self.trained: set[str] = set()
        self.total, self.started = len(jobs), monotonic()

    def carry_out(self) -> None:
        """Start, watch and note until nothing is left; on an interrupt, break off what runs."""
        with view(self) as shown:
            try:
                while self.waiting or self.running:
                    self._start()
                    for event in self.executor.events(1.0):
                        self._note(event, shown)
                    shown.refresh()
            finally:
                self.executor.stop()

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

    def _start(self) -> None:
        while len(self.running) < self.executor.slots and (job := self._next()):
            self.waiting.remove(job)
            self.running[job.name] = Running(job)
            self.executor.start(job.name, partial(carry_out, job.config, self.execution))

    def _next(self) -> Job | None:
        """The first job whose supernet nobody is training at the moment."""
        busy = {running.job.supernet for running in self.running.values()} - self.trained
        return next((job for job in self.waiting if job.supernet not in busy), None)

    def _note(self, event: Event, shown: View) -> None:
        running = self.running[event.job]
        if not event.ended:
            running.phase, running.done, running.total = event.phase, event.done, event.total
            if event.phase in AFTER_TRAINING:
                self.trained.add(running.job.supernet)
            return
        del self.running[event.job]
        job = running.job
        if event.error:
            self.outcome.failed[job.label] = event.error
        else:
            self.outcome.finished[job.label] = job.name
            self.trained.add(job.supernet)
        shown.ended(running, event.error)


def carry_out(config: Config, execution: Execution, watcher: Watcher) -> None:
    """One run, in a process of its own, with its progress told to ``watcher``."""
    import torch

    one = execution.device == "cpu" or config.task == "digits"
    torch.set_num_threads(1 if one else os.cpu_count() or 1)
    watch(watcher)
    run(config, execution)
