"""How a detector is fine-tuned and measured, by formulas and boxes of the test's own."""

from dataclasses import replace

import pytest
import torch

vision = pytest.importorskip("vision")
pytest.importorskip("pycocotools")
vision.make_usable()

from optimisers import steps_taken  # noqa: E402

from harness.detection import run as runs  # noqa: E402
from harness.detection.coco import load_coco  # noqa: E402
from harness.detection.config import DetectionConfig  # noqa: E402
from harness.resuming.resumable import TrainingWorkspace  # noqa: E402

CONFIG = DetectionConfig(lr=0.2, warmup=50, momentum=0.8, weight_decay=0.03)


@pytest.mark.parametrize(
    ("step", "share"),
    [
        (0, 0.001),
        (25, 0.501),
        (50, 1.0),
        (799, 1.0),  # the last of epoch 8 of 12
        (800, 0.1),
        (1099, 0.1),
        (1100, 0.01),
        (1199, 0.01),
    ],
)
def test_the_rate_rises_and_falls_at_epochs_8_and_11(step, share):
    assert runs.learning_rate(CONFIG, step, 100) == pytest.approx(0.2 * share)


class Shrinking(torch.nn.Module):
    """Two numbers for a network, whose losses are their squares."""

    def __init__(self):
        super().__init__()
        self.kept = torch.nn.Parameter(torch.tensor([3.0, -4.0]))

    def forward(self, images, targets):
        assert len(images) == len(targets)
        return {"one": self.kept[0] ** 2, "other": self.kept[1] ** 2}


@pytest.mark.parametrize("clip", [0.0, 5.0])
def test_a_step_descends_the_sum_of_the_losses(coco, tmp_path, clip):
    network, config = Shrinking(), replace(CONFIG, clip=clip, batch_size=4)
    workspace = TrainingWorkspace(tmp_path, "detection.json")
    tuning = runs.FineTuning(
        network, load_coco(coco, "train"), config, workspace, torch.device("cpu")
    )
    with steps_taken() as taken:
        assert tuning.step(12).item() == 25
    (step,) = taken
    assert step.rate == pytest.approx(runs.learning_rate(config, 12, 2))
    (group,) = step.groups
    assert (group["momentum"], group["weight_decay"]) == (0.8, 0.03)
    expected = [3, -4] if clip else [6, -8]  # a norm of 10
    assert step.gradients[network.kept].tolist() == pytest.approx(expected, rel=1e-4)


def test_boxes_that_overlap_by_three_fifths_count_up_to_that(coco):
    """Of thresholds from 0.5 to 0.95 in steps of 0.05 they pass three."""
    val = load_coco(coco, "val")

    class Narrow(torch.nn.Module):
        def forward(self, images):
            self.count = getattr(self, "count", 0)
            targets = [val.target(number) for number in val.ids[self.count :][: len(images)]]
            self.count += len(images)
            for target in targets:
                boxes = target["boxes"]
                boxes[:, 2] = boxes[:, 0] + 0.62 * (boxes[:, 2] - boxes[:, 0])
            return [t | {"scores": torch.ones(len(t["labels"]))} for t in targets]

    found = runs.measure(Narrow(), val, 3, torch.device("cpu"))
    assert found == pytest.approx({"map": 30, "ap50": 100, "ap75": 0})
