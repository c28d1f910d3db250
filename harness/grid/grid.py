"""Many runs side by side, each in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from harness.config.config import Config, digest
from harness.files.environment import choose_device
from harness.files.progress import Watcher, watch
from harness.grid.progress_view import View, view
from harness.jobs.cluster_options import Cluster
from harness.jobs.executor import Event, Executor, LocalExecutor
from harness.resuming.workspace import Workspace
from harness.running.assembly import ground_truth, training_identity
from harness.running.pipeline import Execution, run
from searchspaces.errors import UsageError

# What every run imports sooner or later.
PRELOAD = ("harness.running.pipeline", "torch._dynamo", "sklearn.datasets", "matplotlib.figure")

PHASES = ("train", "search", "rank")  # the bars of every run, in order
AFTER_TRAINING = PHASES[1:]

LOCK_PATIENCE = 120.0  # seconds: file servers hold the locks of a dead node for a minute or two


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


def run_grid(
    configs: Iterable[tuple[str, Config]],
    execution: Execution,
    workers: int = 0,
    executor: Executor | None = None,
    cluster: Cluster | None = None,
) -> Outcome:
    """Carry out the labelled runs, or continue them, or find them finished.

    ``workers`` runs at a time: by default one per core, on a GPU one, on a ``cluster`` as many as
    it has room for. On a CPU each has one thread. Of runs that share a supernet one trains it,
    and the others begin when it is trained. Configurations that are one run are carried out once.
    A run that fails leaves the others alone. Raises :class:`UsageError` for a device that is not
    there and for a cluster that cannot be used.
    """
    asked = execution.device
    device = cluster.device(asked) if cluster else str(choose_device(asked))
    patience = LOCK_PATIENCE if cluster else 0.0
    execution = replace(execution, device=device, workers=1, patience=patience)
    outcome, configs = Outcome(), list(configs)
    jobs = list(_jobs(configs, execution, outcome))
    if jobs:
        executor = executor or _executor(execution, workers, cluster)
        threads = cluster.cpus if cluster else os.cpu_count() or 1
        Grid(jobs, execution, executor, outcome, threads).carry_out()
    return outcome.ordered(label for label, _ in configs)


def _executor(execution: Execution, workers: int, cluster: Cluster | None) -> Executor:
    usual, preload = (os.cpu_count() or 1, PRELOAD) if execution.device == "cpu" else (1, ())
    if cluster is None:
        return LocalExecutor(workers or usual, execution.runs / "logs", preload)
    from harness.jobs.cluster import RayExecutor

    return RayExecutor(cluster, execution.runs, workers, preload)


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
            record = workspace.finished()
            if record is not None and not workspace.leftovers(record):
                outcome.finished[label] = workspace.folder.name
                continue
            images = {"task": config.task, "images": config.train_images}
            # how many images there are need not be known, only be the same for the same task
            identity = training_identity(config, space, config.train_images or 10**6)
            supernet = digest(identity | images)
            yield Job(label, config, workspace, supernet)
        except UsageError as error:
            outcome.failed[label] = str(error)


class Grid:
    """Jobs waiting, running and ended; what a view shows."""

    def __init__(
        self,
        jobs: list[Job],
        execution: Execution,
        executor: Executor,
        outcome: Outcome,
        threads: int,
    ):
        # Begun ones first: of those that share a supernet, that may be the one which trains it.
        self.waiting = sorted(jobs, key=lambda job: not job.workspace.checkpoint_path.exists())
        self.execution, self.executor, self.outcome = execution, executor, outcome
        self.threads = threads
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
            work = GridRun(job.config, self.execution, job.supernet, self.threads)
            self.executor.start(job.name, work)

    def _next(self) -> Job | None:
        """The first job whose supernet nobody is training at the moment."""
        busy = {running.job.supernet for running in self.running.values()} - self.trained
        return next((job for job in self.waiting if job.supernet not in busy), None)

    def _note(self, event: Event, shown: View) -> None:
        running = self.running[event.job]
        if event.result is not None:
            running.made = event.result
            return
        if not event.ended:
            running.phase, running.done, running.total = event.phase, event.done, event.total
            if event.phase in AFTER_TRAINING:
                self.trained.add(running.job.supernet)
            return
        del self.running[event.job]
        job = running.job
        if event.again:
            self.waiting.insert(0, job)
            shown.lost(running)
            return
        error = event.error or running.lacking
        if error:
            self.outcome.failed[job.label] = error
        else:
            self.outcome.finished[job.label] = job.name
            self.trained.add(job.supernet)
        shown.ended(running, error)


@dataclass(frozen=True)
class GridRun:
    """One run, in a process of its own; ``group`` is the supernet that it trains or takes.

    ``threads`` feed a GPU.
    """

    config: Config
    execution: Execution
    group: str
    threads: int

    def __call__(self, watcher: Watcher) -> list[str]:
        """Carry it out, with its progress told to ``watcher``; its name is the only result."""
        import torch

        one = self.execution.device == "cpu" or self.config.task == "digits"
        torch.set_num_threads(1 if one else self.threads)
        watch(watcher)
        return [run(self.config, self.execution)["run"]]

    def at(self, root: Path) -> GridRun:
        """The same run with its files below ``root``.

        Raises :class:`UsageError` for one that goes by a time which all runs must share.
        """
        if self.config.equalise == "seconds":
            raise UsageError(
                "--equalise seconds measures once for all runs, for which all nodes must see the "
                "folder of --runs; put it on a shared path."
            )
        return replace(self, execution=replace(self.execution, runs=root))
