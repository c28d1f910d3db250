"""Detection: a trained backbone in RetinaNet on a COCO of coloured squares."""

import json
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

vision = pytest.importorskip("vision")
pytest.importorskip("pycocotools")
vision.make_usable()

from detectors import ARCH, COLOURS, SPACE  # noqa: E402

from harness.cli import main  # noqa: E402
from harness.detection import run as runs  # noqa: E402
from harness.detection.backbone import load_backbone, taps  # noqa: E402
from harness.detection.coco import load_coco  # noqa: E402
from harness.detection.config import DetectionConfig, base_config  # noqa: E402
from harness.detection.network import retinanet  # noqa: E402
from harness.files.store import write_json  # noqa: E402
from harness.resuming.resumable import TrainingWorkspace  # noqa: E402
from harness.resuming.workspace import save_tensors  # noqa: E402
from searchspaces.base import ImageSpec  # noqa: E402
from searchspaces.errors import UsageError  # noqa: E402
from searchspaces.registry import SPACES  # noqa: E402


def changed(folder, tmp_path, change):
    """A copy of ``folder`` with another record."""
    record = json.loads((folder / "standalone.json").read_text())
    change(record)
    write_json(tmp_path / "standalone.json", record)
    (tmp_path / "checkpoint.pt").write_bytes((folder / "checkpoint.pt").read_bytes())
    return tmp_path


def test_every_image_comes_once_an_epoch_with_its_boxes(coco):
    train = load_coco(coco.parent, "train")
    assert train.labels == {3: 0, 17: 1}
    colours = torch.tensor(list(COLOURS.values())) / 255
    mirrored, areas = 0, []
    for step in range(train.steps(3)):
        for image, target in zip(*train.batch(step, 3, seed=1), strict=True):
            assert image.shape == (3, 64, 80)
            boxes, labels = target["boxes"], target["labels"]
            x1, y1, x2, y2 = boxes[-1].int().tolist()  # drawn last, so nothing covers it
            inside = image[:, y1:y2, x1:x2]
            assert (inside - colours[labels[-1]][:, None, None]).abs().max() < 1e-6
            areas.append(sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes.tolist()))
            mirrored += all(not torch.equal(image, train.image(number)) for number in train.ids)
    stored = [sum(a["area"] for a in train.index.imgToAnns[number]) for number in train.ids]
    assert sorted(areas) == sorted(stored)
    assert 0 < mirrored < len(areas)


