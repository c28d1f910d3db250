"""What a space promises about its supernet, forward and in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from harness.conformance.subjects import SupernetSubject, seeded, tensors, through_a_file

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def _apart(found: Any, expected: Any, **tolerance: float) -> str:
    """How tensors, or nests of them, differ; empty where they do not."""
    try:
        torch.testing.assert_close(found, expected, **tolerance)
    except AssertionError as error:
        return " ".join(str(error).split())
    return ""


def _changed(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of what is in one only, or not the same bit by bit."""
    other = first.keys() ^ second.keys()
    return sorted(other | {n for n in first.keys() - other if not torch.equal(first[n], second[n])})


def _backward(network: Any, batch: tuple[torch.Tensor, torch.Tensor], path: Any = None) -> None:
    """Leave the gradient of a training step in ``network``."""
    network.zero_grad(set_to_none=True)
    x, y = batch
    cross_entropy(seeded(1, network, x, path), y).backward()


def seed_fixes_the_initial_weights(subject: SupernetSubject) -> Iterator[str]:
    arch, image = subject.of.archs[0], subject.of.image
    builders = {
        "supernet": subject.build,
        "stand-alone network": lambda seed: seeded(seed, subject.of.space.standalone, arch, image),
    }
    for what, build in builders.items():
        first, again, other = (tensors(build(seed)) for seed in (0, 0, 1))
        if changed := _changed(first, again):
            yield f"equal seeds give the {what} different weights: {changed[0]}."
        if not _changed(first, other):
            yield f"different seeds give the {what} the same weights."


def subnet_gives_the_logits_of_its_path(subject: SupernetSubject) -> Iterator[str]:
    x, _ = subject.of.batch
    for training, mode in ((False, "evaluation"), (True, "training")):
        supernet = subject.supernet().train(training)
        seen = []
        for arch in subject.of.archs:
            subnet = supernet.subnet(arch)
            if subnet.training is not training:
                yield f"the subnet of a supernet in {mode} is not in {mode}."
            seen.append(seeded(1, supernet, x, arch))
            if how := _apart(seeded(1, subnet, x), seen[-1], **CLOSE):
                yield f"in {mode} the subnet of {arch} gives other logits than its path: {how}"
        if all(torch.equal(logits, seen[0]) for logits in seen[1:]):
            yield f"in {mode} all paths give the same logits."


def a_hook_that_runs_the_operators_of_the_path_is_the_path(
    subject: SupernetSubject,
) -> Iterator[str]:
    """Except for rounding: a BN of training makes up to 0.001 of a constant, not zero."""
    space, supernet, (x, _) = subject.of.space, subject.supernet(), subject.of.batch
    for arch in subject.of.archs:
        numbers = set()

        def hook(site: int, operators: Any, y: Any, arch: Any = arch, seen: Any = numbers) -> Any:
            if len(operators) != len(space.sites[site].operators):
                seen.add((space.sites[site].name, len(operators)))
            return operators[arch[site]](y)

        expected = seeded(1, supernet.features, x, arch)
        hooked = seeded(1, supernet.features, x, arch, hook)
        for name, number in sorted(numbers):
            yield f"a hook at {name} gets {number} operators, which is not how many it has."
        if how := _apart(hooked, expected, rtol=0, atol=0.01):
            yield f"a hook that runs the operators of {arch} gives other outputs than its path: {how}"


def state_goes_to_a_file_and_back(subject: SupernetSubject) -> Iterator[str]:
    supernet, other, (x, _) = subject.supernet(), subject.build(2), subject.of.batch
    other.load_state_dict(through_a_file(supernet.state_dict()))
    for arch in subject.of.archs:
        if not torch.equal(other.eval()(x, arch), supernet.eval()(x, arch)):
            yield f"with a supernet's state from a file {arch} gives other logits."


# Training -----------------------------------------------------------------------------------


def gradient_is_that_of_the_subnet_and_nothing_else(subject: SupernetSubject) -> Iterator[str]:
    """Narrow operators may share the leading slices of wide ones; the rest has no gradient.

    Parts of a subnet without gradient must be parts that its logits do not depend on.
    """
    supernet, batch = subject.supernet(), subject.of.batch
    for arch in subject.of.archs:
        subnet = supernet.subnet(arch)
        _backward(supernet, batch, arch)
        _backward(subnet, batch)
        own, shared = dict(subnet.named_parameters()), dict(supernet.named_parameters())
        if unknown := sorted(own.keys() - shared.keys()):
            yield f"the subnet of {arch} has a parameter that the supernet has not: {unknown[0]}."
            continue
        reached = {name for name, parameter in own.items() if parameter.grad is not None}
        trained = {name for name, parameter in shared.items() if parameter.grad is not None}
        for name in sorted(trained ^ reached):
            where = (
                "the path of {} and not its subnet" if name in trained else "only the subnet of {}"
            )
            yield f"a step of {where.format(arch)} has a gradient for {name}."
        for name in sorted(reached & trained):
            leading = tuple(map(slice, own[name].shape))
            rest = shared[name].grad.clone()
            if how := _apart(rest[leading], own[name].grad, rtol=1e-3, atol=1e-5):
                yield f"the path of {arch} has another gradient for {name} than its subnet: {how}"
            rest[leading] = 0
            if rest.any():
                yield f"a step of {arch} has a gradient for parts of {name} that it does not use."
        before = seeded(1, subnet, batch[0])
        with torch.no_grad():
            for name in own.keys() - reached:
                own[name].normal_()
        if not torch.equal(seeded(1, subnet, batch[0]), before):
            yield f"logits of {arch} depend on parameters that have no gradient."


def a_step_leaves_alone_what_its_path_does_not_use(subject: SupernetSubject) -> Iterator[str]:
    """Bit by bit, although momentum and weight decay of earlier steps could go on."""
    supernet = subject.supernet()
    optimizer = torch.optim.SGD(supernet.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for arch in subject.of.archs:
        before, used = tensors(supernet), supernet.subnet(arch).state_dict().keys()
        _backward(supernet, subject.of.batch, arch)
        optimizer.step()
        after = supernet.state_dict()
        moved = {name for name in before if not torch.equal(after[name], before[name])}
        if others := sorted(moved - used):
            yield f"a step of {arch} moves {others[0]}, which its subnet has not."
        parameters = supernet.named_parameters()
        reached = {n for n, p in parameters if p.grad is not None and p.grad.any()}
        if not reached:
            yield f"a step of {arch} has no gradient."
        if still := sorted(reached - moved):
            yield f"a step of {arch} has a gradient for {still[0]} and does not move it."


def training_a_subnet_leaves_the_supernet_alone(subject: SupernetSubject) -> Iterator[str]:
    supernet = subject.supernet()
    before = tensors(supernet)
    for arch in subject.of.archs:
        subnet = supernet.subnet(arch)
        _backward(subnet, subject.of.batch)
        with torch.no_grad():
            for parameter in subnet.parameters():  # also those that this batch has no gradient for
                parameter.add_(1)
        if changed := _changed(tensors(supernet), before):
            yield f"training the subnet of {arch} changes the supernet's {changed[0]}."


SUPERNET_CHECKS = (
    seed_fixes_the_initial_weights,
    subnet_gives_the_logits_of_its_path,
    a_hook_that_runs_the_operators_of_the_path_is_the_path,
    state_goes_to_a_file_and_back,
    gradient_is_that_of_the_subnet_and_nothing_else,
    a_step_leaves_alone_what_its_path_does_not_use,
    training_a_subnet_leaves_the_supernet_alone,
)
