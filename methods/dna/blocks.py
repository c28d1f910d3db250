"""The stages of architectures, each scored once by itself, and the best way to combine them.

A stage gets the teacher's features, so that its error depends on the choices inside it alone:
where each stage reads sites of its own, as in chains, few blocks tell the errors of all
architectures (63 those of NAS-Bench-Macro's 6,561).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count, product
from typing import TYPE_CHECKING

import numpy as np

from methods.data import Data, first_batches
from methods.lazy import functional, torch
from methods.options import Scoring
from methods.scoring import recalibrate
from methods.transfer import Reading
from searchspaces.base import Arch, SearchSpace

if TYPE_CHECKING:
    from searchspaces.supernet import State, Supernet

Block = tuple[int, Arch]
"""A stage and the genes that it reads."""


class Blocks:
    """The stages of a space, and what is known of their blocks' errors."""

    def __init__(self, space: SearchSpace, stages: int):
        own = space.stage_sites()
        self.space = space
        self.apart = own is not None
        self.sites = own or [range(len(space.sites))] * stages
        self.errors: dict[Block, float] = {}

    def of(self, arch: Arch) -> list[Block]:
        return [(n, tuple(arch[site] for site in own)) for n, own in enumerate(self.sites)]

    def error(self, arch: Arch) -> float:
        """The mean over its stages, all of which must be known."""
        return float(np.mean([self.errors[block] for block in self.of(arch)]))

    @property
    def number(self) -> int:
        """Of blocks of all stages."""
        sizes = [len(site.operators) for site in self.space.sites]
        return sum(int(np.prod([sizes[site] for site in own])) for own in self.sites)

    def all(self) -> Iterator[Arch]:
        """Architectures in which every block stands at least once."""
        sizes = [len(site.operators) for site in self.space.sites]
        choices = [list(product(*(range(sizes[site]) for site in own))) for own in self.sites]
        for number in range(max(map(len, choices))):
            genes = [0] * len(sizes)
            for own, blocks in zip(self.sites, choices, strict=True):
                for site, gene in zip(own, blocks[number % len(blocks)], strict=True):
                    genes[site] = gene
            yield tuple(genes)

    def best_first(self, tries: int) -> Iterator[Arch]:
        """At most ``tries`` architectures of known blocks, from the smallest error on."""
        ranked: list[list[tuple[float, Arch]]] = [[] for _ in self.sites]
        for (stage, genes), error in self.errors.items():
            ranked[stage].append((error, genes))
        for stage in ranked:
            stage.sort()
        first = (0,) * len(ranked)
        queue, seen = [(sum(stage[0][0] for stage in ranked), first)], {first}
        for _ in range(tries):
            if not queue:
                return
            total, places = heappop(queue)
            yield self._joined(
                [stage[place][1] for stage, place in zip(ranked, places, strict=True)]
            )
            for number, place in enumerate(places):
                further = (*places[:number], place + 1, *places[number + 1 :])
                if place + 1 < len(ranked[number]) and further not in seen:
                    step = ranked[number][place + 1][0] - ranked[number][place][0]
                    heappush(queue, (total + step, further))
                    seen.add(further)

    def _joined(self, parts: Sequence[Arch]) -> Arch:
        genes = {
            site: gene
            for own, part in zip(self.sites, parts, strict=True)
            for site, gene in zip(own, part, strict=True)
        }
        return tuple(genes[site] for site in range(len(genes)))


def score_blocks(
    blocks: Blocks,
    archs: Iterable[Arch],
    supernet: Supernet,
    teacher_states: Callable[[torch.Tensor], list[State]],
    data: Data,
    scoring: Scoring,
) -> None:
    """Add the errors of all blocks of ``archs`` that ``blocks`` does not know, in percent.

    Each is the error of :func:`relative_error` on the validation images, BN statistics as
    ``scoring`` says. What the teacher makes of the images is computed once a stage. A device is
    waited for once.
    """
    found: dict[Block, torch.Tensor] = {}
    missing: dict[int, dict[Block, Arch]] = {}
    for arch in archs:
        for block in blocks.of(arch):
            if block not in blocks.errors:
                missing.setdefault(block[0], {}).setdefault(block, arch)
    for stage, todo in missing.items():
        inputs = StageInputs(stage, teacher_states)
        scored = [
            (states[stage], states[stage + 1][-1])
            for x, _ in first_batches(data, "val", scoring.images, scoring.batch_size)
            for states in [teacher_states(x)]
        ]
        for block, arch in todo.items():
            subnet = supernet.subnet(arch)
            if scoring.bn == "recalibrate":
                sizes = scoring.calibration_images, scoring.calibration_batch
                recalibrate(subnet, data, *sizes, run=inputs.calibrated(subnet))
            subnet.train(scoring.bn == "batchstat")
            with torch.no_grad():
                errors = [
                    relative_error(subnet.stage(stage, state)[-1], target) * len(target)
                    for state, target in scored
                ]
            images = sum(len(target) for _, target in scored)
            found[block] = sum(errors) / images
    if found:
        values = Reading(torch.stack(list(found.values()))).numpy().tolist()
        blocks.errors.update({b: 100 * value for b, value in zip(found, values, strict=True)})


class StageInputs:
    """What the teacher gives a stage for the calibration images, kept for block after block."""

    def __init__(self, stage: int, teacher_states: Callable[[torch.Tensor], list[State]]):
        self.stage, self.teacher_states = stage, teacher_states
        self.kept: list[State] = []

    def calibrated(self, subnet: Supernet) -> Callable[[torch.Tensor], None]:
        """Sends the stage's inputs of one batch after the other through ``subnet``."""
        place = count()

        def run(x: torch.Tensor) -> None:
            number = next(place)
            if number == len(self.kept):
                self.kept.append(self.teacher_states(x)[self.stage])
            subnet.stage(self.stage, self.kept[number])

        return run


def relative_error(
    output: torch.Tensor,
    target: torch.Tensor,
    variance: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Mean squared error over the variance of the teacher's output ``target``, a scalar.

    ``variance`` tells that of a batch of which the outputs are a part; by default they are the
    whole.
    """
    return functional.mse_loss(output, target) / (variance or torch.var)(target).clamp(min=1e-12)
