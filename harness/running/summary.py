"""What a run prints when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.metrics.evaluate import render


def render_record(record: dict[str, Any], folder: Path) -> str:
    """Plain text of ``record``, for a terminal."""
    config, found, costs = record["config"], record["found"], record["costs"]
    compute = f"{costs['compute']:,} compute, " if "compute" in costs else ""
    lines = [
        f"{config['method']} on {config['space']}, seed {config['seed']}, preset "
        f"{config['preset']}; scores on the {record['scoring']['split']} split, "
        f"BN {record['scoring']['bn']}",
        render(record),
        f"Found {found['arch']}",
        f"  by its search; test accuracy {_accuracy(found)}.",
        f"Cost: {costs['steps']:,} steps, {costs['path_forwards']:,} path-forwards, "
        f"{costs['path_backwards']:,} path-backwards, {costs['image_passes']:,} image passes, {compute}"
        f"{costs['seconds']:.0f} s on {costs['device']}.",
        f"Record {folder / 'run.json'}, picture {folder / 'scatter.png'}",
    ]
    if record["supernet"]["reduced"]:
        lines.insert(1, "The supernet is reduced: smaller than the networks of the ground truth.")
    return "\n".join(lines)


def _accuracy(found: dict[str, Any]) -> str:
    if found["truth"] is None:
        return found["how"]
    return f"{found['truth']:.2f} % ({found['how']}), regret {found['regret']:+.2f} points"
