"""The operators of a supernet that is relaxed, and these with a part of their channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from methods.lazy import torch
from searchspaces.base import ImageSpec

if TYPE_CHECKING:
    from searchspaces.relaxation import Relaxation
    from searchspaces.supernet import Operator, Supernet


def places_of(
    relaxation: Relaxation, network: Supernet, image: ImageSpec
) -> dict[str, tuple[int, int]]:
    """Site of each operator that is a module, and its number there, by the module's name.

    They are met in a pass of one empty image; ``network`` is left evaluating.
    """
    own: dict[int, tuple[int, int]] = {}

    def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
        own.update({id(op): (site, number) for number, op in enumerate(operators)})
        return operators[-1](x)

    with torch.no_grad():
        images = torch.zeros(1, image.channels, image.size, image.size)
        relaxation.logits(network.eval(), images, hook)
    named = network.named_modules()
    return {name: own[id(module)] for name, module in named if id(module) in own}


def narrowed(layer: torch.nn.Module, part: Callable[[int], int]) -> torch.nn.Module:
    """``layer`` with ``part(n)`` of each n channels and groups, freshly initialised.

    Raises what ``part`` raises of a number that it cannot part.
    """
    from searchspaces.batchnorm import BatchNorm

    if isinstance(layer, torch.nn.Conv2d):
        shape = layer.kernel_size, layer.stride, layer.padding, layer.dilation
        groups = part(layer.groups) if layer.groups > 1 else 1
        channels = part(layer.in_channels), part(layer.out_channels)
        return torch.nn.Conv2d(*channels, *shape, groups, layer.bias is not None)
    if isinstance(layer, BatchNorm):
        return BatchNorm(part(layer.num_features), layer.momentum or 0.1, layer.affine)
    for name, child in list(layer.named_children()):
        layer.add_module(name, narrowed(child, part))
    return layer
