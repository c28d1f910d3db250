"""Weights that a stand-alone training begins with, where they are not drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn

from searchspaces.errors import UsageError


def take_weights(network: nn.Module, weights: Mapping[str, torch.Tensor]) -> list[str]:
    """Give ``network`` what ``weights`` have of its tensors; a sentence on each kind of difference.

    A network of shared weights may lack the scale and shift of BNs, and have BNs that stand-alone
    networks have not. A bias that it has before a BN becomes a part of the BN's mean. Raises
    :class:`UsageError` for tensors of other shapes, and where it has none.
    """
    own = network.state_dict()
    common = [name for name in own if name in weights]
    if not common:
        raise UsageError("the weights to begin with are of another kind of network than this one.")
    for name in common:
        here, there = (list(tensors[name].shape) for tensors in (own, weights))
        if here != there:
            raise UsageError(
                f"the weights to begin with are of a network of another size or task: {name} is "
                f"{there} there and {here} here; leave --task, --scale, --width and --cells out."
            )
    taken = {name: weights[name] for name in common}
    unused = [name for name in weights if name not in own]
    for name in list(unused):
        mean = _mean_behind(name)
        if mean in taken:
            taken[mean] = taken[mean] - weights[name]
            unused.remove(name)
    network.load_state_dict(taken, strict=False)
    fresh = [name for name in own if name not in weights]
    return [
        *_counted(fresh, "of the network are not among them and begin as usual"),
        *_counted(unused, "among them are of layers that stand-alone networks do not have"),
    ]


def _mean_behind(bias: str) -> str:
    """Of the layer that follows the one with this ``bias`` in a sequence; empty for no bias."""
    sequence, _, number = bias.removesuffix(".bias").rpartition(".")
    follows = bias.endswith(".bias") and number.isdecimal()
    return f"{sequence}.{int(number) + 1}.running_mean" if follows else ""


def _counted(names: Collection[str], what: str) -> list[str]:
    return [f"{len(names)} tensors {what}, such as {min(names)}."] if names else []
