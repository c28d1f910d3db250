"""The embedded task: the same everywhere, no scan in two parts, every class in each of them."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from harness.tasks import IMAGES, load_task
from harness.tasks.augment import Augmentation
from harness.tasks.digits import CANVAS, DIGIT, NOISE, SIZES

PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def task():
    return load_task("digits")


def scans_in(split, count=500):
    """The scans recognised in the first images and the images' labels, where there is no doubt.

    Every window of an image is compared with every scan; the noise of the right one is known.
    """
    scans = load_digits().data / 16.0
    images = (split.images[:count, 0].numpy() - 40.0) / 170.0
    windows = np.lib.stride_tricks.sliding_window_view(images, (DIGIT, DIGIT), axis=(1, 2))
    flat = windows.reshape(count, -1, DIGIT * DIGIT)
    error = (flat**2).sum(-1)[..., None] + (scans**2).sum(-1) - 2 * flat @ scans.T
    error = error.min(axis=1)  # over windows: [count, scans]
    best, second = np.partition(error, 1, axis=1)[:, :2].T
    clear = (best < 1.5 * NOISE**2 * DIGIT**2) & (second > best + 1)
    return error.argmin(axis=1)[clear], split.labels[:count].numpy()[clear]


def test_it_has_the_stated_sizes(task):
    assert {part: len(getattr(task, part)) for part in PARTS} == SIZES
    assert SIZES == {"train": 3000, "val": 1000, "test": 4000}
    for part in PARTS:
        split = getattr(task, part)
        assert split.images.shape == (SIZES[part], 1, CANVAS, CANVAS)
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
    assert task.image == IMAGES["digits"]


@pytest.mark.slow
def test_no_scan_is_in_two_parts(task):
    labels = load_digits().target
    seen = []
    for part in PARTS:
        scans, told = scans_in(getattr(task, part))
        assert len(scans) > 150
        assert (labels[scans] == told).all()
        seen.append(set(scans.tolist()))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not seen[first] & seen[second]


def test_every_class_is_in_every_part_about_as_often(task):
    for part in PARTS:
        share = getattr(task, part).labels.bincount(minlength=10) / SIZES[part]
        assert len(share) == 10
        assert share.min() > 0.06
        assert share.max() < 0.14


def test_it_is_the_data_that_the_embedded_table_was_made_on(task):
    table = Table.load(EMBEDDED / "nb201-compact-digits.parquet")
    assert task.fingerprint() == table.meta.sha256
    assert load_task("digits").fingerprint() == task.fingerprint()


def test_images_are_normalised_by_the_training_part(task):
    assert task.augmentation == Augmentation()  # no digit is mirrored
    images = task.normalise(task.train.images)
    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std().item() == pytest.approx(1, abs=1e-4)
