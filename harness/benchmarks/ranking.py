"""``nas-harness bench ranking``: architectures that share beginnings, or one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch

from harness.benchmarks.measuring import Ratio, Result, head, most_held, one_thread, said, seconds
from harness.config.config import SupernetScale
from harness.files.progress import bar
from harness.tabular.ground_truth import usual_scale
from harness.tasks import IMAGES
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task
from methods.base import Method, Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.spos import SPOS, SPOSOptions
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.chain.space import ChainSpace
from searchspaces.chain.tree import prefixes
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201
from searchspaces.registry import SPACES

MOST = 100_000  # encodings of a space whose distinct architectures are listed


def measure(
    space: str,
    task: str,
    scale: str,
    bn: str,
    architectures: int,
    chunks: int,
    repeats: int,
    images: int,
    batch_size: int,
    seed: int,
    calibration_images: int = 0,
) -> Result:
    """Both ways timed chunk by chunk in turn, on chunks spread evenly over the whole ranking.

    Seconds are those of the process, on one thread. Those of the whole ranking are what an
    architecture took one by one, and a distinct subnet together, times how many there are; chunks
    share more or less, and ``ratio`` is that of the chunks timed. Raises :class:`UsageError` for a
    space whose architectures share nothing, and for more architectures than there are.
    """
    chosen = SPACES[space](scale or usual_scale(space, task))
    if not isinstance(chosen, ChainSpace | NASBench201):
        raise UsageError(
            f"architectures of {space} are ranked one by one; take nb201 or a chain such as macro."
        )
    rng = np.random.default_rng(seed)
    archs = choose(chosen, architectures, rng)
    calibration_images = calibration_images or images
    scoring = Scoring(bn=bn, calibration_images=calibration_images, batch_size=batch_size)
    data = random_images(seen_images(task, chosen), images, rng, calibration_images)
    setting = Setting(chosen, data, Recipe(), scoring, SearchLimits(), seed, torch.device("cpu"))
    method = SPOS(setting, SPOSOptions())
    every = [[archs[position] for position in chunk] for chunk in method.chunks(archs)]
    taken, picked, difference = _time(method, every, chunks, repeats)
    timed, subnets = sum(map(len, picked)), [_subnets(method, chunk) for chunk in picked]
    all_subnets = sum(_subnets(method, chunk) for chunk in every)
    conditions = head(
        "ranking",
        space=space,
        scale=chosen.scale,
        task=task,
        bn=bn,
        images=images,
        calibration_images=calibration_images,
        batch_size=batch_size,
        seed=seed,
        architectures=len(archs),
    )
    return conditions | {
        "timed": {
            "repeats": repeats,
            "chunks": len(picked),
            "architectures": timed,
            "subnets": sum(subnets),
            "one_by_one": float(taken[0].sum() / timed),
            "together": float(taken[1].sum() / timed),
        },
        "whole": {
            "subnets": all_subnets,
            "one_by_one": float(taken[0].sum() * len(archs) / timed),
            "together": float(taken[1].sum() * all_subnets / sum(subnets)),
        },
        "ratio": Ratio.of(*taken.tolist()).to_dict(),
        "largest_difference": difference,
        "block_evaluations": _blocks(method, every) if isinstance(chosen, ChainSpace) else None,
        "held_mb": _held(method, picked[int(np.argmax(subnets))]) / 1e6,
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    timed, whole = result["timed"], result["whole"]
    return "\n".join(
        [
            f"{result['architectures']:,} architectures of {result['space']} "
            f"({result['scale']}), BN {result['bn']}, {result['calibration_images']} images to "
            f"calibrate and {result['images']} to score, {result['device']}, one thread",
            f"timed: {timed['architectures']:,} of them in {timed['chunks']} chunks, "
            f"{timed['subnets']:,} distinct subnets; repeats: {timed['repeats']}",
            f"one by one   {1e3 * timed['one_by_one']:8.1f} ms per architecture",
            f"together     {1e3 * timed['together']:8.1f} ms per architecture",
            f"ratio        {said(result['ratio'])}",
            f"ranking all: {whole['one_by_one'] / 60:,.1f} CPU minutes one by one, "
            f"{whole['together'] / 60:,.1f} together ({whole['subnets']:,} subnets in chunks), "
            f"ratio {whole['one_by_one'] / whole['together']:.2f}",
            f"largest difference of scores {result['largest_difference']:g}",
            *blocks(result["block_evaluations"]),
            f"activations and scores held: at most {result['held_mb']:.1f} MB",
        ]
    )


def blocks(evaluations: dict[str, int] | None) -> list[str]:
    """How many blocks are run, of a chain."""
    if evaluations is None:
        return []
    return [
        f"block evaluations per batch of images: {evaluations['one_by_one']:,} one by one, "
        f"{evaluations['in_chunks']:,} in chunks, {evaluations['distinct']:,} distinct"
    ]


def choose(space: SearchSpace, number: int, rng: np.random.Generator) -> list[Arch]:
    """So many architectures at random, or all of them for 0; ascending.

    Of a chain those that are distinct; of NAS-Bench-201, as a table of it lists them, all.
    """
    if space.size > MOST:
        if not number:
            raise UsageError(f"{space.name} has {space.size:,} encodings; give --architectures.")
        found: dict[str, None] = {}
        while len(found) < number:
            found[space.canonical(space.sample(rng))] = None
        return sorted(map(space.decode, found))
    every = list(product(*(range(len(site.operators)) for site in space.sites)))
    if isinstance(space, ChainSpace):
        keys = {space.canonical(arch) for arch in every if space.is_valid(arch)}
        every = [space.decode(key) for key in sorted(keys)]
    if number > len(every):
        raise UsageError(f"{space.name} has {len(every):,} architectures, not {number:,}.")
    chosen = rng.choice(len(every), number, replace=False) if number else range(len(every))
    return sorted(every[row] for row in chosen)


def seen_images(task: str, space: SearchSpace) -> ImageSpec:
    """What networks of ``space`` see of a task's images: a proxy fewer pixels."""
    image = IMAGES[task]
    return replace(image, size=SupernetScale(scale=space.scale).side(image.size))


