"""``nas-harness bench training``: what the harness adds to a bare loop of the same steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.benchmarks.measuring import Ratio, Result, head, said, seconds, waits
from harness.benchmarks.ranking import random_images, seen_images
from harness.running.training import train_supernet
from harness.running.watching import one_thread
from harness.tabular.ground_truth import usual_scale
from methods.base import PATHS, Method, Setting, set_learning_rate
from methods.options import Recipe, Scoring, SearchLimits
from methods.spos import SPOS, SPOSOptions
from searchspaces.registry import SPACES

IMAGES_NUMBER = 3000


def measure(
    space: str, task: str, scale: str, steps: int, repeats: int, batch_size: int, seed: int
) -> Result:
    """Both ways in turns, repeat after repeat on with the same training."""
    chosen = SPACES[space](scale or usual_scale(space, task))
    data = random_images(seen_images(task, chosen), IMAGES_NUMBER, np.random.default_rng(seed))
    recipe = Recipe(steps=(repeats + 1) * steps, batch_size=batch_size)
    setting = Setting(chosen, data, recipe, Scoring(), SearchLimits(), seed, torch.device("cpu"))
    methods = [SPOS(setting, SPOSOptions()) for _ in range(2)]
    paths = [methods[0].sample_paths(methods[0].rng(PATHS, step)) for step in range(recipe.steps)]

    def harness(start: int) -> None:
        train_supernet(methods[0], start + steps, start, [], lambda step: None)

    def bare(start: int) -> None:
        bare_loop(methods[1], paths, range(start, start + steps))

    ways, taken = (harness, bare), np.zeros((2, repeats))
    with one_thread():
        for way in ways:
            way(0)  # what only the first steps cost
        for repeat in range(repeats):
            for way in (1, 0) if repeat % 2 else (0, 1):
                start = (repeat + 1) * steps
                taken[way, repeat] = seconds(lambda w=way, s=start: ways[w](s))[0] / steps
    states = [method.supernet.state_dict() for method in methods]
    medians = np.median(taken, axis=1)
    conditions = head(
        "training",
        space=space,
        scale=chosen.scale,
        task=task,
        steps=steps,
        repeats=repeats,
        batch_size=batch_size,
        seed=seed,
    )
    return conditions | {
        "harness": float(medians[0]),
        "bare": float(medians[1]),
        # of turns, which stand next to each other: what delays the machine delays both
        "overhead": float(100 * (np.median(taken[0] / taken[1]) - 1)),
        "ratio": Ratio.of(*taken.tolist()).to_dict(),
        "same": all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items()),
        "waits": waits(lambda: methods[0].train_step(0)),
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    overhead = 100 * (result["ratio"]["mean"] - 1)
    waits = ", ".join(f"{name} {number}" for name, number in result["waits"].items())
    return "\n".join(
        [
            f"SPOS on {result['space']} ({result['scale']}), batches of {result['batch_size']}, "
            f"{result['device']}, one thread; {result['steps']} steps, repeats: "
            f"{result['repeats']}",
            f"harness      {1e3 * result['harness']:8.3f} ms per step",
            f"bare loop    {1e3 * result['bare']:8.3f} ms per step",
            f"ratio        {said(result['ratio'])}",
            f"overhead     {result['overhead']:8.2f} % by the medians, {overhead:.2f} % by the mean ratio",
            f"same weights afterwards: {'yes' if result['same'] else 'no'}",
            f"operations of a step that make the host wait: {waits or 'none'}",
        ]
    )


def bare_loop(method: Method, paths: list[list[Any]], steps: range) -> None:
    """Batch, forward, backward, clipping and step of one path each."""
    recipe, network, optimizer = method.setting.recipe, method.supernet, method.optimizer
    parameters = list(network.parameters())
    for step in steps:
        x, y = method.data.train_batch(step, recipe.batch_size, method.setting.seed)
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(x, paths[step][0]), y).backward()
        set_learning_rate(optimizer, recipe, step)
        torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
        optimizer.step()
