"""Size, colours, mean and deviation: measured on training images, and said where it changes images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.tasks.own.pixels import Form, Look
from harness.tasks.own.place import Place
from searchspaces.errors import UsageError

LARGEST = 224  # pixels of a side, unless another is asked for


def measured(place: Place, looks: Sequence[Look]) -> Form:
    """The form of images that look so, those for training.

    Its side is theirs, else the median of the shorter sides; 224 at most. Images are grey if all of
    them are. Floats are from 0 to 1 if none is above, else from 0 to 255.
    """
    shorter = np.array([min(seen.height, seen.width) for seen in looks])
    side = place.side or min(int(np.median(shorter)), LARGEST)
    factor = 255.0 if 0 < _highest(looks) <= 1 else 1.0
    return Form(side, 1 if all(seen.grey for seen in looks) else 3, factor)


def _highest(looks: Sequence[Look]) -> float:
    return max((seen.floats[1] for seen in looks if seen.floats), default=0.0)


def check_range(place: Place, form: Form, looks: Sequence[Look]) -> None:
    """Raises :class:`UsageError` where images that were not measured are of another range."""
    if form.factor > 1 and _highest(looks) > 1:
        raise UsageError(
            f"images of {place.given} that are not for training have values up to "
            f"{_highest(looks):g}, where those for training are from 0 to 1; give all in one range."
        )


def notes_on(place: Place, form: Form, looks: Sequence[Look]) -> list[str]:
    """Sentences on what becomes of all images, of which some are not in the ``form`` already."""
    notes = []
    sizes = sorted(
        {(seen.width, seen.height) for seen in looks}, key=lambda size: size[0] * size[1]
    )
    if sizes != [(form.side, form.side)]:
        (w, h), (wide, high) = sizes[0], sizes[-1]
        are = f"{w}x{h}" if len(sizes) == 1 else f"different sizes, {w}x{h} to {wide}x{high}"
        notes.append(
            f"images are of {are} pixels; their middles were resized to {form.side}x{form.side} "
            f"(--task {place.sided(32 if form.side != 32 else 64)} takes another side)"
        )
    if alpha := sum(seen.alpha for seen in looks):
        notes.append(f"transparency was left out, of {alpha:,} of {len(looks):,} images")
    other = sum(seen.grey != (form.channels == 1) for seen in looks)
    if other:
        whose = ("coloured", "grey") if form.channels == 1 else ("grey", "coloured")
        notes.append(
            f"{other:,} of {len(looks):,} images are {whose[0]} and were taken as {whose[1]}, as "
            "training images are"
        )
    if any(seen.floats for seen in looks):
        top = "1 were multiplied by 255" if form.factor > 1 else "255 were rounded"
        notes.append(f"images of floats from 0 to {top}")
    return notes


def statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 ``[N, C, H, W]``, exactly.

    The deviation of a channel that is constant is 1. Raises :class:`UsageError` where all are.
    """
    values = np.arange(256, dtype=np.float64)
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.zeros(256, np.int64)
        for some in np.array_split(images[:, channel], max(len(images) // 5000, 1)):
            counts += np.bincount(some.ravel(), minlength=256)
        mean = float(counts @ values) / int(counts.sum())
        means.append(mean)
        deviations.append(float(counts @ (values - mean) ** 2 / counts.sum()) ** 0.5)
    if not any(deviations):
        raise UsageError("the training images are all of one and the same colour.")
    return tuple(means), tuple(deviation or 1.0 for deviation in deviations)


def duplicates(parts: dict[str, list[bytes]]) -> list[str]:
    """Sentences on images that are in two parts, by their SHA-256 in each."""
    names, notes = list(parts), []
    for later, name in enumerate(names):
        for earlier in names[:later]:
            known = set(parts[earlier])
            if same := sum(digest in known for digest in parts[name]):
                notes.append(
                    f"{same:,} of the {len(parts[name]):,} {name} images are {earlier} images, too"
                )
    return notes
