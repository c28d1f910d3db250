"""What an architecture is, what it costs, and the images that its networks are made for."""

from __future__ import annotations

from dataclasses import dataclass

Arch = tuple[int, ...]
Path = tuple[int | tuple[int, ...], ...]  # an architecture, or some sites with several operators


@dataclass(frozen=True)
class ImageSpec:
    """Images ``[B, channels, size, size]`` in, logits ``[B, classes]`` out."""

    channels: int
    size: int
    classes: int


@dataclass(frozen=True)
class Site:
    """A choice site (edge, vertex or layer) and the names of its operators."""

    name: str
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """Analytic cost of a stand-alone network: trainable ``params`` and ``madds`` for one image."""

    params: int
    madds: int
