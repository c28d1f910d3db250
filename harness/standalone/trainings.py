"""Stand-alone trainings of many architectures, in processes of this machine or on a cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from time import monotonic, process_time

import torch

from harness.environment import use_device
from harness.files.progress import Watcher
from harness.jobs.cluster_options import Cluster
from harness.jobs.devices import Devices
from harness.jobs.executor import Executor, LocalExecutor
from harness.tasks import load_task
from harness.tasks.base import Task
from methods.options import Scoring
from methods.scoring import accuracy
from methods.standalone.recipe import StandaloneRecipe
from methods.standalone.training import trained
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

MOST_TOGETHER = 16  # trainings of a job, for which its process is started once
PRELOAD = ("harness.standalone.trainings", "torch._dynamo", "sklearn.datasets")

Training = tuple[Arch, int]
Result = dict[str, float]


@contextmanager
def trainers(
    folder: Path, devices: Devices, workers: int = 0, cluster: Cluster | None = None
) -> Iterator[Executor]:
    """Who carries out trainings; what they print is in ``folder``, unless all went well."""
    preload = PRELOAD if devices.on_cpu else ()
    if cluster:
        from harness.jobs.cluster import RayExecutor

        executor: Executor = RayExecutor(cluster, folder, workers, preload)
    else:
        executor = LocalExecutor(workers or devices.usual_jobs, folder / "logs", preload)
    try:
        yield executor
    finally:
        executor.stop()
    rmtree(folder, ignore_errors=True)


def train_jobs(
    space: SearchSpace,
    task: str,
    recipe: StandaloneRecipe,
    trainings: list[Training],
    executor: Executor,
    data: Path | None,
    devices: Devices,
) -> Iterator[tuple[Training, Result]]:
    """Stand-alone trainings of one thread each, as they are finished, in whatever order.

    Accuracies on ``val`` and ``test`` in percent, and the ``seconds`` it took: of CPU time, on a
    GPU on the wall. What an ``executor`` wants to be started again goes on with the trainings that
    are left of it. The jobs of this machine are spread over its ``devices``.
    Raises :class:`UsageError` when one fails.
    """
    whole = TrainingShare(space, task, data, recipe, tuple(trainings))
    waiting = deque(enumerate(whole.shared_out(executor.slots)))
    running: dict[str, tuple[int, TrainingShare]] = {}
    while waiting or running:
        while waiting and len(running) < executor.slots:
            number, share = waiting.popleft()
            running[f"trainings-{number}"] = number, share
            device = devices.take(f"trainings-{number}")
            executor.start(f"trainings-{number}", replace(share, device=device))
        for event in executor.events(1.0):
            number, share = running[event.job]
            if event.result is not None:
                running[event.job] = number, share.without(event.result[0])
                yield event.result
            elif event.error:
                raise UsageError(event.error)
            elif event.ended:
                del running[event.job]
                devices.leave(event.job)
                if event.again:
                    waiting.appendleft((number, share))


def train_standalone(
    space: SearchSpace,
    arch: Arch,
    task: Task,
    recipe: StandaloneRecipe,
    seed: int,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """Final accuracy in percent on ``val`` and ``test``; a function of its arguments alone.

    ``task`` is on ``device``. Raises :class:`UsageError` when the loss diverges.
    """
    network = trained(space, arch, task, recipe.training(), seed, device)
    running = Scoring(bn="running", batch_size=500)
    return {part: accuracy(network, task, running, part) for part in ("val", "test")}


@dataclass(frozen=True)
class TrainingShare:
    """A job: some trainings, one after the other."""

    space: SearchSpace
    task: str
    data: Path | None
    recipe: StandaloneRecipe
    trainings: tuple[Training, ...]
    device: str = "cpu"

    group = ""

    def __call__(self, watcher: Watcher) -> Iterator[tuple[Training, Result]]:
        torch.set_num_threads(1)
        device = use_device(self.device)
        clock = process_time if device.type == "cpu" else monotonic
        task = load_task(self.task, self.data).to(device)
        for number, (arch, seed) in enumerate(self.trainings):
            watcher("train", number, len(self.trainings))
            started = clock()
            result = train_standalone(self.space, arch, task, self.recipe, seed, device)
            yield (arch, seed), result | {"seconds": round(clock() - started, 3)}

    def at(self, root: Path) -> TrainingShare:
        """It keeps no files."""
        return self

    def without(self, training: Training) -> TrainingShare:
        return replace(self, trainings=tuple(t for t in self.trainings if t != training))

    def shared_out(self, slots: int) -> list[TrainingShare]:
        """Several for each of ``slots``, so that all end at about the same time."""
        size = min(max(len(self.trainings) // (8 * max(slots, 1)), 1), MOST_TOGETHER)
        starts = range(0, len(self.trainings), size)
        return [replace(self, trainings=self.trainings[at : at + size]) for at in starts]
