"""How much the operators of each site differ in what they do to a batch of images (EnNAS eq. 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from methods.batchnorm import frozen_statistics
from methods.transfer import Reading, to_device
from searchspaces.base import Arch
from searchspaces.errors import UsageError
from searchspaces.supernet import Operator, Supernet


@torch.no_grad()
def diversity_tables(
    network: Supernet, images: torch.Tensor, wiring: Arch, rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """ζ of every operator site that one pass of ``images`` ``[B, C, H, W]`` comes to.

    Each site applies all T operators to all of its input; ζ ``[T, T]`` (float64) is the
    :func:`dissimilarity` of their outputs, averaged over the cells that the site occurs in. What
    goes on is, for each image, the output of one operator, in a balanced random assignment. BN
    uses the statistics of the batch; ``network`` is left as it was. Spaces whose genes wire the
    cell too take these from ``wiring``; a site outside that wiring is not in the answer.

    Raises :class:`UsageError` where outputs are not finite.
    """
    tables: defaultdict[int, list[torch.Tensor]] = defaultdict(list)
    count = len(images)

    def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
        outputs = torch.stack([operator(x) for operator in operators])
        tables[site].append(dissimilarity(outputs))
        assigned = to_device(balanced(count, len(operators), rng), x.device)
        return outputs[assigned, torch.arange(count, device=x.device)]

    training = network.training
    with frozen_statistics(network.train()):
        network.features(images, wiring, hook)
    network.train(training)
    means = [torch.stack(found).mean(0) for found in tables.values()]
    flat = Reading(torch.cat([mean.flatten() for mean in means])).numpy()  # all at once
    ends = np.cumsum([mean.numel() for mean in means])[:-1]
    zeta = {
        site: own.reshape(mean.shape)
        for site, mean, own in zip(tables, means, np.split(flat, ends), strict=True)
    }
    if not all(np.isfinite(table).all() for table in zeta.values()):
        raise UsageError("the supernet's activations are not finite; lower the learning rate.")
    return zeta


def dissimilarity(outputs: torch.Tensor) -> torch.Tensor:
    """One minus the mean cosine of two operators' outputs for the same image.

    ``outputs`` ``[T, B, ...]`` to float64 ``[T, T]``, symmetric, between 0 and 2, with a zero
    diagonal. An output that is zero throughout, that of ``none``, has cosine 0 with any other.
    """
    unit = functional.normalize(outputs.flatten(2).float(), dim=2).flatten(1)
    cosines = (unit @ unit.T).double() / outputs.shape[1]
    return (1 - (cosines + cosines.T) / 2).clamp(0, 2).fill_diagonal_(0)


def balanced(images: int, operators: int, rng: np.random.Generator) -> np.ndarray:
    """A random operator for each image, int64 ``[images]``; counts differ by one at most."""
    return (rng.permutation(images) + rng.integers(operators)) % operators
