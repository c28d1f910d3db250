"""``nas-harness bench students``: MNGNAS's retraining, all students together or one by one."""

from __future__ import annotations

import numpy as np
import torch

from harness.benchmarks.measuring import Ratio, Result, head, said, seconds
from harness.benchmarks.ranking import random_images
from harness.benchmarks.references import retrain
from harness.files.progress import bar
from harness.running.watching import one_thread
from harness.tasks import IMAGES
from methods.base import Setting
from methods.mngnas.method import MNGNAS
from methods.mngnas.options import MNGNASOptions
from methods.mngnas.teachers import Member
from methods.options import Recipe, Scoring, SearchLimits
from methods.reference_solvers import load_cvxpy
from searchspaces.registry import SPACES

TEACHERS = 5
IMAGES_NUMBER = 1000
CPU = torch.device("cpu")


def measure(students: int, steps: int, repeats: int, batch_size: int, seed: int) -> Result:
    """Both ways in turns from the same weights, on the same batches; the logits afterwards."""
    load_cvxpy()
    method = searching(students, steps, batch_size, seed)
    x = next(method.data.batches("val", batch_size))[0]
    ways = (lambda m: _one_by_one(method, m, steps), lambda m: method._retrain(m, 0))
    taken, difference, largest = np.zeros((2, repeats)), 0.0, 0.0
    with one_thread(), bar(repeats, "bench", "repeat") as progress:
        for way in ways:
            way(fresh(method, students)[:2])  # what only the first call costs
        for repeat in range(repeats):
            logits = {}
            for way in (1, 0) if repeat % 2 else (0, 1):
                members = fresh(method, students)
                taken[way, repeat] = seconds(lambda w=way, m=members: ways[w](m))[0] / steps
                logits[way] = _logits(members, x)
            difference = max(difference, (logits[0] - logits[1]).abs().max().item())
            largest = max(largest, logits[0].abs().max().item())
            progress.update()
    conditions = head(
        "students",
        students=students,
        teachers=TEACHERS,
        steps=steps,
        repeats=repeats,
        batch_size=batch_size,
        seed=seed,
    )
    return conditions | {
        "one_by_one": float(taken[0].mean()),
        "together": float(taken[1].mean()),
        "ratio": Ratio.of(*taken.tolist()).to_dict(),
        "difference": difference,
        "largest_logit": largest,
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    return "\n".join(
        [
            f"{result['students']} students, {result['teachers']} teachers in each group, batches "
            f"of {result['batch_size']}, {result['device']}, one thread; repeats: "
            f"{result['repeats']}",
            f"one by one   {result['one_by_one']:8.3f} s per step",
            f"together     {result['together']:8.3f} s per step",
            f"ratio        {said(result['ratio'])}",
            f"largest difference of the logits after {result['steps']} steps "
            f"{result['difference']:.1e}, of logits up to {result['largest_logit']:.2g}",
        ]
    )


def searching(
    students: int,
    steps: int,
    batch_size: int,
    seed: int,
    device: torch.device = CPU,
    solver: str = "own",
) -> MNGNAS:
    """MNGNAS on noise and an untrained nb201, with all its teachers but nothing searched."""
    space = SPACES["nb201"]("compact")
    rng = np.random.default_rng(seed)
    data = random_images(IMAGES["digits"], IMAGES_NUMBER, rng)
    recipe = Recipe(batch_size=batch_size)
    options = MNGNASOptions(
        population=students, retrain_steps=steps, teachers=TEACHERS, solver=solver
    )
    setting = Setting(space, data.to(device), recipe, Scoring(), SearchLimits(), seed, device)
    method = MNGNAS(setting, options)
    teachers = [method._member(arch) for arch in _archs(method, 4 * TEACHERS, rng)]
    method.groups.threshold = float(np.median([member.madds for member in teachers]))
    for member in teachers:
        member.score = rng.uniform(20, 80)
    method.groups.merge(teachers)
    method.previous_best = teachers[:1]
    return method


def _archs(method: MNGNAS, number: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    found: dict[tuple[int, ...], None] = {}
    while len(found) < number:
        if method.space.is_valid(arch := method.space.sample(rng)):
            found[arch] = None
    return list(found)


def fresh(method: MNGNAS, students: int) -> list[Member]:
    """The same students with the supernet's weights each time."""
    rng = np.random.default_rng(1)
    return [method._member(arch) for arch in _archs(method, students, rng)]


def _one_by_one(method: MNGNAS, members: list[Member], steps: int) -> None:
    batches = [method._batch(step) for step in range(steps)]
    retrain(members, method.groups, method._recipe(steps), batches)


@torch.no_grad()
def _logits(members: list[Member], x: torch.Tensor) -> torch.Tensor:
    """``[students, B, classes]`` in evaluation mode."""
    return torch.stack([member.network.eval()(x) for member in members])
