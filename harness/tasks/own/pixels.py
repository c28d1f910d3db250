"""One image: what it is like before it is decoded, and its pixels in the form that all are brought to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.tasks.own.given import Raw
from searchspaces.errors import UsageError

CHANNELS = (1, 3, 4)
_GREY = ("1", "L", "LA", "La")
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


@dataclass(frozen=True)
class Look:
    """Size in pixels, colours, and of floats the lowest and highest value."""

    height: int
    width: int
    grey: bool
    alpha: bool = False
    floats: tuple[float, float] | None = None


@dataclass(frozen=True)
class Form:
    """What all images are brought to: ``[channels, side, side]``.

    Floats are multiplied by ``factor``.
    """

    side: int
    channels: int
    factor: float = 1.0

    def pixels(self, raw: Raw, where: str) -> np.ndarray:
        """uint8 ``[channels, side, side]``: the middle of the image, its shorter side resized.

        Raises :class:`UsageError` naming ``where`` for an image that cannot be decoded.
        """
        with _decoded(raw, where, self.factor) as image:
            image = image.convert("L" if self.channels == 1 else "RGB")
        if image.size != (self.side, self.side):
            shorter = min(image.size)
            width, height = (max(self.side, round(n * self.side / shorter)) for n in image.size)
            left, top = (width - self.side) // 2, (height - self.side) // 2
            image = image.resize((width, height), Image.Resampling.BILINEAR)
            image = image.crop((left, top, left + self.side, top + self.side))
        return np.asarray(image).reshape(self.side, self.side, -1).transpose(2, 0, 1)


def look(raw: Raw, where: str) -> Look:
    """What the image is like; of a file only its head is read.

    Raises :class:`UsageError` naming ``where`` for what is no image of 8 bits.
    """
    if isinstance(raw, np.ndarray):
        height, width, channels = (*raw.shape, 1)[:3]
        floats = (float(raw.min()), float(raw.max())) if raw.dtype.kind == "f" else None
        return Look(height, width, channels == 1, channels == 4, floats)
    with _decoded(raw, where) as image:
        grey = image.mode in _GREY
        alpha = image.mode in _ALPHA or "transparency" in image.info
        return Look(image.height, image.width, grey, alpha)


def as_pixels(image: Any, where: str) -> np.ndarray:
    """uint8 or float32 ``[H, W]`` or ``[H, W, C]``, of a Pillow image, an array or a tensor.

    Channels may come first, as they do in tensors. Raises :class:`UsageError` naming ``where`` for
    whatever else, and for numbers out of 0 to 255.
    """
    if isinstance(image, Image.Image):
        _check_mode(image, where)
        if image.mode in ("L", "RGB", "RGBA"):
            return np.asarray(image)
        grey = image.mode in _GREY
        return np.asarray(image.convert("L" if grey else "RGB"))
    first = isinstance(image, torch.Tensor)
    array = image.detach().cpu().numpy() if first else np.asarray(image)
    if array.ndim == 3:
        order = (0, -1) if first else (-1, 0)
        fitting = [axis for axis in order if array.shape[axis] in CHANNELS]
        axis = min(fitting, key=lambda axis: array.shape[axis], default=None)
        array = array if axis is None else np.moveaxis(array, axis, -1)
        if axis is not None and array.shape[-1] == 1:
            array = array[..., 0]
        fits = axis is not None
    else:
        fits = array.ndim == 2
    if not fits or not array.size:
        raise UsageError(
            f"{where} has the shape {np.shape(image)}; height and width are due, and perhaps 1, 3 or "
            "4 channels before or behind them."
        )
    if array.dtype == np.uint8:
        return array
    kind, low, high = array.dtype.kind, array.min(), array.max()
    if kind not in "iuf" or not (low >= 0 and high <= 255):  # not a number compares as false
        raise UsageError(
            f"{where} is of {array.dtype} from {low} to {high}; whole numbers from 0 to 255 are due, "
            "or floats from 0 to 1 or 255, before any normalisation."
        )
    return array.astype(np.float32 if kind == "f" else np.uint8)


def _check_mode(image: Image.Image, where: str) -> None:
    if image.mode[0] in "IF":
        raise UsageError(
            f"{where} has more than 8 bits per pixel (Pillow's mode {image.mode}); convert it to 8."
        )


@contextmanager
def _decoded(raw: Raw, where: str, factor: float = 1.0) -> Iterator[Image.Image]:
    """The image in Pillow's hands; files are decoded when its pixels are asked for."""
    try:
        if isinstance(raw, bytes):
            with Image.open(io.BytesIO(raw)) as image:
                _check_mode(image, where)
                yield image
        else:
            whole = np.rint(raw * factor) if raw.dtype.kind == "f" else raw
            yield Image.fromarray(whole.astype(np.uint8))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(
            f"{where} cannot be decoded ({error}); put a whole copy in its place, or remove it."
        ) from error
