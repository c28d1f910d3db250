"""What a finished run leaves: its record, its scores, and what it prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.config import NOTHING, SCHEMA_VERSION
from harness.files.environment import describe_device, peak_memory_mb, processor, versions
from harness.metrics.rendering import render
from harness.running.assembly import known_costs, over_budget
from harness.running.run_state import RunState
from harness.tabular.table import Table


def scores_columns(table: Table, rows: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Architecture, score, truth and size, each ``[n]``, of the ranked ``rows`` of a table."""
    columns = {
        "arch": np.array(table.archs)[rows],
        "score": scores,
        "truth": table.truth("test")[rows],
    }
    sizes = {"params": table.params, "madds": table.madds}
    return columns | {name: size[rows] for name, size in sizes.items() if size is not None}


def record_of(run: RunState, result: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """``result`` and what it rests on: configuration, data, splits, steps, costs, versions."""
    table, config = run.table, run.config
    return result | {
        "schema_version": SCHEMA_VERSION,
        "run": run.workspace.folder.name,
        "config": config.to_dict(),
        "data": {
            "train": len(run.task.train),
            "val": len(run.task.val),
            "test": len(run.task.test),
            "sha256": run.task.fingerprint(),
        },
        "ground_truth": {
            "table": table.meta.name,
            "truth": table.meta.truth,
            "split": "test",
            "seeds": len(table.seeds("test")),
            "version": table.meta.version,
            "sha256": table.meta.sha256,
        },
        "scoring": _scoring(run),
        "notes": result["notes"]
        + run.method.notes()
        + ([run.timing.note(config)] if run.timing else [])
        + known_costs(config, run.method.setting.costs, run.space)
        + over_budget(config, run.method.costs["compute"], len(run.task.train)),
        "training": {
            "equalise": config.equalise,
            "steps": run.method.setting.recipe.steps,
        }
        | ({"timing": asdict(run.timing)} if run.timing else {}),
        "supernet": {
            "scale": run.space.scale,
            "parameters": sum(p.numel() for p in run.method.supernet.parameters()),
            "reduced": bool(config.supernet.width or config.supernet.cells),
        },
        "found": found,
        **({"watch": run.watch.record()} if run.watch else {}),
        "costs": {"scoring_image_passes": 0}
        | dict(run.method.costs)
        | {
            "seconds": round(run.seconds, 1),
            "peak_memory_mb": peak_memory_mb(),
            "device": describe_device(run.device),
        }
        | run.processes,
        "processor": processor(),
        "versions": versions(),
    }


def _scoring(run: RunState) -> dict[str, Any]:
    """What scores are accuracies on, and how BN was made fit for it; a scorer's are not of images."""
    if not run.method.trains:
        return {"split": NOTHING, "bn": NOTHING, "images": getattr(run.config.options, "images", 0)}
    images = run.config.score.images or len(run.task.val)
    return {"split": "val", "bn": run.config.score.bn, "images": images}


def render_record(record: dict[str, Any], folder: Path) -> str:
    """Plain text of ``record``, for a terminal."""
    config, found, costs = record["config"], record["found"], record["costs"]
    compute = f"{costs['compute']:,} compute, " if "compute" in costs else ""
    scoring = record["scoring"]
    scored = "nothing trained"
    if scoring["split"] != NOTHING:
        scored = f"scores on the {scoring['split']} split, BN {scoring['bn']}"
    lines = [
        f"{config['method']} on {config['space']}, seed {config['seed']}, preset "
        f"{config['preset']}; {scored}",
        render(record),
        f"Found {found['arch']}",
        f"  by its search; test accuracy {_accuracy(found)}.",
        f"Cost: {costs['steps']:,} steps, {costs['path_forwards']:,} path-forwards, "
        f"{costs['path_backwards']:,} path-backwards, {costs['image_passes']:,} image passes, {compute}"
        f"{costs['seconds']:.0f} s on {costs['device']}.",
        f"Record {folder / 'run.json'}, picture {folder / 'scatter.png'}",
    ]
    if record["supernet"]["reduced"]:
        lines.insert(1, "Scored networks are reduced: smaller than those of the ground truth.")
    return "\n".join(lines)


def _accuracy(found: dict[str, Any]) -> str:
    if found["truth"] is None:
        return found["how"]
    return f"{found['truth']:.2f} % ({found['how']}), regret {found['regret']:+.2f} points"
