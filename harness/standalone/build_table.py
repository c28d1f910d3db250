"""Build ground truth where nobody has published any: train a sample of a space stand-alone."""

from __future__ import annotations

import hashlib
import math
import sys
from contextlib import closing
from dataclasses import asdict, replace
from glob import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.environment import describe_device, harness_version
from harness.files.progress import bar
from harness.files.store import append_line, held, read_lines
from harness.jobs.cluster_options import Cluster
from harness.jobs.devices import Devices
from harness.metrics.describe_table import measure
from harness.resuming.changed_images import HASH, changed
from harness.resuming.earlier_versions import other_version
from harness.standalone.trainings import train_jobs, trainers
from harness.tabular.table import Table, TableMeta
from harness.tasks.base import Task
from harness.tasks.own.place import stem_of
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import called

SAMPLE_SEED, USUAL = 2023, 300


def sample_architectures(space: SearchSpace, number: int) -> list[Arch]:
    """``number`` distinct architectures drawn as the space samples; a longer list begins alike.

    0 is :data:`USUAL`, or as many as a smaller space has. Raises :class:`UsageError` if the space
    does not hold so many.
    """
    wanted = number or USUAL
    rng = np.random.default_rng(SAMPLE_SEED)
    drawn: dict[Arch, None] = {}
    for _ in range(100 * wanted):
        if len(drawn) == wanted:
            return list(drawn)
        drawn[space.sample(rng)] = None
    if not number:
        return list(drawn)
    raise UsageError(
        f"{number} distinct architectures were not found in {space.name}, {len(drawn)} were; ask for "
        "as many, or fewer."
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
    device: str = "cpu",
) -> Table:
    """Train every sampled architecture with every seed and save the table to ``output``.

    Finished trainings are appended to ``output`` + ``.progress`` one line each, so that a killed
    build goes on where it was; each is a function of (architecture, seed), so the table does not
    depend on the number of ``workers`` nor on interruptions. They are processes of this machine
    (0: one per core, or one on each GPU), or on a ``cluster`` jobs (0: as many as have room).
    Trainings on a GPU round otherwise: such a build goes on with the same kind of GPU. Raises
    :class:`UsageError` if another process builds the same file, and for a ``device`` that is not
    there. Costs come first: a space without them is no use trained.
    """
    devices = Devices(cluster.device(device)) if cluster else Devices.of(device)
    archs = sample_architectures(space, architectures)
    costs = [(cost.params, cost.madds) for cost in (space.cost(a, task.image) for a in archs)]
    identity = {
        "space": space.name,
        "scale": space.scale,
        "task": task.name,
        "data": task.fingerprint(),
        "recipe": asdict(recipe),
        "torch": version("torch").split("+")[0],
        **({} if devices.on_cpu else {"device": _kind(devices)}),
    }
    log = Path(f"{output}.progress")
    _check_unchanged_images(output, log, task.name, identity)
    with held(output.with_name(f".{output.name}.lock"), f"builds {output}", "--output"):
        done = _read_log(log, identity, harness_version())
        todo = [(a, s) for a in archs for s in range(seeds) if (space.encode(a), s) not in done]
        if todo:
            total = len(archs) * seeds
            with (
                bar(total, "build", "training", total - len(todo)) as progress,
                trainers(Path(f"{output}.jobs"), devices, workers, cluster) as executor,
                closing(
                    train_jobs(space, task.name, recipe, todo, executor, data, devices)
                ) as results,
            ):
                for (arch, seed), result in results:
                    key = (space.encode(arch), seed)
                    done[key] = result
                    append_line(log, {"arch": key[0], "seed": seed, **result})
                    progress.update()
        table = _assemble(space, task, recipe, archs, costs, seeds, done, identity)
        measured = measure(table, space)
        seconds = [result["seconds"] for result in done.values() if "seconds" in result]
        if seconds:
            of = "cpu_seconds" if devices.on_cpu else "gpu_seconds"
            measured[of] = round(float(np.median(seconds)), 1)
        table = replace(table, meta=replace(table.meta, measured=measured), distinct=True)
        table.save(output)
        log.unlink(missing_ok=True)
    return table


def _check_unchanged_images(
    output: Path, log: Path, task: str, identity: dict[str, object]
) -> None:
    """Raises :class:`UsageError` where such a build is unfinished whose images have changed since.

    Says so where one is finished.
    """
    stem = stem_of(task)
    if not stem or task not in log.name or log.exists() or output.exists():
        return
    for other in _of_other_images(output, task, stem):
        print(
            f"{other} is of other images of {stem} than there are now; this table comes beside it.",
            file=sys.stderr,
        )
    for other in _of_other_images(log, task, stem):
        begun = (read_lines(other) or [{}])[0]
        own = ("task", "data", "version")
        if all(begun.get(name) == value for name, value in identity.items() if name not in own):
            raise changed(other, stem)


def _of_other_images(path: Path, task: str, stem: str) -> list[Path]:
    """Files that are called as ``path``, but for the hash of the images of ``task``."""
    head, _, tail = path.name.partition(task)
    return sorted(path.parent.glob(f"{escape(f'{head}{stem}-')}{HASH}{escape(tail)}"))


def _kind(devices: Devices) -> str:
    """Of which kind these are, as far as this machine knows."""
    name = devices.names[0]
    return name if name == "cuda" else describe_device(torch.device(name))


def _read_log(
    log: Path, identity: dict[str, object], by: str
) -> dict[tuple[str, int], dict[str, float]]:
    """Finished trainings of an interrupted build with the same ``identity``.

    Says so where another version than ``by`` began it. Raises :class:`UsageError` for a damaged log and for that of another build.
    """
    lines = read_lines(log)
    if not lines:
        append_line(log, identity | {"version": by})
        return {}
    if not isinstance(lines[0], dict) or not all(map(_is_result, lines[1:])):
        raise UsageError(f"{log} is damaged; delete it and run again.")
    begun_by = other_version(lines[0], by)
    note = f", begun by {begun_by}" if begun_by else ""
    if lines[0] | {"version": by} != identity | {"version": by}:
        raise UsageError(
            f"{log} belongs to a build with another recipe, task, device or torch version{note}; "
            "finish that build as it was begun, or delete the file."
        )
    if note:
        print(f"continuing {log}{note}", file=sys.stderr)
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
    costs: list[tuple[int, int]],
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
    flags |= {"device": "cuda"} if "device" in identity else {}
    params, madds = np.array(costs).T
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
            f"nas-harness table build --space {called(type(space))} --scale {space.scale} "
            f"--task {task.source or task.name} --architectures {len(archs)} --seeds {seeds}"
            + "".join(f" --{name.replace('_', '-')} {value}" for name, value in flags.items())
        ),
        epochs=recipe.epochs,
        resolution={"val": 100 / len(task.val), "test": 100 / len(task.test)},
        training=asdict(recipe) | {"test_trained_on_all": True},
        notes="; ".join(("sha256 is that of the task's images and labels", *task.notes)),
    )
    return Table(meta, names, accuracies, params, madds)