def random_images(
    image: ImageSpec, number: int, rng: np.random.Generator, training: int = 0
) -> Task:
    """A task of noise, for the work does not depend on what images show; each part has ``number``.

    But the training part has ``training``, if given.
    """

    def split(number: int = number) -> Split:
        shape = (number, image.channels, image.size, image.size)
        pixels = torch.from_numpy(rng.integers(256, size=shape, dtype=np.uint8))
        return Split(pixels, torch.from_numpy(rng.integers(image.classes, size=number)))

    mean, deviation = (127.5,) * image.channels, (73.9,) * image.channels
    return Task(
        "noise", image, split(training or number), split(), split(), mean, deviation, Augmentation()
    )


def _subnets(method: Method, archs: Sequence[Arch]) -> int:
    """Distinct ones among ``archs``."""
    supernet = method.supernet
    key = supernet.steps if isinstance(method.space, ChainSpace) else supernet.key
    return len(set(map(key, archs)))


@torch.no_grad()
def _held(method: Method, archs: Sequence[Arch]) -> int:
    """Most bytes held at a time while ``archs`` go together through the largest batch of images."""
    how, network = method.setting.scoring, method.supernet.together(archs).eval()
    images = max(how.batch_size, how.calibration_images if how.bn == "recalibrate" else 0)
    x, _ = next(method.data.batches("train", images))
    return most_held(lambda: network(x))


def _blocks(method: Method, every: Sequence[Sequence[Arch]]) -> dict[str, int]:
    """How many blocks of a chain are run for one batch of images."""
    steps = [[method.supernet.steps(arch) for arch in chunk] for chunk in every]
    return {
        "one_by_one": sum(len(chain) for chunk in steps for chain in chunk),
        "in_chunks": sum(len(prefixes(chunk)) for chunk in steps),
        "distinct": len(prefixes([chain for chunk in steps for chain in chunk])),
    }


def _time(
    method: Method, every: Sequence[Sequence[Arch]], chunks: int, repeats: int
) -> tuple[np.ndarray, list[Sequence[Arch]], float]:
    """Seconds ``[2, repeats]``, the chunks that were timed, largest difference of scores."""
    total = repeats * min(chunks or len(every), len(every))
    picked = [every[(2 * i + 1) * len(every) // (2 * total)] for i in range(total)]

    def one_by_one(archs: Sequence[Arch]) -> list[float]:
        return [method.validation_score(method.supernet.subnet(arch)) for arch in archs]

    ways = (one_by_one, method.score)
    taken, difference = np.zeros((2, repeats)), 0.0
    with one_thread(), bar(sum(map(len, picked)), "bench", "architecture") as progress:
        for way in ways:
            way(picked[0][:2])  # what only the first call costs
        for number, archs in enumerate(picked):
            scores = {}
            for way in (0, 1) if number % 2 else (1, 0):
                spent, result = seconds(lambda w=way, a=archs: ways[w](a))
                taken[way, number % repeats] += spent
                scores[way] = np.array(result)
            difference = max(difference, float(abs(scores[0] - scores[1]).max()))
            progress.update(len(archs))
    return taken, picked, difference
