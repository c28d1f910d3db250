"""What a stand-alone training leaves: its record, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.config import SCHEMA_VERSION
from harness.files.counts import counted
from harness.standalone.recipes import RECIPES

if TYPE_CHECKING:
    from harness.standalone.resumable_run import Accuracy, StandaloneRun


def make_record(
    run: StandaloneRun, val: Accuracy | None, test: Accuracy, search: dict[str, Any] | None
) -> dict[str, Any]:
    """JSON without NaN. Accuracies and errors are in percent, costs those of one image."""
    import torch

    from harness.environment import describe_device, peak_memory_mb, versions

    config, training, named = run.config, run.training, RECIPES[run.config.recipe]
    cost = run.space.cost(run.arch, run.task.image)
    return {
        "schema_version": SCHEMA_VERSION,
        "name": run.workspace.folder.name,
        "config": config.to_dict(),
        "arch": config.arch,
        "recipe": {
            "name": config.recipe,
            "source": named.source,
            "open": list(named.open),
            "departs": list(named.departs),
            "changed": config.changed(),
        },
        "data": {
            "train_on": config.train_on,
            "train": len(run.task.train),
            "val": 0 if val is None else len(run.task.val),
            "test": len(run.task.test),
            "sha256": run.sha256,
            **({"source": run.task.source} if run.task.source else {}),
        },
        "network": {
            "scale": run.space.scale,
            "reduced": bool(config.width or config.cells),
            "params": cost.params,
            "madds": cost.madds,
        },
        "result": {
            "val_accuracy": val and val["top1"],
            "val_top5_accuracy": val and val["top5"],
            "test_accuracy": test["top1"],
            "test_top5_accuracy": test["top5"],
            "test_error": 100.0 - test["top1"],
            "test_top5_error": None if test["top5"] is None else 100.0 - test["top5"],
            "train_loss": run.history[-1]["loss"],
            "weights": "moving average" if config.train.ema else "last",
            "seeds": 1,
        },
        "costs": {
            "epochs": config.train.epochs,
            "steps": training.steps,
            "image_passes": training.steps * min(config.train.batch_size, len(run.task.train)),
            "seconds": round(run.seconds, 1),
            "peak_memory_mb": peak_memory_mb(),
            "device": describe_device(run.device),
            "threads": torch.get_num_threads(),
        },
        "found_by": [search] if search else [],
        "notes": _notes(run),
        "versions": versions(),
    }


def in_full(record: dict[str, Any]) -> bool:
    """Whether a record is of its printed recipe as it is, from scratch, on all images, at full size.

    Raises ``KeyError`` or ``TypeError`` for what is no record.
    """
    config = record["config"]
    short = config["train_images"] or config["eval_images"] or record["network"]["reduced"]
    begun = short or config.get("start")
    return config["preset"] == "paper" and not begun and not record["recipe"]["changed"]


def _notes(run: StandaloneRun) -> list[str]:
    """Plain sentences on what the numbers mean and do not mean."""
    config, notes = run.config, []
    if config.train_on == "train+val":
        notes.append("Trained on the validation images as well: there is no validation accuracy.")
    if config.start:
        notes.append(f"Began with exported weights (SHA-256 {config.start[:16]}...).")
        notes += run.training.start_notes
    if config.train_images:
        notes.append(f"Trained on {config.train_images} images only.")
    if config.eval_images:
        notes.append(f"Measured on the first {config.eval_images} images only.")
    if config.width or config.cells:
        notes.append(
            "The network has not the size of its scale; costs are those of what is trained."
        )
    if changed := config.changed():
        options = ", ".join(f"{name} {value}" for name, value in changed.items())
        notes.append(f"Not as the recipe has it: {options}.")
    return notes


def render(record: dict[str, Any], folder: Path, search: dict[str, Any] | None = None) -> str:
    """Plain text of ``record``, for a terminal; ``search`` is that of the run asked about."""
    config, result, network = record["config"], record["result"], record["network"]
    data, costs = record["data"], record["costs"]
    five, epochs = result["test_top5_error"], costs["epochs"]
    lines = [
        f"{config['space']} stand-alone on {config['task']}, seed {config['seed']}, recipe "
        f"{config['recipe']}, {counted(epochs, 'epochs')} of {data['train']:,} images "
        f"({data['train_on']})",
        f"  {record['arch']}",
        f"  test error     {result['test_error']:.2f} %"
        + (f", top-5 {five:.2f} %" if five is not None else "")
        + f" ({data['test']:,} images)",
        f"  parameters     {network['params'] / 1e6:.3f} M",
        f"  multiply-adds  {network['madds'] / 1e6:.2f} M",
    ]
    if result["val_accuracy"] is not None:
        lines.append(f"  validation     {result['val_accuracy']:.2f} % right")
    if search:
        lines.append(
            f"  search cost    {search['days']:.4f} days on {search['device']} "
            f"({search['covers']}; run {search['run']})"
        )
    lines.append(f"Cost: {costs['steps']:,} steps, {costs['seconds']:.0f} s on {costs['device']}.")
    lines += [f"note  {note}" for note in record["notes"]]
    return "\n".join([*lines, f"Record {folder / 'standalone.json'}"])
