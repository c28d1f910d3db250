"""Build ground truth where nobody has published any: train a sample of a space stand-alone."""

from __future__ import annotations

import hashlib
import math
import os
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from time import process_time
from typing import Any

import numpy as np

from harness.files.progress import Watcher, bar
from harness.files.store import append_line, held, read_lines
from harness.jobs.cluster_options import Cluster
from harness.jobs.executor import Executor, LocalExecutor
from harness.metrics.describe_table import measure
from harness.tabular.table import Table, TableMeta
from harness.tasks import load_task
from harness.tasks.base import Task
from methods.options import Scoring
from methods.scoring import accuracy
from methods.standalone.recipe import StandaloneRecipe
from methods.standalone.training import trained
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

SAMPLE_SEED = 2023
MOST_TOGETHER = 16  # trainings of a job, for which its process is started once
PRELOAD = ("harness.standalone.build_table", "torch._dynamo", "sklearn.datasets")

Training = tuple[Arch, int]
Result = dict[str, float]


def sample_architectures(space: SearchSpace, number: int) -> list[Arch]:
    """``number`` distinct architectures drawn as the space samples; a longer list begins alike.

    Raises :class:`UsageError` if the space does not hold so many.
    """
    rng = np.random.default_rng(SAMPLE_SEED)
    drawn: dict[Arch, None] = {}
    for _ in range(100 * number):
        if len(drawn) == number:
            return list(drawn)
        drawn[space.sample(rng)] = None
    raise UsageError(
        f"{number} distinct architectures were not found in {space.name}; ask for fewer."
    )


def build_table(
    space: SearchSpace,
    task: Task,
    recipe: StandaloneRecipe,
    architectures: int,
    seeds: int,
    output: Path,
    workers: int,
    data: Path | None = None,
    cluster: Cluster | None = None,
) -> Table:
    """Train every sampled architecture with every seed and save the table to ``output``.

    Finished trainings are appended to ``output`` + ``.progress`` one line each, so that a killed
    build goes on where it was; each is a function of (architecture, seed), so the table does not
    depend on the number of ``workers`` nor on interruptions. They are processes of this machine
    (0: one per core), or on a ``cluster`` jobs (0: as many as have room). Raises
    :class:`UsageError` if another process builds the same file.
    """
    archs = sample_architectures(space, architectures)
    identity = {
        "space": space.name,
        "scale": space.scale,
        "task": task.name,
        "data": task.fingerprint(),
        "recipe": asdict(recipe),
        "torch": version("torch").split("+")[0],
    }
    log = Path(f"{output}.progress")
    with held(output.with_name(f".{output.name}.lock"), f"builds {output}", "--output"):
        done = _read_log(log, identity)
        todo = [(a, s) for a in archs for s in range(seeds) if (space.encode(a), s) not in done]
        if todo:
            total = len(archs) * seeds
            with (
                bar(total, "build", "training", total - len(todo)) as progress,
                trainers(Path(f"{output}.jobs"), workers, cluster) as executor,
                closing(train_jobs(space, task.name, recipe, todo, executor, data)) as trained,
            ):
                for (arch, seed), result in trained:
                    key = (space.encode(arch), seed)
                    done[key] = result
                    append_line(log, {"arch": key[0], "seed": seed, **result})
                    progress.update()
        table = _assemble(space, task, recipe, archs, seeds, done, identity)
        measured = measure(table, space)
        seconds = [result["seconds"] for result in done.values() if "seconds" in result]
        if seconds:
            measured["cpu_seconds"] = round(float(np.median(seconds)), 1)
        table = replace(table, meta=replace(table.meta, measured=measured), distinct=True)
        table.save(output)
        log.unlink(missing_ok=True)
    return table


@contextmanager
def trainers(folder: Path, workers: int = 0, cluster: Cluster | None = None) -> Iterator[Executor]:
    """Who carries out trainings; what they print is in ``folder``, unless all went well."""
    if cluster:
        from harness.jobs.cluster import RayExecutor

        executor: Executor = RayExecutor(cluster, folder, workers, PRELOAD)
    else:
        executor = LocalExecutor(workers or os.cpu_count() or 1, folder / "logs", PRELOAD)
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
    data: Path | None = None,
) -> Iterator[tuple[Training, Result]]:
    """Stand-alone trainings of one thread each, as they are finished, in whatever order.

    Accuracies on ``val`` and ``test`` in percent, and the ``seconds`` of CPU time it took. What
    an ``executor`` wants to be started again goes on with the trainings that are left of it.
    Raises :class:`UsageError` when one fails.
    """
    whole = TrainingShare(space, task, data, recipe, tuple(trainings))
    waiting = deque(enumerate(whole.shared_out(executor.slots)))
    running: dict[str, tuple[int, TrainingShare]] = {}
    while waiting or running:
        while waiting and len(running) < executor.slots:
            number, share = waiting.popleft()
            running[f"trainings-{number}"] = number, share
            executor.start(f"trainings-{number}", share)
        for event in executor.events(1.0):
            number, share = running[event.job]
            if event.result is not None:
                running[event.job] = number, share.without(event.result[0])
                yield event.result
            elif event.error:
                raise UsageError(event.error)
            elif event.ended:
                del running[event.job]
                if event.again:
                    waiting.appendleft((number, share))


