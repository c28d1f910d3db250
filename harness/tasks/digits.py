"""The embedded task: scanned digits hidden among clutter, made on the spot from scikit-learn.

Plain 8x8 digits are so easy that architectures hardly differ (τ between two trainings of the same
architectures is 0.3). Here a digit stands somewhere on a 12x12 canvas, over patches of other
digits and under noise, so that a network has to look for it: on NAS-Bench-201's ``compact``
networks accuracies run from 10 to 93 %, and two single trainings agree with τ ≈ 0.8.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task
from searchspaces.base import ImageSpec

CANVAS, DIGIT, PATCH, PATCHES = 12, 8, 4, 2
NOISE = 0.15  # standard deviation, where ink is 1 and paper 0
SIZES = {"train": 3000, "val": 1000, "test": 4000}
SCANS = {"train": 1000, "val": 398, "test": 399}  # of the 1,797; each part has scans of its own
SEED = 1797


def load_digits_task(data: Path | None = None) -> Task:
    """3,000 / 1,000 / 4,000 grey images of 12x12 pixels in ten classes; the same on every call.

    ``data`` is not needed: the scans come with scikit-learn.
    """
    from sklearn.datasets import load_digits

    scans, labels = load_digits(return_X_y=True)
    scans = scans.reshape(-1, DIGIT, DIGIT) / 16.0
    rng = np.random.default_rng(SEED)
    chosen = np.split(rng.permutation(len(scans)), np.cumsum(list(SCANS.values()))[:-1])
    parts = {}
    for (part, size), own in zip(SIZES.items(), chosen, strict=True):
        index = rng.choice(own, size)
        images = _scenes(scans[index], scans[own], rng)
        parts[part] = Split(
            torch.from_numpy(images)[:, None], torch.from_numpy(labels[index]).long()
        )
    pixels = parts["train"].images.double()
    return Task(
        name="digits",
        image=ImageSpec(channels=1, size=CANVAS, classes=10),
        mean=(pixels.mean().item(),),
        std=(pixels.std().item(),),
        augmentation=Augmentation(),
        **parts,
    )


def _scenes(digits: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 ``[N, 12, 12]``: each of ``digits`` ``[N, 8, 8]`` over patches cut from ``others``."""
    count = len(digits)
    canvas = np.zeros((count, CANVAS, CANVAS))
    for _ in range(PATCHES):
        source = others[rng.integers(len(others), size=count)]
        cut = _window(source, PATCH, rng.integers(DIGIT - PATCH + 1, size=(2, count)))
        place = _window(canvas, PATCH, rng.integers(CANVAS - PATCH + 1, size=(2, count)))
        canvas[place] = source[cut]
    place = _window(canvas, DIGIT, rng.integers(CANVAS - DIGIT + 1, size=(2, count)))
    canvas[place] = digits
    canvas += rng.normal(0.0, NOISE, canvas.shape)
    return np.clip(40 + 170 * canvas, 0, 255).astype(np.uint8)


def _window(
    images: np.ndarray, side: int, corner: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of a ``side`` x ``side`` window in each image, upper left corners ``[2, N]``."""
    offset = np.arange(side)
    rows = corner[0][:, None, None] + offset[:, None]
    columns = corner[1][:, None, None] + offset
    return np.arange(len(images))[:, None, None], rows, columns
