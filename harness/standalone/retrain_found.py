"""Stand-alone trainings, by the papers' recipes, of what runs found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.standalone.config import base_config
from harness.standalone.run import StandaloneExecution, run_standalone
from harness.standalone.source_run import read_origin


def train_found(folder: Path, execution: StandaloneExecution) -> dict[str, Any]:
    """Train in full what the run in ``folder`` found, on its task, with its seed; the record.

    Raises :class:`UsageError` for whatever the user can mend.
    """
    origin = read_origin(folder)
    config = base_config(origin.space, origin.task, "paper")
    config = replace(config, arch=origin.arch, scale=origin.scale, seed=origin.search["seed"])
    return run_standalone(config, execution, origin.search)
