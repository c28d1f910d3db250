"""What a chain space fixes: stem, channels, depths and strides, head, at each of its scales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

from searchspaces.base import ImageSpec
from searchspaces.chain.convolutions import Conv, Shape
from searchspaces.errors import UsageError

PROXY_WIDTH = 8  # channels of the first stage of a proxy


@dataclass(frozen=True)
class Stage:
    """``layers`` choice sites of ``channels`` channels; the first divides the sides by ``stride``."""

    channels: int
    layers: int
    stride: int


@dataclass(frozen=True)
class Skeleton:
    """What a chain space fixes around and about its layers.

    A 3x3 convolution to ``stem`` channels with ``stride``; where ``entry`` is not 0, a depthwise
    3x3 and a linear 1x1 convolution to that many channels; the stages; a 1x1 convolution to
    ``head`` channels, global average pooling and the classifier. ``activation`` is the name of one
    in ``torch.nn``.
    """

    stem: int
    stride: int
    stages: tuple[Stage, ...]
    head: int
    entry: int = 0
    kernel: int = 3
    activation: str = "ReLU"
    classifier_bias: bool = True

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for stages that are none."""
        stages: object = self.stages
        fine = isinstance(stages, tuple | list) and stages
        if not fine or not all(isinstance(stage, Stage) for stage in self.stages):
            raise UsageError(
                f"the stages of a Skeleton are a tuple, such as (Stage(8, 2, 2),), not {stages}."
            )

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """One per layer."""
        shapes, channels = [], self.entry or self.stem
        for stage in self.stages:
            for layer in range(stage.layers):
                shapes.append(Shape(channels, stage.channels, stage.stride if layer == 0 else 1))
                channels = stage.channels
        return tuple(shapes)

    @cached_property
    def stage_layers(self) -> tuple[range, ...]:
        """Numbers of the layers of each stage."""
        ends = [0, *accumulate(stage.layers for stage in self.stages)]
        return tuple(range(first, end) for first, end in pairwise(ends))

    def before(self, image: ImageSpec) -> tuple[Conv, ...]:
        """The convolutions between image and first layer."""
        stem = Conv(image.channels, self.stem, self.kernel, self.stride)
        if not self.entry:
            return (stem,)
        spatial = Conv(self.stem, self.stem, 3, depthwise=True)
        return stem, spatial, Conv(self.stem, self.entry, linear=True)

    def after(self) -> tuple[Conv, ...]:
        """The convolution between last layer and pooling."""
        return (Conv(self.stages[-1].channels, self.head),)

    def reducing_less(self, stages: int) -> Skeleton:
        """For small images: the stem and the first ``stages`` stages keep the resolution."""
        kept = tuple(replace(stage, stride=1) for stage in self.stages[:stages])
        return replace(self, stride=1, stages=kept + self.stages[stages:])

    def resized(self, width: int = 0, layers: int = 0) -> Skeleton:
        """With ``width`` channels in the first stage, the rest in proportion rounded to even
        numbers, and with ``layers`` in every stage; 0 leaves either as it is.

        Raises :class:`UsageError` where rounding makes widths equal that should not be.
        """
        first = self.stages[0].channels

        def scaled(channels: int) -> int:
            return channels if not width else max(1, round(channels * width / first / 2)) * 2

        new = replace(
            self,
            stem=scaled(self.stem),
            entry=self.entry and scaled(self.entry),
            stages=tuple(
                Stage(scaled(stage.channels), layers or stage.layers, stage.stride)
                for stage in self.stages
            ),
            head=scaled(self.head),
        )
        if new._growth() != self._growth():
            raise UsageError(
                f"with a width of {width} several stages would have the same channels; "
                "choose a larger one."
            )
        return new

    def _growth(self) -> list[bool]:
        """For each stage, whether it is wider than what comes before it."""
        widths = [self.entry or self.stem, *(stage.channels for stage in self.stages)]
        return [before < after for before, after in pairwise(widths)]


def scales(imagenet: Skeleton, compact: Skeleton) -> dict[str, Skeleton]:
    """``imagenet`` (224x224) as published; ``cifar`` (32x32) without the first two halvings of the
    resolution; ``imagenet16`` (16x16) without the first three; ``compact`` for the embedded task.

    ``proxy``, for supernets on photographs of 16x16 pixels, has the layers and strides of
    ``imagenet16``, a stage of 8 channels first and the others in proportion, and the weak fixed
    parts of ``compact``: the stem sees single pixels, and the head is small.
    """
    imagenet16 = imagenet.reducing_less(2)
    proxy = imagenet16.resized(PROXY_WIDTH)
    return {
        "imagenet": imagenet,
        "cifar": imagenet.reducing_less(1),
        "imagenet16": imagenet16,
        "compact": compact,
        "proxy": replace(proxy, kernel=1, head=2 * proxy.stages[-1].channels),
    }
