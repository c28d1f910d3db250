"""One stand-alone training in progress: its steps, its checkpoints, what it measures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.environment import use_device
from harness.files.progress import bar
from harness.files.store import atomic_path
from harness.resuming.changed_images import check_unchanged_images
from harness.resuming.resumable import CHECK_EVERY, Resumable
from harness.resuming.workspace import Workspace
from harness.standalone.config import StandaloneConfig
from harness.standalone.images import load_images, with_cutout
from harness.tabular.ground_truth import usual_scale
from harness.tasks.own.place import stem_of
from methods.standalone.optimizer import learning_rate
from methods.standalone.training import StandaloneTraining
from searchspaces.registry import SPACES

Accuracy = dict[str, float | None]


@dataclass(frozen=True)
class StandaloneExecution:
    """How a training is carried out; none of it changes a result but for rounding.

    ``threads``: 0 is one for tiny images such as the embedded ones, else all cores.
    """

    data: Path | None = None
    runs: Path = Path("runs")
    device: str = "auto"
    threads: int = 0
    keep_checkpoint: bool = False
    checkpoint_seconds: float = 20.0


class StandaloneRun(Resumable):
    """One training in progress; :meth:`carry_out` reads top to bottom."""

    alike = "an unfinished training of the same space, task and seed, perhaps of this architecture"

    def __init__(
        self,
        config: StandaloneConfig,
        execution: StandaloneExecution,
        workspace: Workspace,
        start: Mapping[str, torch.Tensor] | None = None,
    ):
        self.config, self.execution = config, execution
        self.device = use_device(execution.device)
        scale = config.scale or usual_scale(config.space, config.task)
        self.space = SPACES[config.space](scale, config.width, config.cells)
        self.arch = self.space.decode(config.arch)
        task, sha256 = load_images(config, execution.data)
        super().__init__(workspace, f"the images of {config.task}", sha256)
        self.task = task.to(self.device)
        images = with_cutout(self.task, config.train.cutout)
        self.training = StandaloneTraining(
            self.space, self.arch, images, config.train, config.seed, self.device, start
        )
        self.total = torch.zeros((), device=self.device)
        self.history: list[dict[str, Any]] = []

    def carry_out(self) -> tuple[Accuracy | None, Accuracy]:
        """Train, validate, test; returns both accuracies. Nothing sees a test image before."""
        if not self.workspace.checkpoint_path.exists():
            task = self.config.task
            check_unchanged_images(self.workspace, task, stem_of(task), self.config.settings)
        self.resume()
        self._train()
        val = self._validate()
        test = self.training.measure("test")
        self._save_history()
        return val, test

    def _train(self) -> None:
        """Run what is left of the steps; the loss is the mean over the epoch."""
        training, saved = self.training, time.monotonic()
        what = f"training {self.config.arch} stand-alone diverged: its loss"
        with bar(training.steps, "train", "step", self.done) as progress:
            for step in range(self.done, training.steps):
                self.total += training.step(step)
                progress.update()
                in_epoch = step % training.per_epoch + 1
                if in_epoch % CHECK_EVERY and in_epoch != training.per_epoch:
                    continue
                loss = self.total.item() / in_epoch
                self.check(loss, what, step + 1, "Lower --train.lr or set --train.clip")
                progress.set_note(f"loss {loss:.3f}")
                if in_epoch == training.per_epoch:
                    self._end_epoch(step, loss)
                ended = step + 1 == training.steps
                if ended or time.monotonic() - saved >= self.execution.checkpoint_seconds:
                    self.checkpoint(step + 1)
                    saved = time.monotonic()

    def _end_epoch(self, step: int, loss: float) -> None:
        recipe, every = self.config.train, self.config.validate_every
        epoch, per_epoch = step // self.training.per_epoch + 1, self.training.per_epoch
        val = self._validate() if every and epoch % every == 0 else None
        self.history.append(
            {
                "epoch": epoch,
                "step": step + 1,
                "lr": learning_rate(recipe, step, per_epoch),
                "loss": loss,
                "val_accuracy": val and val["top1"],
            }
        )
        self.total.zero_()

    def _validate(self) -> Accuracy | None:
        """None where the validation images are trained on."""
        return None if self.config.train_on == "train+val" else self.training.measure("val")

    # What is kept -----------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        training = self.training.state_dict()
        kept = {"training": training, "total": self.total, "history": self.history}
        return kept | {"settings": self.config.settings}

    def take_up(self, state: dict[str, Any]) -> None:
        self.history = state["history"]
        self.total.copy_(state["total"])
        self.training.load_state_dict(state["training"])

    def _save_history(self) -> None:
        import pandas as pd

        frame = pd.DataFrame(self.history).astype({"val_accuracy": float})
        with atomic_path(self.workspace.history_path) as temporary:
            frame.to_parquet(temporary, index=False)
