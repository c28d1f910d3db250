"""What a finished run leaves: its record, its scores, and what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.config.config import METHOD, NOTHING, OWN, SCHEMA_VERSION
from harness.environment import (
    describe_device,
    device_memory,
    peak_memory_mb,
    processor,
    versions,
)
from harness.files.store import write_json
from harness.metrics.caveats import score_words
from harness.metrics.metrics import with_present_names
from harness.metrics.rendering import headline, render
from harness.metrics.scored import Scored
from harness.resuming.workspace import Workspace
from harness.running.assembly import known_costs
from harness.running.budget import over_budget, unlike_declared
from harness.running.parts import COSTS_OF_PARTS, told_costs
from harness.running.run_scores import read_scores_columns
from harness.running.run_state import RunState
from harness.tabular.table import Table
from methods.base import COSTS
from searchspaces.base import SearchSpace


def record_of(run: RunState, result: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """``result`` and what it rests on: configuration, data, splits, steps, costs, versions."""
    table, config = run.table, run.config
    return result | {
        "schema_version": SCHEMA_VERSION,
        "run": run.workspace.folder.name,
        "config": config.to_dict(),
        "data": _data(run),
        "ground_truth": {
            "table": table.meta.name,
            "scale": run.space.scale,
            "truth": table.meta.truth,
            "split": "test",
            "seeds": len(table.seeds("test")),
            "version": table.meta.version,
            "sha256": table.meta.sha256,
        },
        "scoring": _scoring(run),
        "notes": result["notes"]
        + list(run.task.notes)
        + ["no image of the task was read"] * (not run.parts and not len(run.task.train))
        + _on_supernet(run)
        + run.method.notes()
        + ([COSTS_OF_PARTS + told_costs(run.parts)] if run.parts else [])
        + ([run.timing.note(config)] if run.timing else [])
        + known_costs(config, run.method.setting.costs, run.space)
        + unlike_declared(config, run.declared if run.trained else 0.0, run.trained)
        + over_budget(config, run.method.costs["compute"], len(run.task.train)),
        "training": {
            "equalise": config.equalise,
            "steps": run.method.setting.recipe.steps,
        }
        | ({"compute": run.trained, "declared": run.declared} if run.trained else {})
        | ({"timing": asdict(run.timing)} if run.timing else {}),
        "supernet": {
            "scale": run.method.space.scale,
            "side": run.task.image.size,
            "parameters": sum(p.numel() for p in run.method.supernet.parameters()),
            "reduced": _is_reduced(run),
        },
        "found": found,
        **({"watch": run.watch.record()} if run.watch else {}),
        "costs": dict.fromkeys((*COSTS, "scoring_image_passes"), 0)
        | dict(run.method.costs)
        | {
            "seconds": round(run.seconds, 1),
            "peak_memory_mb": peak_memory_mb(),
            "device": describe_device(run.device),
        }
        | device_memory(run.device)
        | run.processes,
        "processor": processor(),
        "versions": versions(),
    }


def _data(run: RunState) -> dict[str, Any]:
    """The images of the task, of an ensemble those of its parts; no checksum where none was read."""
    for part in run.parts:
        if part.record["data"]["train"]:
            return dict(part.record["data"])
    return {
        "train": len(run.task.train),
        "val": len(run.task.val),
        "test": len(run.task.test),
        "sha256": run.images if len(run.task.train) else None,
        **({"source": run.task.source} if run.task.source else {}),
    }


def _scoring(run: RunState) -> dict[str, Any]:
    """What scores are accuracies on, and how BN was made fit for it; most scorers' are not of images."""
    of_images = [part.record["scoring"]["images"] for part in run.parts if part.of_images]
    if not run.method.trains and not run.method.scores_images and not of_images:
        images = getattr(run.config.options, "images", 0)
        return {"split": NOTHING, "bn": NOTHING, "by": METHOD, "images": images}
    snapshots = run.config.score.snapshots
    return {
        "split": "val",
        "bn": run.config.score.bn if run.method.trains else OWN,
        "by": run.config.score.by if run.method.scores_images else METHOD,
        "images": max(of_images, default=run.config.score.images or len(run.task.val)),
        **({"snapshots": snapshots} if snapshots > 1 else {}),
    }


def _is_reduced(run: RunState) -> bool:
    """Whether the supernet is smaller than, or sees less than, the networks of the ground truth."""
    own = run.config.supernet
    scaled = run.method.space.scale != run.space.scale or run.task.original is not None
    return scaled or bool(own.width or own.cells)


def _on_supernet(run: RunState) -> list[str]:
    """A sentence on a supernet, or on scored networks, that are reduced."""
    if not _is_reduced(run):
        return []
    what = "the supernet is" if run.method.trains else "scored networks are"
    own, seen = run.config.supernet, run.task.original and len(run.task.train)
    sizes = [f"width {own.width}"] * bool(own.width) + [f"{own.cells} cells"] * bool(own.cells)
    pixels = f", on images averaged to {run.task.image.size}x{run.task.image.size} pixels"
    return [
        f"{what} reduced: scale {', '.join([run.method.space.scale, *sizes])}"
        f"{pixels if seen else ''}; the networks of the ground truth are of scale "
        f"{run.space.scale}"
    ]


def with_protocols(
    record: dict[str, Any],
    workspace: Workspace,
    space: SearchSpace,
    table: Table,
    names: Sequence[str],
) -> dict[str, Any]:
    """A finished ``record`` with the protocols ``names``, measured on its scores where it lacks them.

    They are no part of a run: one that is finished gets further ones, and is written again.
    """
    record = with_present_names(record)
    known = record.get("protocols", {})
    missing = [name for name in names if name not in known]
    if not missing:
        return record
    scores = read_scores_columns(workspace.scores_path)
    measured = Scored.of(table, scores, "test", space=space, population=space.size)
    record = record | {"protocols": known | {name: measured.under(name) for name in missing}}
    write_json(workspace.record_path, record)
    return record


def render_record(record: dict[str, Any], folder: Path) -> str:
    """Plain text of ``record``, for a terminal."""
    config, found, costs = record["config"], record["found"], record["costs"]
    compute = f"{costs['compute']:,} compute, " if "compute" in costs else ""
    scoring = record["scoring"]
    scored = "nothing trained"
    if scoring["split"] != NOTHING:
        scored = f"scores {score_words(scoring)}"
    lines = [
        headline(record),
        f"{config['method']} on {config['space']}, seed {config['seed']}, preset "
        f"{config['preset']}; {scored}",
        render(record),
        f"Found {found['arch']}",
        f"  by its search; test accuracy {_accuracy(found)}.",
        f"Cost: {costs['steps']:,} steps, {costs['path_forwards']:,} path-forwards, "
        f"{costs['path_backwards']:,} path-backwards, {costs['image_passes']:,} image passes, {compute}"
        f"{costs['seconds']:.0f} s on {costs['device']}.",
        f"Record {folder / 'run.json'}, picture {folder / 'scatter.png'}",
        f"Another seed ranks otherwise: give --seed {config['seed'] + 1} too, then "
        f"`nas-harness compare {folder.parent}`.",
    ]
    return "\n".join(lines)


def _accuracy(found: dict[str, Any]) -> str:
    if found["truth"] is None:
        return found["how"]
    return f"{found['truth']:.2f} % ({found['how']}), regret {found['regret']:+.2f} points"
