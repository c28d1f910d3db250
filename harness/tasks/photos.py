"""Image files of any size, decoded on demand by a pool of threads to the size networks take."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from methods.transfer import to_device
from searchspaces.errors import UsageError

SIZE, SHORTER_SIDE = 224, 256
_TRIES = 10  # random windows of one image before the whole is taken
_DRAWS = 2 * _TRIES + 3

View = Callable[[Image.Image], Image.Image]
"""Makes an RGB image of any size one of :data:`SIZE` x :data:`SIZE` pixels."""


@dataclass(frozen=True, eq=False)
class Photos:
    """The image files ``paths`` (bytes ``[N]``) under ``root``.

    Indexed from the host, sliced and moved like the tensor of their pixels; these arrive on
    ``device``.
    """

    root: Path
    paths: np.ndarray
    device: torch.device | str = "cpu"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | np.ndarray) -> Photos:
        return replace(self, paths=self.paths[index])

    def to(self, device: torch.device | str) -> Photos:
        return replace(self, device=device)

    def decode(self, views: Sequence[View]) -> Decoding:
        """Begin to decode all, each through a view of its own."""
        return Decoding(self, views)


class Decoding:
    """Photos that the pool is decoding."""

    def __init__(self, photos: Photos, views: Sequence[View]):
        self._device, pool = torch.device(photos.device), _pool(os.getpid())
        self._images = torch.empty(
            (len(photos), SIZE, SIZE, 3),
            dtype=torch.uint8,
            pin_memory=self._device.type == "cuda",
        )
        rows = self._images.numpy()
        self._filled = [
            pool.submit(_fill, row, photos.root / os.fsdecode(path), view)
            for row, path, view in zip(rows, photos.paths, views, strict=True)
        ]

    def result(self) -> torch.Tensor:
        """uint8 ``[N, 3, 224, 224]``, once all are decoded.

        Raises :class:`UsageError` for a file that cannot be.
        """
        try:
            for filled in self._filled:
                filled.result()
        finally:
            self.cancel()
        return to_device(self._images, self._device).permute(0, 3, 1, 2).contiguous()

    def cancel(self) -> None:
        """Leave out what has not begun."""
        for filled in self._filled:
            filled.cancel()


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """The threads of one process; Pillow decodes and resizes without the interpreter's lock."""
    return ThreadPoolExecutor(os.cpu_count(), "decode")


def _fill(row: np.ndarray, path: Path, view: View) -> None:
    """Put the pixels into ``row``, uint8 ``[224, 224, 3]``."""
    try:
        with Image.open(path) as image:
            row[:] = view(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(
            f"{path} cannot be decoded ({error}); put a whole copy in its place."
        ) from error


def central_view(image: Image.Image) -> Image.Image:
    """The middle of the image resized to a shorter side of 256 pixels."""
    width, height = (side * SHORTER_SIDE // min(image.size) for side in image.size)
    left, top = round((width - SIZE) / 2), round((height - SIZE) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + SIZE, top + SIZE))


@dataclass(frozen=True)
class RandomResizedCrop:
    """A window of ``area`` of the image, of width / height in ``aspect``, mirrored half the time.

    The area is uniform and the aspect log-uniform; a window that does not fit is drawn again, ten
    times at most, then it is the middle of the image, as large as ``aspect`` allows (Inception's
    augmentation, Szegedy et al., 2015, as it has become usual).
    """

    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)

    def views(self, number: int, rng: np.random.Generator) -> list[View]:
        """One view for each of ``number`` images, equally many draws for each."""
        return [partial(self._view, draws) for draws in rng.random((number, _DRAWS))]

    def _view(self, draws: np.ndarray, image: Image.Image) -> Image.Image:
        window = image.crop(self._window(draws[:-1], *image.size))
        resized = window.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        mirror = draws[-1] < 0.5
        return resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else resized

    def _window(self, draws: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in an image of ``width`` x ``height`` pixels."""
        (smallest, largest), (narrowest, widest) = self.area, self.aspect
        *sizes, across, down = draws
        for size, shape in zip(sizes[::2], sizes[1::2], strict=True):
            area = width * height * (smallest + size * (largest - smallest))
            aspect = narrowest * (widest / narrowest) ** shape
            w, h = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
            if 0 < w <= width and 0 < h <= height:
                break
        else:
            w, h = min(width, round(height * widest)), min(height, round(width / narrowest))
            across = down = 0.5
        left, top = int(across * (width - w + 1)), int(down * (height - h + 1))
        return left, top, left + w, top + h
