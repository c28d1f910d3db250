"""``nas-harness detect``: fine-tune a detector and measure it, whatever interrupts it."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.config.config import SCHEMA_VERSION
from harness.detection.backbone import load_backbone
from harness.detection.coco import Coco, check_same_categories, load_coco, no_boxes
from harness.detection.config import DetectionConfig
from harness.environment import describe_device, peak_memory_mb, use_device, versions
from harness.files.progress import bar
from harness.resuming.resumable import CHECK_EVERY, Resumable, TrainingWorkspace
from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError

PRECISIONS = {"map": 0, "ap50": 1, "ap75": 2}  # where pycocotools puts them


@dataclass(frozen=True)
class DetectionExecution:
    """How a fine-tuning is carried out; none of it changes a result."""

    data: Path | None = None
    runs: Path = Path("runs")
    device: str = "auto"
    checkpoint_seconds: float = 60.0


def detect(folder: Path, config: DetectionConfig, execution: DetectionExecution) -> dict[str, Any]:
    """Fine-tune the network trained in ``folder``, or continue, or find it done; the record.

    Raises :class:`UsageError` for whatever the user can mend.
    """
    try:
        import pycocotools.cocoeval  # noqa: F401

        from harness.detection.network import retinanet
    except (ImportError, RuntimeError) as error:  # torchvision raises the latter for a wrong torch
        raise UsageError(
            f"detection needs torchvision and pycocotools that fit this torch ({error}); `pip "
            "install 'nas-evaluation-harness[detection]'` brings them."
        ) from error
    backbone = load_backbone(folder)
    name = config.name(backbone.about["name"], backbone.about["sha256"])
    workspace = TrainingWorkspace(execution.runs / "detection" / name, "detection.json")
    with workspace.lock():
        record = workspace.settled()
        if record is not None:
            print(f"{workspace.folder} holds this fine-tuning finished.", file=sys.stderr)
            return record
        device = use_device(execution.device)
        train = load_coco(execution.data, "train", config.train_images)
        val = load_coco(execution.data, "val", config.eval_images)
        check_same_categories(train, val)
        torch.manual_seed(config.seed)
        network = retinanet(backbone.network, len(train.labels), config.side, config.longest)
        tuning = FineTuning(network.to(device), train, config, workspace, device)
        tuning.train(execution.checkpoint_seconds)
        precisions = measure(network, val, config.batch_size, device)
        record = {
            "schema_version": SCHEMA_VERSION,
            "name": name,
            "config": config.to_dict(),
            "arch": backbone.arch,
            "backbone": backbone.about,
            "data": {
                "train": len(train.ids),
                "val": len(val.ids),
                "sha256": {"train": train.sha256, "val": val.sha256},
            },
            "result": precisions,
            "costs": {
                "epochs": config.epochs,
                "steps": tuning.steps,
                "seconds": round(tuning.seconds, 1),
                "peak_memory_mb": peak_memory_mb(),
                "device": describe_device(device),
            },
            "reduced": config.reduced or not backbone.in_full,
            "found_by": backbone.found_by,
            "versions": versions(),
        }
        return workspace.complete(record, keep_checkpoint=False)


class FineTuning(Resumable):
    """A detector in training; a function of its arguments alone."""

    alike = "an unfinished fine-tuning of a network of the same name with the same seed"

    def __init__(
        self,
        network: nn.Module,
        train: Coco,
        config: DetectionConfig,
        workspace: Workspace,
        device: torch.device,
    ):
        super().__init__(workspace, "the annotations", train.sha256)
        self.network, self.data, self.config = network.train(), train, config
        self.device = device
        self.optimizer = torch.optim.SGD(
            network.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay
        )
        self.per_epoch = train.steps(config.batch_size)
        self.steps = config.epochs * self.per_epoch

    def train(self, checkpoint_seconds: float) -> None:
        """Run what is left of the steps; raises :class:`UsageError` when the loss diverges."""
        self.resume()
        saved = time.monotonic()
        with bar(self.steps, "detect", "step", self.done) as progress:
            for step in range(self.done, self.steps):
                loss = self.step(step)
                progress.update()
                if (step + 1) % CHECK_EVERY and step + 1 != self.steps:
                    continue
                what = "the detector diverged: its loss"
                self.check(loss.item(), what, step + 1, "Lower --lr or --clip")
                if step + 1 == self.steps or time.monotonic() - saved > checkpoint_seconds:
                    self.checkpoint(step + 1)
                    saved = time.monotonic()

    def step(self, number: int) -> torch.Tensor:
        """Optimiser step ``number``, from 0; its loss, still on the device."""
        config = self.config
        images, targets = self.data.batch(number, config.batch_size, config.seed)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, number, self.per_epoch)
        losses = self.network(
            [image.to(self.device) for image in images],
            [{key: value.to(self.device) for key, value in target.items()} for target in targets],
        )
        loss = torch.stack(list(losses.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if config.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.optimizer.step()
        return loss.detach()

    def state(self) -> dict[str, Any]:
        network, optimizer = self.network.state_dict(), self.optimizer.state_dict()
        return {"network": network, "optimizer": optimizer}

    def take_up(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])


def learning_rate(config: DetectionConfig, step: int, per_epoch: int) -> float:
    """Of step ``step``: linear warm-up from a thousandth, a tenth after 8/12 and after 11/12."""
    rate = config.lr * min(1.0, 1e-3 + step / max(config.warmup, 1))
    passed = step // per_epoch / config.epochs
    return rate * 0.1 ** ((passed >= 8 / 12) + (passed >= 11 / 12))


@torch.no_grad()
def measure(
    network: nn.Module, val: Coco, batch_size: int, device: torch.device
) -> dict[str, float]:
    """Average precision on ``val`` in percent, by pycocotools.

    Raises :class:`UsageError` where there is no box to find.
    """
    from pycocotools.cocoeval import COCOeval

    network.eval()
    categories = sorted(val.labels, key=val.labels.get)
    found: list[dict[str, Any]] = []
    with bar(len(val.ids), "measure", "image") as progress:
        for ids, images in val.batches(batch_size):
            for image_id, boxes in zip(ids, network([i.to(device) for i in images]), strict=True):
                corners = boxes["boxes"].cpu()
                corners[:, 2:] -= corners[:, :2]
                rows = zip(
                    corners.tolist(),
                    boxes["scores"].tolist(),
                    boxes["labels"].tolist(),
                    strict=True,
                )
                found += [
                    {
                        "image_id": image_id,
                        "category_id": categories[label],
                        "bbox": box,
                        "score": score,
                    }
                    for box, score, label in rows
                ]
            progress.update(len(ids))
    if not found:
        return dict.fromkeys(PRECISIONS, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(val.index, val.index.loadRes(found), "bbox")
        evaluation.params.imgIds = list(val.ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precisions = {name: float(evaluation.stats[place]) for name, place in PRECISIONS.items()}
    if min(precisions.values()) < 0:
        raise no_boxes()
    return {name: 100 * precision for name, precision in precisions.items()}