def train_standalone(
    space: SearchSpace, arch: Arch, task: Task, recipe: StandaloneRecipe, seed: int
) -> dict[str, float]:
    """Final accuracy in percent on ``val`` and ``test``; a function of its arguments alone.

    Raises :class:`UsageError` when the loss diverges.
    """
    network = trained(space, arch, task, recipe.training(), seed)
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

    group = ""

    def __call__(self, watcher: Watcher) -> Iterator[tuple[Training, Result]]:
        import torch

        torch.set_num_threads(1)
        task = load_task(self.task, self.data)
        for number, (arch, seed) in enumerate(self.trainings):
            watcher("train", number, len(self.trainings))
            started = process_time()
            result = train_standalone(self.space, arch, task, self.recipe, seed)
            yield (arch, seed), result | {"seconds": round(process_time() - started, 3)}

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


def _read_log(log: Path, identity: dict[str, object]) -> dict[tuple[str, int], dict[str, float]]:
    """Finished trainings of an interrupted build with the same ``identity``.

    Raises :class:`UsageError` for a damaged log and for that of another build.
    """
    lines = read_lines(log)
    if not lines:
        append_line(log, identity)
        return {}
    if not isinstance(lines[0], dict) or not all(map(_is_result, lines[1:])):
        raise UsageError(f"{log} is damaged; delete it and run again.")
    if lines[0] != identity:
        raise UsageError(
            f"{log} belongs to a build with another recipe, task or torch version; finish that "
            "build as it was begun, or delete the file."
        )
    return {
        (row["arch"], row["seed"]): {k: v for k, v in row.items() if k not in ("arch", "seed")}
        for row in lines[1:]
    }


def _is_result(row: Any) -> bool:
    match row:
        case {"arch": str(), "seed": int(), "val": float(val), "test": float(test)}:
            seconds = row.get("seconds", 0.0)
            accuracies = 0 <= val <= 100 and 0 <= test <= 100
            return accuracies and isinstance(seconds, float) and 0 <= seconds < math.inf
    return False


def _assemble(
    space: SearchSpace,
    task: Task,
    recipe: StandaloneRecipe,
    archs: list[Arch],
    seeds: int,
    done: dict[tuple[str, int], dict[str, float]],
    identity: dict[str, object],
) -> Table:
    names = [space.encode(arch) for arch in archs]
    accuracies = {}
    for split in ("val", "test"):
        runs = np.array([[done[name, seed][split] for name in names] for seed in range(seeds)])
        accuracies |= {f"{split}.{recipe.epochs}.{seed}": runs[seed] for seed in range(seeds)}
        accuracies[f"{split}.{recipe.epochs}.mean"] = runs.mean(axis=0)
    results = hashlib.sha256(b"".join(values.tobytes() for values in accuracies.values()))
    changed = {k: v for k, v in asdict(recipe).items() if v != getattr(StandaloneRecipe(), k)}
    flags = {"epochs": recipe.epochs} | changed
    costs = [space.cost(arch, task.image) for arch in archs]
    meta = TableMeta(
        space=space.name,
        scale=space.scale,
        task=task.name,
        source="every architecture trained stand-alone to the end of the recipe",
        licence="Apache-2.0",
        version=(
            f"{len(archs)} architectures x {seeds} seeds, torch {identity['torch']}, "
            f"results {results.hexdigest()[:8]}"
        ),
        sha256=task.fingerprint(),
        created_by=(
            f"nas-harness table build --space {space.name} --scale {space.scale} "
            f"--task {task.name} --architectures {len(archs)} --seeds {seeds}"
            + "".join(f" --{name.replace('_', '-')} {value}" for name, value in flags.items())
        ),
        epochs=recipe.epochs,
        resolution={"val": 100 / len(task.val), "test": 100 / len(task.test)},
        training=asdict(recipe) | {"test_trained_on_all": True},
        notes="sha256 is that of the task's images and labels",
    )
    return Table(
        meta,
        names,
        accuracies,
        np.array([cost.params for cost in costs]),
        np.array([cost.madds for cost in costs]),
    )
