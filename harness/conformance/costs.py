"""What a space promises about cost and about its stand-alone networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.conformance.subjects import SpaceSubject, seeded
from searchspaces.base import Cost, ImageSpec
from searchspaces.errors import UsageError
from searchspaces.supernet import Supernet


def cost_is_that_of_the_standalone_network(subject: SpaceSubject) -> Iterator[str]:
    """Multiply-adds may count the classifier's bias, and parts that no forward pass runs."""
    space, image = subject.space, subject.image
    for spec in (image, ImageSpec(image.channels + 1, image.size + 5, 7)):
        biases = set()
        for arch in subject.archs:
            network, cost = space.standalone(arch, spec), space.cost(arch, spec)
            what = f"of {space.encode(arch)} on {spec}"
            built = _built_cost(network, spec)
            if cost.params != built.params:
                yield f"cost() says {cost.params} parameters {what}, built are {built.params}."
            if _runs_whole(network, spec):
                biases.add(cost.madds - built.madds)
            elif cost.madds < built.madds:
                yield f"cost() says {cost.madds} multiply-adds {what}, run are {built.madds}."
        if not biases:
            yield "some part of every sampled network does not run."
        elif biases not in ({0}, {spec.classes}):
            differences = ", ".join(map(str, sorted(biases)))
            yield (
                f"cost() and the networks on {spec} differ by {differences} multiply-adds; 0, or "
                f"always {spec.classes} where the classifier's bias counts, is due."
            )


def _built_cost(network: Supernet, image: ImageSpec) -> Cost:
    params = sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, image.channels, image.size, image.size))
    return Cost(params, counter.get_total_flops() // 2)


def _runs_whole(network: Supernet, image: ImageSpec) -> bool:
    network.train()(torch.randn(2, image.channels, image.size, image.size)).sum().backward()
    return all(parameter.grad is not None for parameter in network.parameters())


def width_changes_the_cost(subject: SpaceSubject) -> Iterator[str]:
    """Where a space refuses a width, there is nothing to check."""
    space, image = subject.space, subject.image
    try:
        narrow, wide = (subject.make(space.scale, width) for width in (16, 24))
    except UsageError:
        return
    if not narrow.sites == wide.sites == space.sites:
        yield "another width changes its sites."
    for arch in subject.archs:
        costs = [chosen.cost(arch, image) for chosen in (narrow, wide)]
        if not (costs[0].params < costs[1].params and costs[0].madds < costs[1].madds):
            yield f"width 24 costs no more than width 16: {costs[1]} beside {costs[0]}."
        for width, chosen, cost in zip((16, 24), (narrow, wide), costs, strict=True):
            built = _built_cost(chosen.standalone(arch, image), image).params
            if built != cost.params:
                yield f"cost() says {cost.params} parameters at width {width}, built are {built}."


def standalone_network_returns_stages_and_logits(subject: SpaceSubject) -> Iterator[str]:
    (x, _), image = subject.batch, subject.image
    for arch in subject.archs:
        network = seeded(0, subject.space.standalone, arch, image)
        stages, logits = seeded(1, network.features, x)
        if not len(stages) == network.stages_number > 0:
            yield f"{len(stages)} stages come out, stages_number is {network.stages_number}."
        for stage in stages:
            if stage.dim() != 4 or len(stage) != len(x):
                yield f"a stage is {list(stage.shape)} for {len(x)} images; [B, C, H, W] is due."
        if logits.shape != (len(x), image.classes):
            yield f"logits are {list(logits.shape)}, not [{len(x)}, {image.classes}]."
        if not torch.equal(seeded(1, network, x), logits):
            yield "forward() and features() give different logits."


def nothing_is_smaller_or_larger_than_its_extremes(subject: SpaceSubject) -> Iterator[str]:
    """By multiply-adds, among what is drawn and its neighbours."""
    space, image = subject.space, subject.image
    smallest, largest = space.extremes(image)
    for arch, word in ((smallest, "smallest"), (largest, "largest")):
        if not space.is_valid(arch):
            yield f"the {word} architecture, {arch}, is not valid."
            return
    rng = np.random.default_rng(4)
    drawn = [*subject.archs, *(space.neighbour(arch, rng) for arch in subject.archs)]
    least, most = (space.cost(arch, image).madds for arch in (smallest, largest))
    for arch in filter(space.is_valid, drawn):
        madds = space.cost(arch, image).madds
        if not least <= madds <= most:
            yield (
                f"{space.encode(arch)} has {madds} multiply-adds, the smallest architecture is said "
                f"to have {least}, the largest {most}."
            )


COST_CHECKS = (
    nothing_is_smaller_or_larger_than_its_extremes,
    cost_is_that_of_the_standalone_network,
    width_changes_the_cost,
    standalone_network_returns_stages_and_logits,
)
