"""Stand-alone trainings from a configuration to a record, also of what a run has found."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness.environment import usual_threads
from harness.files.store import write_json
from harness.resuming.resumable import TrainingWorkspace
from harness.standalone.config import StandaloneConfig, base_config
from harness.standalone.record import make_record
from harness.standalone.resumable_run import StandaloneExecution, StandaloneRun
from harness.standalone.source_run import read_origin
from harness.tasks import is_tiny, settled_task


def run_standalone(
    config: StandaloneConfig,
    execution: StandaloneExecution,
    search: dict[str, Any] | None = None,
    start: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, Any]:
    """Train, or continue, or find it finished; returns the record.

    ``search`` tells which run found the architecture (:class:`harness.standalone.source_run.Origin`);
    equal trainings are done once and list every run that asked for them. ``start``: the weights that
    ``config.start`` names. Sets the number of
    torch's threads. Raises :class:`UsageError` for whatever the user can mend.
    """
    config = replace(config, task=settled_task(config.task, execution.data))
    torch.set_num_threads(execution.threads or usual_threads(is_tiny(config.task)))
    folder = execution.runs / "standalone" / config.name
    workspace = TrainingWorkspace(folder, "standalone.json")
    begun = None if workspace.finished() else StandaloneRun(config, execution, workspace, start)
    with workspace.lock():
        record = workspace.settled()
        if record is None:
            record = make_record(begun, *begun.carry_out(), search)
            record = workspace.complete(record, execution.keep_checkpoint)
        else:
            print(f"{workspace.folder} holds this training finished.", file=sys.stderr)
        if search and search["run"] not in [found["run"] for found in record["found_by"]]:
            record["found_by"].append(search)
            write_json(workspace.record_path, record)
        return record


def train_found(folder: Path, execution: StandaloneExecution) -> dict[str, Any]:
    """Train in full what the run in ``folder`` found, on its task, with its seed; the record.

    Raises :class:`UsageError` for whatever the user can mend.
    """
    origin = read_origin(folder)
    search = origin.search or {}
    config = base_config(origin.space, origin.task, "paper")
    config = replace(config, arch=origin.arch, scale=origin.scale, seed=search["seed"])
    return run_standalone(config, execution, search)
