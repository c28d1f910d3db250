"""TensorBoard: event files in the run's folder, for ``tensorboard --logdir runs``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.trackers.tracker import Tracker

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Lines, the scatter as a picture, and options beside results under HParams."""

    package = "tensorboard"

    def begin(self, name: str, folder: Path, parameters: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # From step 0 on, what an earlier process wrote of this run counts no more.
        self.writer = SummaryWriter(str(folder / FOLDER), purge_step=0)
        self.lines: set[str] = set()
        self.parameters = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in parameters.items()
        }
        rows = "\n".join(f"| {key} | {value} |" for key, value in self.parameters.items())
        self.writer.add_text("options", f"| option | value |\n|:--|:--|\n{rows}", 0)

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        self.lines |= values.keys()
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, name: str, path: Path) -> None:
        from PIL import Image

        with Image.open(path) as image:
            self.writer.add_image(name, np.array(image.convert("RGB")), 0, dataformats="HWC")

    def end(self, results: Mapping[str, float]) -> None:
        from torch.utils.tensorboard.summary import hparams

        for summary in hparams(self.parameters, dict(results)):
            self.writer.file_writer.add_summary(summary)
        for name in results.keys() - self.lines:
            self.writer.add_scalar(name, results[name], 0)
        self.writer.close()
