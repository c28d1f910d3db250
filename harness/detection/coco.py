"""COCO detection images, as its authors lay them out."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.files.data_folders import data_folders, either
from harness.files.sizes import check_file
from searchspaces.errors import UsageError

YEAR = "2017"
_BROKEN = (OSError, ValueError, KeyError, TypeError, AssertionError, RecursionError)
_NEEDED = ("bbox", "category_id", "area", "iscrowd")  # of an annotation
Target = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Coco:
    """One part of COCO: ``index`` is pycocotools' object, ``ids`` the images that are used.

    ``labels`` maps the categories of the annotations to 0, 1, ....
    """

    folder: Path
    index: Any
    ids: tuple[int, ...]
    labels: dict[int, int]
    sha256: str

    def image(self, image_id: int) -> torch.Tensor:
        """RGB in 0..1, ``[3, H, W]``; raises :class:`UsageError` where it cannot be decoded."""
        from PIL import Image, UnidentifiedImageError

        path = self.folder / self.index.imgs[image_id]["file_name"]
        try:
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise UsageError(f"cannot read {path}: {error}; unpack COCO again.") from error
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255

    def target(self, image_id: int) -> Target:
        """``boxes`` ``[N, 4]`` as x1, y1, x2, y2 in pixels and ``labels`` ``[N]``; no crowds."""
        found = [
            (annotation["bbox"], self.labels[annotation["category_id"]])
            for annotation in _of(self.index, image_id)
            if not annotation["iscrowd"] and min(annotation["bbox"][2:]) >= 1
        ]
        boxes = torch.tensor([box for box, _ in found], dtype=torch.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return {"boxes": boxes, "labels": torch.tensor([k for _, k in found], dtype=torch.int64)}

    def batch(
        self, step: int, batch_size: int, seed: int
    ) -> tuple[list[torch.Tensor], list[Target]]:
        """Training batch number ``step``, half of it mirrored; a function of its arguments alone."""
        per_epoch = self.steps(batch_size)
        order = np.random.default_rng([seed, step // per_epoch]).permutation(len(self.ids))
        rows = order[step % per_epoch * batch_size :][:batch_size]
        mirrored = np.random.default_rng([seed, step, 1]).random(len(rows)) < 0.5
        images, targets = [], []
        for row, mirror in zip(rows, mirrored, strict=True):
            image, target = self.image(self.ids[row]), self.target(self.ids[row])
            if mirror:
                image, boxes = image.flip(-1), target["boxes"]
                target["boxes"] = torch.stack(
                    [image.shape[-1] - boxes[:, 2], boxes[:, 1], image.shape[-1] - boxes[:, 0], boxes[:, 3]], 1
                )  # fmt: skip
            images.append(image)
            targets.append(target)
        return images, targets

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-len(self.ids) // batch_size)

    def batches(self, batch_size: int) -> Iterator[tuple[tuple[int, ...], list[torch.Tensor]]]:
        """Image numbers and images, in order."""
        for start in range(0, len(self.ids), batch_size):
            ids = self.ids[start : start + batch_size]
            yield ids, [self.image(image_id) for image_id in ids]


def load_coco(data: Path | None, part: str, images: int = 0) -> Coco:
    """``part`` (``train`` or ``val``), with annotated images only for training.

    Looks in the folder ``data`` (default: ``$NAS_HARNESS_DATA``) and its folder ``coco``; takes
    the first ``images`` by number, 0 for all. Raises :class:`UsageError` when the files are not
    there, damaged or too large, and when there is no box in the images to measure on.
    """
    root = _locate(data, part)
    annotations = root / "annotations" / f"instances_{part}{YEAR}.json"
    check_file(annotations, "file of annotations")
    index = _read(annotations)
    _check(index, annotations)
    labels = {category: number for number, category in enumerate(sorted(index.cats))}
    ids = sorted(index.imgs)
    if part == "train":
        ids = [image_id for image_id in ids if _of(index, image_id)]
    if not ids or not labels:
        raise UsageError(f"{annotations} has no images with boxes; get it again.")
    ids = ids[: images or None]
    if part == "val" and all(one["iscrowd"] for number in ids for one in _of(index, number)):
        raise no_boxes()
    digest = hashlib.sha256(annotations.read_bytes()).hexdigest()
    return Coco(root / f"{part}{YEAR}", index, tuple(ids), labels, digest)


def check_same_categories(train: Coco, val: Coco) -> None:
    """Raise :class:`UsageError` where the parts number or name their categories otherwise."""
    ours, theirs = (
        {number: category.get("name") for number, category in part.index.cats.items()}
        for part in (train, val)
    )
    if ours != theirs:
        raise UsageError(
            f"the annotations of {train.folder} and {val.folder} have different categories; get "
            "both parts from one place."
        )


def no_boxes() -> UsageError:
    """An error to raise where no precision can be measured."""
    return UsageError("no boxes among the images evaluated; raise --eval-images.")


def _locate(data: Path | None, part: str) -> Path:
    places = [place for folder in data_folders(data) for place in (folder, folder / "coco")]
    for place in places:
        names = (f"annotations/instances_{part}{YEAR}.json", f"{part}{YEAR}")
        if all((place / name).exists() for name in names):
            return place
    raise UsageError(
        f"COCO is not in {either(places)}: there must be {part}{YEAR}/ and "
        f"annotations/instances_{part}{YEAR}.json; unpack {part}{YEAR}.zip and "
        f"annotations_trainval{YEAR}.zip of cocodataset.org there, or name the folder with --data."
    )


def _read(annotations: Path) -> Any:
    from pycocotools.coco import COCO

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return COCO(annotations)
    except _BROKEN as error:
        raise UsageError(
            f"cannot read {annotations}: {type(error).__name__}: {error}; get it again."
        ) from error


def _check(index: Any, path: Path) -> None:
    """Raise :class:`UsageError` for images and annotations without what is asked of them."""
    if not all(isinstance(number, int) for number in (*index.imgs, *index.cats)):
        raise UsageError(f"{path} has ids that are no whole numbers; get it again.")
    if not all(isinstance(image.get("file_name"), str) for image in index.imgs.values()):
        raise UsageError(f"{path} has an image without file_name; get it again.")
    for annotation in (one for image in index.imgs for one in _of(index, image)):
        for name in _NEEDED:
            if name not in annotation:
                raise UsageError(f"{path} has an annotation without {name}; get it again.")
        if annotation["category_id"] not in index.cats:
            raise UsageError(f"{path} has an annotation of an unknown category; get it again.")
        box = annotation["bbox"]
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            raise UsageError(f"{path} has a bbox that is not four numbers; get it again.")


def _of(index: Any, image_id: int) -> list[dict[str, Any]]:
    """The annotations of an image."""
    return index.imgToAnns.get(image_id, [])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)
