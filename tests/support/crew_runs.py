"""What ``torchrun`` starts in tests: tiny runs one after the other; a process may kill itself.

Arguments: a folder with data, a folder for runs, the rank to die and after which step (-1: none).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tiny
import torch

from harness.config.config import Config
from harness.distributed.crew import Crew, crew
from harness.distributed.training import trained_together
from harness.running.assembly import load_limited, make_method
from harness.tasks.base import Task
from methods.base import Method

KILLED = ("nb201", "mngnas")  # and continued, in single precision
RUNS = (("nb201", "mngnas"), ("macro", "spos"))  # and trainings, in double
TRAININGS = (
    ("macro", "fairnas"),
    ("nb101", "mixpath"),
    ("nb201", "mngnas"),
    ("nb201", "ennas"),
    ("macro", "cream"),
    ("nb201", "darts"),
    ("macro", "gdas"),
    ("nb201", "dna"),
    ("nb201", "bossnas"),
    ("nb201", "few-shot"),
    ("macro", "sandwich"),
)
STEPS = 4
# So that whatever a method does now and then happens within these steps.
_AT_ONCE = {
    "bossnas": "--options.population 4 --options.images 16",
    "cream": "--options.warmup 0 --options.update-share 0",
    "ennas": "--options.warmup 0 --options.data-share 0.001",
}


def config(space: str, method: str) -> Config:
    return tiny.config(method, "--space", space, *_AT_ONCE.get(method, "").split())


def main(data: str, runs: str, victim: str, after: str) -> None:
    torch.set_num_threads(1)
    if os.environ["RANK"] == victim:
        die_after(int(after))
    with crew("cpu") as (company, _):
        folders = {"data": Path(data), "runs": Path(runs)}
        tiny.run_plainly(config(*KILLED), folders, crew=company)
        with in_double():
            for space, method in RUNS:
                folders = {"data": Path(data), "runs": Path(runs) / "double"}
                tiny.run_plainly(config(space, method), folders, crew=company)
            for space, method in TRAININGS:
                weights = trained(space, method, company)
                torch.save(weights, Path(runs) / f"{space}-{method}-{company.rank}.pt")


@contextmanager
def in_double() -> Iterator[None]:
    """Networks and images in double: another order of sums turns no kink and flips no image."""
    normalise, usual = Task.normalise, torch.get_default_dtype()
    Task.normalise = lambda task, images: normalise(task, images).double()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)
        Task.normalise = normalise


def trained(space: str, method: str, company: Crew) -> dict[str, torch.Tensor]:
    """What ``STEPS`` steps give and the last of them told."""
    tried = config(space, method)
    made = make_method(tried, load_limited(tried, None), torch.device("cpu"))
    with trained_together(made, company):
        for step in range(STEPS):
            told = made.train_step(step)
    return dict(tensors_of({"told": told, **made.trained_state()}))


def tensors_of(state: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors and numbers in plain containers, by where they are."""
    if isinstance(state, dict | list):
        for key, value in state.items() if isinstance(state, dict) else enumerate(state):
            yield from tensors_of(value, f"{name}/{key}")
    else:
        yield name, torch.as_tensor(state)


def die_after(steps: int) -> None:
    update, left = Method.update, steps

    def counted(method: Method, *args: object) -> None:
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        update(method, *args)

    Method.update = counted


if __name__ == "__main__":
    main(*sys.argv[1:])
