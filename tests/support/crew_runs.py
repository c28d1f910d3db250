"""What ``torchrun`` starts in tests: tiny runs one after the other; a process may kill itself.

Arguments: a folder with data, a folder for runs, the rank to die and after which step (-1: none).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import tiny
import torch

from harness.assembly import load_limited, make_method
from harness.config import Config
from harness.distributed import Crew, crew
from harness.distributed_training import trained_together
from methods.base import Method

RUNS = (("nb201", "mngnas"), ("macro", "spos"))
IN_DOUBLE = (("macro", "fairnas"), ("nb101", "mixpath"), ("nb201", "mngnas"))


def config(space: str, method: str) -> Config:
    return tiny.config(method, "--space", space)


def main(data: str, runs: str, victim: str, after: str) -> None:
    torch.set_num_threads(1)
    if os.environ["RANK"] == victim:
        die_after(int(after))
    with crew("cpu") as (company, _):
        folders = {"data": Path(data), "runs": Path(runs)}
        for space, method in RUNS:
            tiny.run_plainly(config(space, method), folders, crew=company)
        for space, method in IN_DOUBLE:
            weights = trained_in_double(space, method, company)
            torch.save(weights, Path(runs) / f"double-{space}-{method}-{company.rank}.pt")


def trained_in_double(space: str, method: str, company: Crew) -> dict[str, torch.Tensor]:
    """The supernet after three steps, without the rounding that a float32 may turn on a kink."""
    tried = config(space, method)
    made = make_method(tried, load_limited(tried, None), torch.device("cpu"))
    trained = getattr(made, "base", made)
    trained.supernet.double()
    single = trained.data.train_batch

    class Doubled:
        train = trained.data.train

        def train_batch(self, *arguments: int) -> tuple[torch.Tensor, torch.Tensor]:
            images, labels = single(*arguments)
            return images.double(), labels

    trained.data = Doubled()
    with trained_together(made, company):
        for step in range(3):
            made.train_step(step)
    return made.supernet.state_dict()


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
