"""What ``nas-harness bench ranking`` measures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import torch

from harness.benchmarks.spread import Ratio
from harness.environment import describe_device
from harness.progress import bar
from harness.tabular.cost import usual_scale
from harness.tasks import IMAGES
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task
from methods.base import Method, Setting
from methods.options import Recipe, Scoring, SearchLimits, SPOSOptions
from methods.spos import SPOS
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.chain import ChainSpace
from searchspaces.errors import UsageError
from searchspaces.prefix_tree import prefixes
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
) -> dict[str, Any]:
    """Both ways timed chunk by chunk in turn, on chunks spread evenly over the whole ranking.

    Seconds are those of the process, on one thread. Raises :class:`UsageError` for what is no
    chain, and for more architectures than there are.
    """
    chosen = SPACES[space](scale or usual_scale(space, task))
    if not isinstance(chosen, ChainSpace):
        raise UsageError(f"{space} is no chain of layers; take macro, for instance.")
    rng = np.random.default_rng(seed)
    archs = choose(chosen, architectures, rng)
    scoring = Scoring(bn=bn, calibration_images=images, batch_size=batch_size)
    data = random_images(IMAGES[task], images, rng)
    device = torch.device("cpu")
    setting = Setting(chosen, data, Recipe(), scoring, SearchLimits(), seed, device)
    method = SPOS(setting, SPOSOptions())
    every = [[archs[position] for position in chunk] for chunk in method.chunks(archs)]
    seconds, chunks, timed, difference = _time(method, every, chunks, repeats)
    steps = [[method.supernet.steps(arch) for arch in chunk] for chunk in every]
    return {
        "benchmark": "ranking",
        "space": space,
        "scale": chosen.scale,
        "task": task,
        "bn": bn,
        "images": images,
        "batch_size": batch_size,
        "seed": seed,
        "architectures": len(archs),
        "device": describe_device(device),
        "torch": torch.__version__,
        "timed": {
            "repeats": repeats,
            "chunks": chunks,
            "architectures": timed,
            "one_by_one": float(seconds[0].sum() / timed),
            "together": float(seconds[1].sum() / timed),
        },
        "ratio": Ratio.of(*seconds.tolist()).to_dict(),
        "largest_difference": difference,
        "block_evaluations": {
            "one_by_one": sum(len(chain) for chunk in steps for chain in chunk),
            "in_chunks": sum(len(prefixes(chunk)) for chunk in steps),
            "distinct": len(prefixes([chain for chunk in steps for chain in chunk])),
        },
        "held_mb": held_bytes(method, archs, min(batch_size, images)) / 1e6,
    }


def choose(space: SearchSpace, number: int, rng: np.random.Generator) -> list[Arch]:
    """So many distinct architectures at random, or all of them for 0; ascending."""
    if space.size > MOST:
        if not number:
            raise UsageError(f"{space.name} has {space.size:,} encodings; give --architectures.")
        found: dict[str, None] = {}
        while len(found) < number:
            found[space.canonical(space.sample(rng))] = None
        return sorted(map(space.decode, found))
    every = product(*(range(len(site.operators)) for site in space.sites))
    keys = sorted({space.canonical(arch) for arch in every if space.is_valid(arch)})
    if number > len(keys):
        raise UsageError(f"{space.name} has {len(keys):,} distinct architectures, not {number:,}.")
    chosen = rng.choice(len(keys), number, replace=False) if number else range(len(keys))
    return sorted(space.decode(keys[row]) for row in chosen)


def random_images(image: ImageSpec, number: int, rng: np.random.Generator) -> Task:
    """A task of noise: the work does not depend on what images show."""

    def split() -> Split:
        shape = (number, image.channels, image.size, image.size)
        pixels = torch.from_numpy(rng.integers(256, size=shape, dtype=np.uint8))
        return Split(pixels, torch.from_numpy(rng.integers(image.classes, size=number)))

    mean, deviation = (127.5,) * image.channels, (73.9,) * image.channels
    return Task("noise", image, split(), split(), split(), mean, deviation, Augmentation())


def held_bytes(method: Method, archs: Sequence[Arch], batch: int) -> int:
    """Most that is held between blocks: all outputs along one architecture, for one batch."""
    supernet = method.supernet
    stem, _ = supernet.ends()
    links = [supernet.link(*step) for step in max(map(supernet.steps, archs), key=len)]
    x, _ = next(method.data.batches("val", 1))
    held = 0
    with torch.no_grad():
        for block in (stem, *links):
            x = block.eval()(x)
            held += x.nbytes
    return batch * held


def _time(
    method: Method, every: Sequence[Sequence[Arch]], chunks: int, repeats: int
) -> tuple[np.ndarray, int, int, float]:
    """Seconds ``[2, repeats]``, chunks and architectures timed, largest difference of scores."""
    chunks = min(chunks or len(every), len(every))
    total = repeats * chunks
    picked = [every[(2 * i + 1) * len(every) // (2 * total)] for i in range(total)]

    def one_by_one(archs: Sequence[Arch]) -> list[float]:
        return [method.validation_accuracy(method.supernet.subnet(arch)) for arch in archs]

    ways = (one_by_one, method.score)
    seconds, difference = np.zeros((2, repeats)), 0.0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for way in ways:
            way(picked[0][:2])  # what only the first call costs
        with bar(sum(map(len, picked)), "bench", "architecture") as progress:
            for number, archs in enumerate(picked):
                scores = {}
                for way in (0, 1) if number % 2 else (1, 0):
                    began = time.process_time()
                    scores[way] = np.array(ways[way](archs))
                    seconds[way, number % repeats] += time.process_time() - began
                difference = max(difference, float(abs(scores[0] - scores[1]).max()))
                progress.update(len(archs))
    finally:
        torch.set_num_threads(threads)
    return seconds, total, sum(map(len, picked)), difference
