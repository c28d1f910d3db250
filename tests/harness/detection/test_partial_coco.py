"""Detection on a COCO that lacks something: what is refused, and when."""

import json
from dataclasses import replace
from shutil import copytree

import pytest
import torch

vision = pytest.importorskip("vision")
pytest.importorskip("pycocotools")
vision.make_usable()

from harness.detection import run as runs  # noqa: E402
from harness.detection.coco import load_coco  # noqa: E402
from harness.detection.config import base_config  # noqa: E402
from harness.files.store import write_json  # noqa: E402
from searchspaces.errors import UsageError  # noqa: E402


@pytest.fixture
def other_coco(coco, tmp_path):
    """``other_coco(change, part)``: a copy whose annotations of ``part`` are changed."""

    def make(change, part="val"):
        root = copytree(coco, tmp_path / "coco")
        path = root / "annotations" / f"instances_{part}2017.json"
        content = json.loads(path.read_text())
        change(content)
        write_json(path, content)
        return root

    return make


def emptied(content):
    """The first four images lose their boxes."""
    kept = [one for one in content["annotations"] if one["image_id"] > 4]
    content["annotations"] = kept


def crowded(content):
    for one in content["annotations"]:
        one["iscrowd"] = 1


@pytest.mark.parametrize("change", [emptied, crowded])
def test_images_without_boxes_are_not_measured_on(
    trained, coco, other_coco, tmp_path, monkeypatch, change
):
    monkeypatch.setattr(runs.FineTuning, "train", pytest.fail)
    execution = runs.DetectionExecution(other_coco(change), tmp_path, "cpu")
    with pytest.raises(UsageError, match="no boxes among the images evaluated; raise --eval"):
        runs.detect(trained, base_config("smoke"), execution)


def test_images_without_boxes_are_measured_on_and_not_learnt_from(other_coco):
    assert load_coco(other_coco(emptied, "train"), "train").ids == (5, 6, 7, 8)


def test_a_precision_of_nothing_is_none(other_coco):
    class Guess(torch.nn.Module):
        def forward(self, images):
            found = {"boxes": [[1.0, 2.0, 3.0, 4.0]], "scores": [1.0], "labels": [0]}
            return [{name: torch.tensor(value) for name, value in found.items()} for _ in images]

    val = load_coco(other_coco(emptied), "val")
    assert runs.measure(Guess(), val, 4, torch.device("cpu"))["map"] == 0
    with pytest.raises(UsageError, match="no boxes among the images evaluated"):
        runs.measure(Guess(), replace(val, ids=val.ids[:4]), 4, torch.device("cpu"))


@pytest.mark.parametrize("change", ["number", "name"])
def test_other_categories_are_refused_before_training(
    trained, other_coco, tmp_path, monkeypatch, change
):
    def renumber(content):
        content["categories"].append({"id": 5, "name": "third"})

    def rename(content):
        content["categories"][0]["name"] = "another"

    monkeypatch.setattr(runs.FineTuning, "train", pytest.fail)
    root = other_coco(renumber if change == "number" else rename)
    with pytest.raises(UsageError, match="have different categories"):
        runs.detect(trained, base_config("smoke"), runs.DetectionExecution(root, tmp_path, "cpu"))


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one.pop("bbox"), "an annotation without bbox"),
        (lambda one: one.pop("category_id"), "KeyError: .category_id"),
        (lambda one: one.pop("area"), "an annotation without area"),
        (lambda one: one.pop("iscrowd"), "an annotation without iscrowd"),
        (lambda one: one.update(category_id=99), "an annotation of an unknown category"),
        (lambda one: one.update(bbox=[1, 2, 3]), "a bbox that is not four numbers"),
        (lambda one: one.update(bbox=[1, 2, 3, "4"]), "a bbox that is not four numbers"),
        (lambda one: one.update(bbox=5), "a bbox that is not four numbers"),
    ],
)
def test_annotations_that_lack_something_are_named(other_coco, part, change, message):
    root = other_coco(lambda content: change(content["annotations"][3]), part)
    with pytest.raises(UsageError, match=f"instances_{part}2017.json.* {message}"):
        load_coco(root, part)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["images"][0].pop("file_name"), "an image without file_name"),
        (lambda content: content["categories"][0].update(id="a"), "ids that are no whole numbers"),
        (lambda content: content["images"][0].update(id="a"), "ids that are no whole numbers"),
    ],
)
def test_images_and_categories_that_lack_something_are_named(other_coco, change, message):
    with pytest.raises(UsageError, match=message):
        load_coco(other_coco(change), "val")