def test_every_epoch_has_an_order_of_its_own_and_half_of_it_mirrored(coco):
    train = load_coco(coco.parent, "train")
    for step in range(6):  # two epochs of three batches
        rows = np.random.default_rng([7, step // 3]).permutation(8)[step % 3 * 3 :][:3]
        mirrored = np.random.default_rng([7, step, 1]).random(len(rows)) < 0.5
        images, targets = train.batch(step, 3, seed=7)
        assert len(images) == len(rows)
        for image, target, row, mirror in zip(images, targets, rows, mirrored, strict=True):
            number = train.ids[row]
            own = train.image(number)
            assert torch.equal(image, own.flip(-1) if mirror else own)
            left, top, right, bottom = train.target(number)["boxes"].T
            ends = (80 - right, top, 80 - left, bottom) if mirror else (left, top, right, bottom)
            assert torch.equal(target["boxes"], torch.stack(ends, 1))


def test_boxes_are_corners_and_neither_crowds_nor_slivers(coco):
    train = load_coco(coco, "train")
    number = next(one for one in train.ids if len(train.index.imgToAnns[one]) == 2)
    first, second = train.index.imgToAnns[number]
    x, y, wide, tall = first["bbox"]
    target = train.target(number)
    assert target["boxes"][0].tolist() == [x, y, x + wide, y + tall]
    assert target["labels"].tolist() == [0, 1]
    for change in ({"iscrowd": 1}, {"bbox": [x, y, 0.5, tall]}, {"bbox": [x, y, wide, 0.9]}):
        train.index.imgToAnns[number] = [first | change, second]
        assert train.target(number)["labels"].tolist() == [1]
    train.index.imgToAnns[number] = [first | {"bbox": [x, y, 1, 1]}, second]
    assert train.target(number)["labels"].tolist() == [0, 1]


def test_the_first_images_are_taken_and_training_needs_boxes(coco):
    assert load_coco(coco, "train", 3).ids == (1, 2, 3)
    val = load_coco(coco, "val", 5)
    assert val.ids == (1, 2, 3, 4, 5) and [ids for ids, _ in val.batches(2)] == [
        (1, 2),
        (3, 4),
        (5,),
    ]
    assert load_coco(coco, "train").ids == tuple(range(1, 9))


def test_batches_are_a_function_of_step_and_seed(coco):
    train = load_coco(coco, "train")
    first = train.batch(0, 4, seed=1)[0]
    assert all(map(torch.equal, first, train.batch(0, 4, seed=1)[0]))
    for other in (train.batch(1, 4, seed=1)[0], train.batch(0, 4, seed=2)[0]):
        assert not all(map(torch.equal, first, other))


def test_the_pyramid_stands_on_the_last_stage_of_each_reduction(trained):
    backbone = load_backbone(trained)
    assert taps(backbone.network) == [1, 3, 4 + 1]
    features = retinanet(backbone.network, 2, 64, 96).backbone(torch.rand(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in features.values()] == [
        (256, 8, 12), (256, 4, 6), (256, 2, 3), (256, 1, 2), (256, 1, 1),
    ]  # fmt: skip


def test_images_are_resized_and_normalised_as_those_of_the_backbone(trained):
    network = retinanet(load_backbone(trained).network, 2, 64, 96)
    seen = network.transform
    assert (seen.min_size, seen.max_size) == ((64,), 96)
    assert seen.image_mean == pytest.approx([0.485, 0.456, 0.406], abs=1e-3)
    assert seen.image_std == pytest.approx([0.229, 0.224, 0.225], abs=1e-3)
    assert network.head.classification_head.num_classes == 2


def test_the_defaults_are_those_of_retinanets_twelve_epochs():
    config = DetectionConfig()
    assert config == base_config("paper").__class__(
        **{**vars(base_config("paper")), "preset": "laptop"}
    )
    assert (config.epochs, config.batch_size, config.lr, config.warmup) == (12, 16, 0.01, 500)
    assert (config.momentum, config.weight_decay, config.clip) == (0.9, 1e-4, 35.0)
    assert (config.side, config.longest) == (800, 1333)
    assert (config.train_images, config.eval_images) == (0, 0)
    assert not config.reduced and base_config("laptop").reduced and base_config("smoke").reduced


def test_a_name_tells_recipe_weights_and_seed_and_no_preset():
    config = DetectionConfig(seed=3)
    name = config.name("net", "weights")
    assert name.startswith("net-") and name.endswith("-s3")
    assert replace(config, preset="paper").name("net", "weights") == name
    assert replace(config, seed=4).name("net", "weights") == name.removesuffix("3") + "4"
    for other in (replace(config, lr=0.1), replace(config, eval_images=5)):
        assert other.name("net", "weights") != name
    assert config.name("net", "others") != name


def test_the_weights_are_those_of_the_training(trained):
    torch.manual_seed(0)
    expected = SPACE.standalone(ARCH, ImageSpec(3, 224, 5)).state_dict()
    found = load_backbone(trained).network.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
def test_statistics_of_bn_stay_those_of_the_backbone(trained, coco):
    network = retinanet(load_backbone(trained).network, 2, 64, 96).train()
    before = {k: v.clone() for k, v in network.state_dict().items() if "running" in k}
    images, targets = load_coco(coco, "train").batch(0, 2, 0)
    losses = network(images, targets)
    sum(losses.values()).backward()
    assert all(torch.equal(network.state_dict()[name], v) for name, v in before.items())
    assert network.backbone.body.stem[0].weight.grad.abs().sum() > 0


def test_perfect_boxes_have_full_precision(coco):
    val = load_coco(coco, "val")

    class Oracle(torch.nn.Module):
        def forward(self, images):
            self.count = getattr(self, "count", 0)
            ids = val.ids[self.count : self.count + len(images)]
            self.count += len(images)
            targets = [val.target(image_id) for image_id in ids]
            return [t | {"scores": torch.ones(len(t["labels"]))} for t in targets]

    precisions = runs.measure(Oracle(), val, 3, torch.device("cpu"))
    assert precisions == pytest.approx({"map": 100, "ap50": 100, "ap75": 100})


@pytest.mark.slow
def test_fine_tuning_learns(trained, coco, tmp_path):
    config = DetectionConfig(lr=0.05, batch_size=8, warmup=1, side=64, longest=96)
    torch.manual_seed(0)
    network = retinanet(load_backbone(trained).network, 2, 64, 96)
    workspace = TrainingWorkspace(tmp_path, "detection.json")
    train = load_coco(coco, "train")
    tuning = runs.FineTuning(network, train, config, workspace, torch.device("cpu"))
    losses = [tuning.step(number).item() for number in range(10)]
    assert losses[-1] < 0.8 * losses[0], losses


@pytest.mark.parametrize(
    ("change", "reduced"),
    [
        (lambda record: None, False),
        (lambda record: record["recipe"].update(changed={"epochs": 1}), True),
        (lambda record: record["config"].update(train_images=100), True),
        (lambda record: record["config"].update(preset="laptop"), True),
    ],
)
def test_a_detector_is_full_on_a_backbone_in_full_alone(
    trained, coco, tmp_path, monkeypatch, change, reduced
):
    """Nothing is trained: ``step`` and ``measure`` are stood in for."""
    monkeypatch.setattr(runs.FineTuning, "step", lambda tuning, number: torch.zeros(()))
    monkeypatch.setattr(runs, "measure", lambda *_: dict.fromkeys(runs.PRECISIONS, 1.0))
    folder = changed(trained, tmp_path / "backbone", change)
    execution = runs.DetectionExecution(coco, tmp_path, "cpu")
    assert runs.detect(folder, DetectionConfig(), execution)["reduced"] is reduced


def test_a_record_tells_what_was_trained_measured_and_spent(trained, coco, tmp_path, monkeypatch):
    """The new layers are drawn by the seed; nothing is trained."""
    monkeypatch.setattr(runs.FineTuning, "step", lambda tuning, number: torch.zeros(()))
    measured = []

    def measure(network, val, batch_size, device):
        measured.append((network, val.ids, batch_size))
        return {"map": 30.0, "ap50": 50.0, "ap75": 31.0}

    monkeypatch.setattr(runs, "measure", measure)
    config = replace(
        base_config("smoke"), seed=5, epochs=3, batch_size=2, train_images=5, eval_images=3
    )
    record = runs.detect(trained, config, runs.DetectionExecution(coco, tmp_path, "cpu"))
    [(network, ids, batch_size)] = measured
    assert (ids, batch_size) == ((1, 2, 3), 2)
    assert (network.transform.min_size, network.transform.max_size) == ((64,), 96)
    body = load_backbone(trained).network
    torch.manual_seed(5)
    expected = retinanet(body, 2, 64, 96).state_dict()
    found = network.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    digests = {
        part: sha256((coco / "annotations" / f"instances_{part}2017.json").read_bytes()).hexdigest()
        for part in ("train", "val")
    }
    assert record["data"] == {"train": 5, "val": 3, "sha256": digests}
    assert (record["costs"]["epochs"], record["costs"]["steps"]) == (3, 9)
    assert record["result"] == {"map": 30.0, "ap50": 50.0, "ap75": 31.0}
    assert record["config"] == config.to_dict() and record["arch"] == SPACE.encode(ARCH)
    assert record["backbone"] | {"sha256": ""} == {
        "name": "mobilenet-imagenet-net", "space": "mobilenet", "task": "imagenet", "params": 1000,
        "madds": 800 * 1280, "reduced": False, "sha256": "",
    }  # fmt: skip


@pytest.mark.slow
def test_a_stopped_fine_tuning_ends_with_the_same_bits(trained, coco, tmp_path, monkeypatch):
    config = base_config("smoke")
    whole = runs.detect(trained, config, runs.DetectionExecution(coco, tmp_path / "a", "cpu"))
    monkeypatch.setattr(runs, "CHECK_EVERY", 1)
    step = runs.FineTuning.step

    def stop(self, number):
        if number == 1:
            raise KeyboardInterrupt
        return step(self, number)

    execution = runs.DetectionExecution(coco, tmp_path / "b", "cpu", checkpoint_seconds=0)
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(runs.FineTuning, "step", stop)
        runs.detect(trained, config, execution)
    record = runs.detect(trained, config, execution)
    for content in (whole, record):
        del content["costs"]["seconds"], content["costs"]["peak_memory_mb"]
    assert record == whole


@pytest.mark.slow
def test_the_command_prints_the_record(trained, coco, tmp_path, capsys):
    given = ["detect", str(trained), "--preset", "smoke", "--data", str(coco.parent)]
    given += ["--runs", str(tmp_path), "--device", "cpu"]
    assert main([*given, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["found_by"] == [{"run": "some-run"}]
    assert record["backbone"]["madds"] == 800 * 1280
    assert record["reduced"]
    assert main(given) == 0
    assert "mAP" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.update(schema_version=0), "another version"),
        (lambda record: record.pop("arch"), "damaged"),
        (lambda record: record.pop("name"), "damaged"),
        (lambda record: record.update(config=[]), "damaged"),
        (lambda record: record.update(found_by=["a"]), "damaged"),
        (lambda record: record["network"].pop("madds"), "damaged"),
        (lambda record: record["network"].update(madds="many"), "damaged"),
        (lambda record: record.pop("recipe"), "damaged"),
        (lambda record: record["config"].update(task="digits"), "has not seen colours"),
        (lambda record: record["network"].update(scale="cifar"), "reduce images by"),
        (lambda record: record["config"].update(width=16), "damaged"),
    ],
)
def test_what_no_detector_can_stand_on_is_refused(trained, tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        load_backbone(changed(trained, tmp_path, change))


def test_a_network_of_cells_is_refused(trained, tmp_path):
    space = SPACES["nb201"]("benchmark", 4, 1)
    arch = space.sample(np.random.default_rng(0))
    weights = space.standalone(arch, ImageSpec(3, 32, 10)).state_dict()
    own = json.loads((trained / "standalone.json").read_text())["config"]
    cells = own | {"space": "nb201", "task": "cifar10", "width": 4, "cells": 1}
    network = {"scale": "benchmark", "params": 1, "madds": 1, "reduced": True}
    change = {"config": cells, "arch": space.encode(arch), "network": network}
    folder = changed(trained, tmp_path, lambda record: record.update(change))
    state = {"training": {"network": weights, "average": None}}
    save_tensors(folder / "checkpoint.pt", state)
    with pytest.raises(UsageError, match="no detector can be built on .* no chain of layers"):
        load_backbone(folder)


def test_missing_weights_or_images_are_named(trained, tmp_path, coco, capsys):
    with pytest.raises(UsageError, match="train-standalone"):
        load_backbone(tmp_path)
    folder = changed(trained, tmp_path, lambda record: None)
    (folder / "checkpoint.pt").unlink()
    with pytest.raises(UsageError, match="--keep-checkpoint"):
        load_backbone(folder)
    assert main(["detect", str(trained), "--data", str(tmp_path), "--runs", str(tmp_path)]) == 2
    assert "COCO is not in" in capsys.readouterr().err
    path = coco / "train2017" / "1.png"
    train = load_coco(coco, "train")
    kept = path.read_bytes()
    path.write_bytes(kept[:40])
    try:
        with pytest.raises(UsageError, match="1.png"):
            train.image(1)
    finally:
        path.write_bytes(kept)


@pytest.mark.parametrize("name", ["pycocotools", "torchvision"])
def test_a_missing_package_is_named(trained, coco, tmp_path, monkeypatch, name):
    for module in [known for known in sys.modules if known.split(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "harness.detection.network")
    with pytest.raises(UsageError, match="detection needs torchvision and pycocotools"):
        runs.detect(trained, base_config("smoke"), runs.DetectionExecution(coco, tmp_path, "cpu"))


@pytest.mark.slow
def test_divergence_names_the_last_good_checkpoint(trained, coco, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "CHECK_EVERY", 1)
    config = replace(base_config("smoke"), epochs=2)

    def diverge(first):
        monkeypatch.setattr(
            runs.FineTuning,
            "step",
            lambda _, number: torch.tensor([0.0, float("nan")][number >= first]),
        )
        folder = tmp_path / str(first)
        with pytest.raises(UsageError, match=rf"not finite at step {first + 1};.*--lr") as raised:
            runs.detect(trained, config, runs.DetectionExecution(coco, folder, "cpu", 0.0))
        return str(raised.value), list(folder.glob("detection/*/checkpoint.pt"))

    assert "there is no checkpoint yet" in diverge(0)[0]
    message, [checkpoint] = diverge(2)
    assert f"the last good checkpoint, {checkpoint}, is of step 2" in message
