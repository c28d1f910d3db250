"""Weights & Biases: a run of the same id; with ``WANDB_MODE=offline`` in the run's folder alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.trackers.tracker import Tracker

OFFLINE = "offline", "dryrun"


class WeightsAndBiases(Tracker):
    """Lines over the step of their phase, the scatter as a picture, options as the config.

    The project is ``$WANDB_PROJECT``, by default ``nas-harness``. A later process of a run leaves out
    the points that the service has. Offline it writes a file of the whole run and does not resume:
    sent after an earlier one, its file takes that one's place.
    """

    package = "wandb"

    def begin(self, name: str, folder: Path, parameters: Mapping[str, Any]) -> None:
        import pandas  # noqa: F401 - wandb does so for a picture, when the run waits for it
        import wandb

        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            x_stats_pid=os.getppid(),  # how much the run takes, not this process
        )
        self.made = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "nas-harness"),
            id=name,
            name=name,
            dir=str(folder),
            config=dict(parameters),
            resume=None if wandb.setup().settings.mode in OFFLINE else "allow",
            settings=settings,
        )
        self.phases: set[str] = set()

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        if number < self.made.starting_step:
            return
        phases = {name.partition("/")[0] for name in values}
        for phase in sorted(phases - self.phases):
            self.made.define_metric(f"{phase}/*", step_metric=f"{phase}/step")
        self.phases |= phases
        places = {f"{phase}/step": step for phase in phases}
        self.made.log({**values, **places}, step=number)

    def picture(self, name: str, path: Path) -> None:
        import wandb

        self.made.summary[name] = wandb.Image(str(path))

    def end(self, results: Mapping[str, float]) -> None:
        self.made.summary.update(dict(results))
        self.made.finish()

    def leave(self) -> None:
        self.made.finish(exit_code=1)
