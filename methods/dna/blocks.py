"""The stages of architectures, each scored once by itself, and the best way to combine them.

A stage gets features of another network, so that its error depends on the choices inside it alone:
where each stage reads sites of its own, as in chains, few blocks tell the errors of all
architectures (63 those of NAS-Bench-Macro's 6,561).
"""

from __future__ import annotations

import math
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
    def numbers(self) -> list[int]:
        """Of blocks of each stage."""
        sizes = [len(site.operators) for site in self.space.sites]
        return [math.prod(sizes[site] for site in own) for own in self.sites]

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


class Stage:
    """What one stage is given of the scored images, and of those that calibrate its networks.

    ``give`` makes of images ``[B, C, H, W]`` a sequence whose first is the stage's input; ``given``
    has these of each batch of the validation images.
    """

    def __init__(
        self,
        number: int,
        give: Callable[[torch.Tensor], Sequence[State]],
        data: Data,
        scoring: Scoring,
    ):
        self.number, self.give, self.data, self.scoring = number, give, data, scoring
        images = first_batches(data, "val", scoring.images, scoring.batch_size)
        self.given = [give(x) for x, _ in images]
        self.kept: list[State] = []  # for the calibration images, for network after network

    def outputs(self, network: Supernet) -> list[torch.Tensor]:
        """Of the stage of ``network`` for each batch, BN statistics as the scoring says."""
        scoring = self.scoring
        if scoring.bn == "recalibrate":
            sizes = scoring.calibration_images, scoring.calibration_batch
            recalibrate(network, self.data, *sizes, run=self._calibrating(network))
        network.train(scoring.bn == "batchstat")
        with torch.no_grad():
            return [network.stage(self.number, given[0])[-1] for given in self.given]

    def _calibrating(self, network: Supernet) -> Callable[[torch.Tensor], None]:
        """Sends the stage's inputs of one batch after the other through ``network``."""
        place = count()

        def run(x: torch.Tensor) -> None:
            number = next(place)
            if number == len(self.kept):
                self.kept.append(self.give(x)[0])
            network.stage(self.number, self.kept[number])

        return run


def score_blocks(
    blocks: Blocks,
    archs: Iterable[Arch],
    stage: Callable[[int], tuple[Stage, Sequence[torch.Tensor]]],
    network: Callable[[int, Arch], Supernet],
    error: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> None:
    """Add the errors of all blocks of ``archs`` that ``blocks`` does not know, times 100.

    ``stage`` gives the stage of a number, and of each batch what its output is to come near to;
    ``network`` a network with the stage as an architecture has it. ``error`` of both is the mean
    over images. A device is waited for once.
    """
    found: dict[Block, torch.Tensor] = {}
    missing: dict[int, dict[Block, Arch]] = {}
    for arch in archs:
        for block in blocks.of(arch):
            if block not in blocks.errors:
                missing.setdefault(block[0], {}).setdefault(block, arch)
    for number, todo in missing.items():
        scored, goals = stage(number)
        images = sum(map(len, goals))
        for block, arch in todo.items():
            outputs = zip(scored.outputs(network(number, arch)), goals, strict=True)
            with torch.no_grad():
                found[block] = sum(error(*pair) * len(pair[1]) for pair in outputs) / images
    if found:
        values = Reading(torch.stack(list(found.values()))).numpy().tolist()
        blocks.errors.update({b: 100 * value for b, value in zip(found, values, strict=True)})


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
