"""An ImageNet-style folder: fixed parts, batches as of any task, sentences for what is wrong."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.tasks import load_task
from harness.tasks.base import Split, ranks_in_class, stratified_order
from harness.tasks.folder import FolderTask, load_imagenet
from harness.tasks.photos import RandomResizedCrop, central_view
from searchspaces.errors import UsageError

SIZES = {"bird": 5, "cat": 6, "dog": 8}
HELD_OUT = 2


def save(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(30, 60, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for label, (name, size) in enumerate(SIZES.items()):
        for number in range(size):
            save(folder / "train" / name / f"{name}_{number}.JPEG", 100 * label + number)
        for number in range(3):
            save(folder / "val" / name / f"val_{number}.png", 1000 + 100 * label + number)
    (folder / "train" / "cat" / "readme.txt").write_text("not an image")
    (folder / "train" / ".hidden").mkdir()
    return folder


@pytest.fixture
def copied(data, tmp_path) -> Path:
    """A copy that a test may damage."""
    for path in data.rglob("*"):
        if path.is_file():
            target = tmp_path / "copy" / path.relative_to(data)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path / "copy"


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)


def load(data):
    return load_imagenet(data, val_per_class=HELD_OUT)


def names(split: Split) -> list[str]:
    return [path.decode() for path in split.images.paths]


def refused(data: Path | None, *words: object) -> None:
    with pytest.raises(UsageError) as caught:
        load(data)
    for word in words:
        assert str(word) in str(caught.value)


def test_parts_are_disjoint_complete_and_labelled_by_folder(data):
    task, classes = load(data), list(SIZES)
    for split in (task.train, task.val, task.test):
        assert [classes[label] for label in split.labels] == [n.split("/")[1] for n in names(split)]
    assert np.bincount(task.val.labels).tolist() == [HELD_OUT] * 3
    assert np.bincount(task.train.labels).tolist() == [size - HELD_OUT for size in SIZES.values()]
    assert np.bincount(task.test.labels).tolist() == [3] * 3
    training = [
        f"train/{name}/{name}_{i}.JPEG" for name, size in SIZES.items() for i in range(size)
    ]
    assert sorted(names(task.train) + names(task.val)) == sorted(training)
    assert all(name.startswith("val/") for name in names(task.test))
    assert len({*names(task.test)}) == 9


def test_held_out_are_the_first_ranks_of_each_class_by_file_name(data, monkeypatch):
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: sorted(listed(place), reverse=True))
    task = load(data)
    paths = np.array([f"train/{n}/{n}_{i}.JPEG" for n, size in SIZES.items() for i in range(size)])
    labels = np.repeat([0, 1, 2], list(SIZES.values()))
    early = ranks_in_class(labels) < HELD_OUT
    for split, own in ((task.val, early), (task.train, ~early)):
        order = stratified_order(labels[own])
        assert names(split) == paths[own][order].tolist()
        assert split.labels.tolist() == labels[own][order].tolist()


def test_the_task_describes_its_images(data):
    task = load(data)
    assert np.array(task.mean) / 255 == pytest.approx((0.485, 0.456, 0.406))
    assert np.array(task.std) / 255 == pytest.approx((0.229, 0.224, 0.225))
    assert task.augmentation == RandomResizedCrop((0.08, 1), (3 / 4, 4 / 3))
    assert (task.name, task.image.channels, task.image.size, task.image.classes) == (
        "imagenet",
        3,
        224,
        3,
    )
    images, labels = task.train_batch(0, 4, seed=0)
    assert images.shape == (4, 3, 224, 224) and images.dtype == torch.float32
    assert labels.shape == (4,) and labels.dtype == torch.int64


def test_train_batch_depends_on_its_arguments_alone(data):
    task = load(data)
    forwards = [task.train_batch(step, 4, seed=4) for step in range(5)]
    backwards = [load(data).train_batch(step, 4, seed=4) for step in reversed(range(5))][::-1]
    mixed = [task.train_batch(step, 4, seed) for step in range(5) for seed in (9, 4)][1::2]
    for first, *others in zip(forwards, backwards, mixed, strict=True):
        for other in others:
            assert torch.equal(first[0], other[0]) and torch.equal(first[1], other[1])
    other = task.train_batch(0, 4, seed=5)
    assert not torch.equal(other[0], forwards[0][0])


def test_an_epoch_takes_every_training_image_once_through_a_new_window(data):
    task = load(data)
    first, second = (task.train_batch(step, 13, seed=0) for step in (0, 1))
    for _, labels in (first, second):
        assert torch.equal(labels.sort().values, task.train.labels.sort().values)
    alone = replace(task, train=Split(task.train.images[:1], task.train.labels[:1]))
    windows = {alone.train_batch(step, 1, seed=0)[0].numpy().tobytes() for step in range(6)}
    assert len(windows) == 6


def test_views_are_two_windows_of_the_images_of_a_batch(data):
    task = load(data)
    first, second = task.views(2, 4, seed=0)
    assert torch.equal(first, task.train_batch(2, 4, seed=0)[0]) and not torch.equal(first, second)
    alone = replace(task, train=Split(task.train.images[:1], task.train.labels[:1]))
    own = {alone.train_batch(step, 1, seed=0)[0].shape for step in range(2)}
    assert {view.shape for view in alone.views(0, 1, seed=0)} == own


@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_batches_are_the_whole_part_in_stored_order(data, part, batch_size):
    task = load(data)
    split = getattr(task, part)
    images, labels = zip(*task.batches(part, batch_size), strict=True)
    assert torch.equal(torch.cat(labels), split.labels)
    assert max(map(len, labels)) <= batch_size
    for number in (0, len(split) - 1):
        view = np.array(central_view(Image.open(data / names(split)[number])))
        pixels = torch.from_numpy(view).permute(2, 0, 1)[None]
        assert torch.equal(torch.cat(images)[number], task.normalise(pixels)[0])


def test_batches_may_be_left_before_their_end(data):
    task = load(data)
    for images, _ in task.batches("train", 2):
        assert len(images) == 2
        break
    assert len(list(task.batches("train", 2))) == 7


def test_two_batches_are_decoded_ahead_and_others_no_more(data, monkeypatch):
    begun, cancelled = [], []
    monkeypatch.setattr(FolderTask, "_begin", lambda task, *batch: begun.append(batch) or batch)
    monkeypatch.setattr(FolderTask, "_finish", lambda task, batch: batch)
    cancel = SimpleNamespace(cancel=lambda: cancelled.append("anything begun"))
    task = load(data)
    assert task.train_batch(0, 4, 7) == (0, 4, 7)
    assert begun == [(0, 4, 7), (1, 4, 7), (2, 4, 7)]
    assert task.train_batch(1, 4, 7) == (1, 4, 7) and begun[3:] == [(3, 4, 7)]
    task._begun.update({batch: (cancel, None) for batch in task._begun})
    assert task.train_batch(0, 4, 8) == (0, 4, 8)
    assert len(cancelled) == 2 and list(task._begun) == [(1, 4, 8), (2, 4, 8)]


def test_a_limited_task_has_no_batch_of_the_whole_one(data):
    task = load(data)
    task.train_batch(0, 3, seed=0)
    limited = replace(task, train=Split(task.train.images[:3], task.train.labels[:3]))
    labels = limited.train_batch(1, 3, seed=0)[1]
    assert sorted(labels.tolist()) == sorted(task.train.labels[:3].tolist())


def test_the_fingerprint_names_the_files(data, copied):
    task = load(data)
    assert task.fingerprint() == load(copied).fingerprint() == task.to("cpu").fingerprint()
    (copied / names(task.test)[0]).write_bytes(b"other")
    changed = load(copied).fingerprint()
    assert changed != task.fingerprint()
    assert load_imagenet(data, val_per_class=1).fingerprint() not in (changed, task.fingerprint())


def test_the_folder_is_found_by_name_and_from_the_environment(copied, monkeypatch):
    expected = load(copied).fingerprint()
    copied.rename(copied.parent / "imagenet")
    monkeypatch.setenv("NAS_HARNESS_DATA", str(copied.parent))
    assert load(None).fingerprint() == expected
    with pytest.raises(UsageError, match="50 validation images per class .* bird has 5"):
        load_task("imagenet", copied.parent)
    for number in (0, 5):  # of five; one at the least is left to train on
        with pytest.raises(UsageError, match=f"^{number} validation images per class"):
            load_imagenet(val_per_class=number)
    assert (
        len(load_imagenet(val_per_class=4).val) == 4 * load_imagenet(val_per_class=1).image.classes
    )


def test_missing_data_name_the_way_out(tmp_path):
    refused(tmp_path, "ImageNet is not found", tmp_path, "image-net.org", "--data DIR")
    refused(None, "ImageNet is not found")


def test_folders_of_another_form_are_named(copied):
    (copied / "val" / "cat").rename(copied / "val" / "cow")
    refused(copied, "different classes, cat is in one of them only")
    (copied / "val" / "cow").rename(copied / "val" / "cat")
    for path in (copied / "val" / "cat").iterdir():
        path.unlink()
    refused(copied, copied / "val" / "cat", "has no images")
    (copied / "val").rename(copied / "away")
    (copied / "val").mkdir()
    (copied / "val" / "flat.JPEG").write_bytes(b"")
    refused(copied, copied / "val", "one per class")


def test_a_damaged_image_is_named(copied):
    task = load(copied)
    (copied / names(task.train)[0]).write_bytes(b"damaged")
    for use in (lambda: task.train_batch(0, 13, 0), lambda: list(task.batches("train", 5))):
        with pytest.raises(UsageError, match=names(task.train)[0]):
            use()
