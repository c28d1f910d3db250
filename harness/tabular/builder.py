"""Build ground truth where nobody has published any: train a sample of a space stand-alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from time import process_time

import numpy as np

from harness.progress import bar
from harness.standalone.recipe import StandaloneRecipe
from harness.standalone.training import train_standalone
from harness.store import append_line, read_lines
from harness.tabular.describe import measure
from harness.tabular.table import Table, TableMeta
from harness.tasks import load_task
from harness.tasks.base import Task
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

SAMPLE_SEED = 2023

Job = tuple[Arch, int]


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
) -> Table:
    """Train every sampled architecture with every seed and save the table to ``output``.

    Finished trainings are appended to ``output`` + ``.progress`` one line each, so that a killed
    build goes on where it was; each is a function of (architecture, seed), so the table does not
    depend on the number of ``workers`` nor on interruptions.
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
    done = _read_log(log, identity)
    todo = [(a, s) for a in archs for s in range(seeds) if (space.encode(a), s) not in done]
    with bar(len(archs) * seeds, "build", "training", len(archs) * seeds - len(todo)) as progress:
        for job, result in train_jobs(space, task.name, recipe, todo, workers, data):
            key = (space.encode(job[0]), job[1])
            done[key] = result
            append_line(log, {"arch": key[0], "seed": key[1], **result})
            progress.update()
    table = _assemble(space, task, recipe, archs, seeds, done, identity)
    seconds = [result["seconds"] for result in done.values() if "seconds" in result]
    measured = measure(table, space)
    if seconds:
        measured["cpu_seconds"] = round(float(np.median(seconds)), 1)
    table = replace(table, meta=replace(table.meta, measured=measured), distinct=True)
    table.save(output)
    log.unlink(missing_ok=True)
    return table


def train_jobs(
    space: SearchSpace,
    task: str,
    recipe: StandaloneRecipe,
    jobs: list[Job],
    workers: int,
    data: Path | None = None,
) -> Iterator[tuple[Job, dict[str, float]]]:
    """Stand-alone trainings in parallel processes of one thread each, in the order of ``jobs``.

    Accuracies on ``val`` and ``test`` in percent, and the ``seconds`` of CPU time it took.
    """
    if not jobs:
        return
    work = [(space, task, data, recipe, job) for job in jobs]
    with get_context("spawn").Pool(min(workers, len(jobs)), initializer=_one_thread) as pool:
        yield from zip(jobs, pool.imap(_train, work), strict=True)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@cache
def _task(name: str, data: Path | None) -> Task:
    return load_task(name, data)


def _train(
    work: tuple[SearchSpace, str, Path | None, StandaloneRecipe, Job],
) -> dict[str, float]:
    space, task, data, recipe, (arch, seed) = work
    task_data, started = _task(task, data), process_time()
    result = train_standalone(space, arch, task_data, recipe, seed)
    return result | {"seconds": round(process_time() - started, 3)}


def _read_log(log: Path, identity: dict[str, object]) -> dict[tuple[str, int], dict[str, float]]:
    """Finished trainings of an interrupted build with the same ``identity``."""
    lines = read_lines(log)
    if not lines:
        append_line(log, identity)
    elif lines[0] != identity:
        raise UsageError(
            f"{log} belongs to a build with another recipe, task or torch version; finish that "
            "build as it was begun, or delete the file."
        )
    return {
        (row["arch"], row["seed"]): {k: v for k, v in row.items() if k not in ("arch", "seed")}
        for row in lines[1:]
    }


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
