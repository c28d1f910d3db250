"""Many runs side by side, each in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.config.config import Config, digest
from harness.files.progress import Watcher, watch
from harness.grid.plan import announcement
from harness.grid.progress_view import View, view
from harness.grid.queue import AFTER_TRAINING, Job, Outcome, Queue, Running
from harness.jobs.cluster_options import Cluster
from harness.jobs.devices import Devices
from harness.jobs.executor import Event, Executor, LocalExecutor
from harness.resuming.workspace import Workspace
from harness.running.assembly import ground_truth, training_identity
from harness.running.parts import with_settled_parts
from harness.running.pipeline import Execution, run
from harness.running.watching import check_watched
from harness.tasks import is_tiny, settled_task
from methods.registry import METHODS
from searchspaces.errors import UsageError

# What every run imports sooner or later.
PRELOAD = ("harness.running.pipeline", "torch._dynamo", "sklearn.datasets", "matplotlib.figure")

LOCK_PATIENCE = 120.0  # seconds: file servers hold the locks of a dead node for a minute or two


def run_grid(
    configs: Iterable[tuple[str, Config]],
    execution: Execution,
    workers: int = 0,
    executor: Executor | None = None,
    cluster: Cluster | None = None,
) -> Outcome:
    """Carry out the labelled runs, or continue them, or find them finished.

    ``workers`` runs at a time: by default one per core, on GPUs one on each, on a ``cluster`` as
    many as it has room for. They are spread over all GPUs, unless the device is one of them. On a CPU
    each has one thread. Of runs that share a supernet one trains it, and the others begin when it is
    trained. Configurations that are one run are carried out once. How many there are and how long
    they take is said first. A run that fails leaves the others alone. Ensembles come behind all
    others, on this machine: they take seconds, and need the finished runs that they are of. Raises
    :class:`UsageError` for a device that is not there and for a cluster that cannot be used.
    """
    asked = execution.device
    devices = Devices(cluster.device(asked)) if cluster else Devices.of(asked)
    patience = LOCK_PATIENCE if cluster else 0.0
    execution = replace(execution, device=devices.names[0], workers=1, patience=patience)
    outcome, configs = Outcome(), list(configs)
    whole = [one for one in configs if not _is_ensemble(one[1])]
    jobs = list(_jobs(whole, execution, outcome))
    slots = 0 if cluster else workers or devices.usual_jobs
    print(announcement(jobs, outcome, slots, len(configs) - len(whole)), file=sys.stderr)
    if jobs:
        for label, reason in outcome.failed.items():
            print(f"{label}: {reason}", file=sys.stderr)
        threads = cluster.cpus if cluster else os.cpu_count() or 1
        first = executor or _executor(execution, devices, workers, cluster)
        Grid(jobs, execution, first, outcome, threads, devices).carry_out()
    jobs = list(_jobs([one for one in configs if _is_ensemble(one[1])], execution, outcome))
    if jobs:
        last = _executor(execution, devices, workers, None)
        Grid(jobs, execution, last, outcome, 1, devices).carry_out()
    return outcome.ordered(label for label, _ in configs)


def _is_ensemble(config: Config) -> bool:
    return bool(METHODS[config.method].parts(config.options))


def planned(
    configs: Iterable[tuple[str, Config]],
    execution: Execution,
    workers: int = 0,
    cluster: Cluster | None = None,
) -> tuple[list[Job], Outcome, str]:
    """What is to be carried out, what needs not be or cannot, and both in a sentence."""
    outcome = Outcome()
    jobs = list(_jobs(configs, execution, outcome))
    slots = 0 if cluster else workers or Devices.of(execution.device).usual_jobs
    return jobs, outcome, announcement(jobs, outcome, slots)


def _executor(
    execution: Execution, devices: Devices, workers: int, cluster: Cluster | None
) -> Executor:
    preload = PRELOAD if devices.on_cpu else ()
    if cluster is None:
        return LocalExecutor(workers or devices.usual_jobs, execution.runs / "logs", preload)
    from harness.jobs.cluster import RayExecutor

    return RayExecutor(cluster, execution.runs, workers, preload)


def _jobs(
    configs: Iterable[tuple[str, Config]], execution: Execution, outcome: Outcome
) -> Iterator[Job]:
    """The runs to carry out, each once; those that are finished or impossible are noted."""
    known, tables, settled = set(), {}, cache(settled_task)
    for label, config in configs:
        try:
            config = replace(config, task=settled(config.task, execution.data))
            wanted = config.space, config.scale, config.task, config.truth
            if wanted not in tables:
                tables[wanted] = ground_truth(config, execution.data)
            space, table = tables[wanted]
            config = with_settled_parts(config, execution.runs, table, execution.data)
            workspace = Workspace(execution.runs / config.run_name(table.meta.identity))
            if workspace.folder in known:
                continue
            known.add(workspace.folder)
            record = workspace.finished()
            check_watched(workspace.folder, record, execution.watch)
            if record is not None and not workspace.leftovers(record):
                outcome.finished[label] = workspace.folder.name
                continue
            images = {"task": config.task, "images": config.train_images}
            # how many images there are need not be known, only be the same for the same task
            identity = training_identity(config, space, config.train_images or 10**6)
            supernet = digest(identity | images)
            yield Job(label, config, workspace, supernet, identity["train"]["steps"])
        except UsageError as error:
            outcome.failed[label] = str(error)


class Grid(Queue):
    """Starts the jobs, watches them, and notes how they end."""

    def __init__(
        self,
        jobs: list[Job],
        execution: Execution,
        executor: Executor,
        outcome: Outcome,
        threads: int,
        devices: Devices,
    ):
        super().__init__(jobs, outcome)
        self.execution, self.executor, self.threads = execution, executor, threads
        self.devices = devices

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

    def _start(self) -> None:
        while len(self.running) < self.executor.slots and (job := self.next_job()):
            self.waiting.remove(job)
            self.running[job.name] = Running(job)
            execution = replace(self.execution, device=self.devices.take(job.name))
            work = GridRun(job.config, execution, job.supernet, self.threads)
            self.executor.start(job.name, work)

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
        self.devices.leave(event.job)
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

        one = self.execution.device == "cpu" or is_tiny(self.config.task)
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
