"""``nas-harness bench scorers``: networks that compute the same looked at once, or each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from harness.benchmarks.measuring import Ratio, Result, head, one_thread, said, seconds
from harness.benchmarks.ranking import choose, random_images, seen_images
from harness.files.progress import bar
from harness.tabular.ground_truth import usual_scale
from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import SCORERS, options_class
from methods.scorers.scorer import Scorer
from searchspaces.base import Arch
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, nearest

NOT_HERE = ("ensemble", "short-training")
IMAGES = 512  # of noise to draw batches from


def measure(
    space: str,
    task: str,
    scale: str,
    method: list[str] | None,
    architectures: int,
    chunks: int,
    repeats: int,
    seed: int,
) -> Result:
    """Each scorer on chunks of the whole ranking, as it scores and one network after the other.

    Seconds are those of the process, on one thread. Those of the whole ranking, and their ratio,
    are what a network took times how many are looked at. Raises :class:`UsageError` for what is no
    scorer of networks.
    """
    known = sorted({*SCORERS} - {*NOT_HERE})
    names = method or known
    for name in names:
        if name not in known:
            raise UsageError(f"{name} is no scorer of networks{nearest(name, known)}")
    chosen = SPACES[space](scale or usual_scale(space, task))
    rng = np.random.default_rng(seed)
    archs = [arch for arch in choose(chosen, architectures, rng) if chosen.is_valid(arch)]
    data = random_images(seen_images(task, chosen), IMAGES, rng)
    device = torch.device("cpu")
    setting = Setting(chosen, data, Recipe(), Scoring(), SearchLimits(), seed, device)
    found: dict[str, Result] = {}
    with one_thread(), bar(len(names) * repeats * chunks, "bench", "chunk") as progress:
        for name in names:
            found[name] = _of(name, setting, archs, chunks, repeats, progress.update)
    conditions = head(
        "scorers", space=space, scale=chosen.scale, task=task, seed=seed, architectures=len(archs)
    )
    return conditions | {"repeats": repeats, "chunks": chunks, "scorers": found}


def _of(
    name: str,
    setting: Setting,
    archs: Sequence[Arch],
    chunks: int,
    repeats: int,
    done: Callable[[], None],
) -> Result:
    """Seconds of an architecture by itself and here, of all, their ratio, and how scores differ."""
    kind: type[Scorer] = SCORERS[name]
    by_itself = type(kind.__name__, (kind,), {"of_function": False})
    ways = [one(setting, options_class(name)()) for one in (by_itself, kind)]
    stands_for = ways[1].stands_for
    every = [[archs[place] for place in chunk] for chunk in ways[1].chunks(archs)]
    total = repeats * min(chunks, len(every))
    picked = [every[(2 * i + 1) * len(every) // (2 * total)] for i in range(total)]
    taken, looked, difference = np.zeros((2, repeats)), np.zeros((2, repeats)), 0.0
    for way in ways:
        way.score(picked[0][:1])  # what only the first call costs
    ways[0].load_state_dict(ways[1].state_dict())  # of AZ-NAS: ranks are among the same networks
    for number, chunk in enumerate(picked):
        repeat, scores = number % repeats, {}
        for way in (0, 1) if number % 2 else (1, 0):
            spent, scores[way] = seconds(partial(ways[way].score, chunk))
            taken[way, repeat] += spent
        looked[:, repeat] += len(chunk), len({*map(stands_for, chunk)})
        same = [n for n, arch in enumerate(chunk) if stands_for(arch) == arch]
        difference = max(difference, float(abs(scores[0] - scores[1])[same].max(initial=0)))
        done()
    networks = sum(len({*map(stands_for, chunk)}) for chunk in every)
    whole = taken / looked * [[len(archs)], [networks]]
    return {
        "networks": networks,
        "network": (taken.sum(1) / looked.sum(1)).tolist(),
        "whole": whole.mean(1).tolist(),
        "ratio": Ratio.of(*whole.tolist()).to_dict(),
        "largest_difference": difference,
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    lines = [
        f"{result['architectures']:,} architectures of {result['space']} ({result['scale']}), "
        f"{result['device']}, one thread; chunks timed: {result['chunks'] * result['repeats']}",
        f"{'':<10} {'ms a network':>12} {'networks':>9} {'CPU minutes':>12} {'each alone':>11}  ratio",
    ]
    for name, found in result["scorers"].items():
        alone, here = (taken / 60 for taken in found["whole"])
        lines.append(
            f"{name:<10} {1e3 * found['network'][1]:12.1f} {found['networks']:9,} {here:12.1f} "
            f"{alone:11.1f} {said(found['ratio'])}"
        )
    here = sum(found["whole"][1] for found in result["scorers"].values()) / 60
    gap = max(found["largest_difference"] for found in result["scorers"].values())
    lines.append(f"all of these: {here:,.1f} CPU minutes")
    lines.append(f"largest difference of scores of a network that is looked at both ways {gap:g}")
    return "\n".join(lines)
