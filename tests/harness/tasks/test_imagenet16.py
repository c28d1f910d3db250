"""ImageNet16-120: the right classes and parts of the official pickles, and nothing damaged."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from harness.tasks import imagenet16 as module
from harness.tasks import load_task
from harness.tasks.augment import Augmentation
from harness.tasks.base import ranks_in_class, stratified_order
from harness.tasks.imagenet16 import TRAIN_BATCHES, VAL_BATCH, ImageNet16Spec, load_imagenet16
from searchspaces.errors import UsageError

SIZES = (5, 9, 7, 12)  # training images of classes 1 to 4; the task takes the first three
SPEC = ImageNet16Spec(classes=3, train_images=21, val_images=12)


def batch(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 768), dtype=np.uint8)
    return images, labels


def official() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Flat images and labels from 1 of every file."""
    labels = np.random.default_rng(0).permutation(np.repeat([1, 2, 3, 4], SIZES))
    parts = dict(zip(TRAIN_BATCHES, np.array_split(labels, 10), strict=True))
    parts[VAL_BATCH] = np.random.default_rng(1).permutation(np.repeat([1, 2, 3, 4], 4))
    return {name: batch(own, seed) for seed, (name, own) in enumerate(parts.items())}


def write(folder: Path, files: dict[str, tuple[np.ndarray, np.ndarray]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (images, labels) in files.items():
        content = {"data": images, "labels": labels.tolist(), "mean": images.mean(axis=0)}
        (folder / name).write_bytes(pickle.dumps(content, protocol=3))
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path_factory):
    monkeypatch.setattr(module, "SPEC", SPEC)
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)


@pytest.fixture
def data(tmp_path) -> Path:
    return write(tmp_path / "data", official())


def pairs(images, labels) -> list[tuple[bytes, int]]:
    """Every image with its label, in an order of their own."""
    rows = zip(np.asarray(images), np.asarray(labels), strict=True)
    return sorted((image.tobytes(), int(label)) for image, label in rows)


def refused(data: Path | None, *words: object) -> None:
    with pytest.raises(UsageError) as caught:
        load_imagenet16(data)
    for word in words:
        assert str(word) in str(caught.value)


def test_train_is_the_official_training_part_of_the_first_classes(data):
    files = official()
    images, labels = (np.concatenate([files[n][i] for n in TRAIN_BATCHES]) for i in (0, 1))
    train = load_imagenet16(data).train
    assert pairs(train.images, train.labels) == pairs(images[labels < 4], labels[labels < 4] - 1)
    assert train.images.shape == (21, 3, 16, 16)
    first = files[TRAIN_BATCHES[0]]
    row = int(np.argmax(first[1] < 4))
    red = first[0][row, :256].reshape(16, 16)
    assert any(np.array_equal(image[0], red) for image in train.images)


def test_validation_and_test_share_out_the_official_validation_part(data):
    task, (images, labels) = load_imagenet16(data), official()[VAL_BATCH]
    for split in (task.val, task.test):
        assert np.bincount(split.labels).tolist() == [2, 2, 2]
    both = pairs(task.val.images, task.val.labels) + pairs(task.test.images, task.test.labels)
    assert sorted(both) == pairs(images[labels < 4], labels[labels < 4] - 1)
    images, labels = images[labels < 4].reshape(-1, 3, 16, 16), labels[labels < 4] - 1
    early = ranks_in_class(labels) < 2  # of the four of each class
    for split, own in ((task.val, early), (task.test, ~early)):
        order = stratified_order(labels[own])
        assert np.array_equal(split.images, images[own][order])
        assert np.array_equal(split.labels, labels[own][order])


def test_the_order_of_training_images_mixes_classes(data):
    labels = load_imagenet16(data).train.labels[:7]
    assert np.abs(np.bincount(labels, minlength=3) - np.array(SIZES[:3]) / 3).max() < 2


def test_the_task_is_that_of_nas_bench_201(data, monkeypatch):
    task = load_task("imagenet16-120", data)
    assert task.name == "imagenet16-120" and task.image.size == 16
    assert task.augmentation == Augmentation(flip=True, crop=2, fill=(123, 117, 104))
    # Of the benchmark's released code, in 0-255 units.
    assert (task.mean, task.std) == ((122.68, 116.66, 104.01), (63.22, 61.26, 65.09))
    assert task.train_batch(0, 4, 0)[0].shape == (4, 3, 16, 16)
    monkeypatch.undo()
    full = module.SPEC
    assert (full.classes, full.train_images, full.val_images) == (120, 151_700, 6_000)


@pytest.mark.parametrize("inner", ["imagenet16-120", "ImageNet16"])
def test_a_folder_of_the_data_folder_will_do(data, tmp_path, inner):
    expected = load_imagenet16(data).fingerprint()
    write(tmp_path / "more" / inner, official())
    assert load_imagenet16(tmp_path / "more").fingerprint() == expected


def test_missing_data_name_the_way_out(data, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "ImageNet16-120 is not found", "image-net.org", "--data DIR")
    refused(None, "ImageNet16-120 is not found")
    (data / TRAIN_BATCHES[3]).unlink()
    refused(data, data / TRAIN_BATCHES[3], "unpack it again")


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"data": pickle.Pickler})])
def test_a_damaged_file_is_named(data, content):
    (data / TRAIN_BATCHES[9]).write_bytes(content)
    refused(data, data / TRAIN_BATCHES[9], "is damaged")


def test_missing_images_and_classes_are_counted(data):
    files = official()
    images, labels = files[TRAIN_BATCHES[0]]
    kept = np.arange(len(labels)) != np.argmax(labels < 4)
    write(data, {TRAIN_BATCHES[0]: (images[kept], labels[kept])})
    refused(data, "20 images of 3 of the first 3 classes", "has 21 of all")
    write(data, official())
    images, labels = files[VAL_BATCH]
    write(data, {VAL_BATCH: (images, np.where(labels == 2, 3, labels))})
    refused(data, data / VAL_BATCH, "12 images of 2 of the first 3 classes")
