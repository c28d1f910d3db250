"""What torchrun starts, in a world of one process: NCCL on a GPU, gloo on a CPU."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import apart, trained
from harness.device_checks.subject import Subject
from harness.distributed.crew import Crew, crew
from harness.distributed.norm import GlobalStatistics
from harness.distributed.training import Together

LIMIT = 1e-3  # largest relative difference of a loss


def check(subject: Subject) -> Finding:
    """Messages arrive; training with them is as without. Wrong: what is not so."""
    config, wrong = subject.config("spos"), []
    expected = trained(subject.method(config), subject)
    with world_of_one(subject.device) as company:
        backend = distributed.get_backend_config()
        numbers = torch.arange(3.0, device=subject.device)
        company.add(numbers)
        gathered = company.gather(numbers)
        if gathered.tolist() != [[0.0, 1.0, 2.0]]:
            wrong.append(f"0, 1 and 2 come back from the only process as {gathered.tolist()}.")
        if company.agree("word") != "word":
            wrong.append("a word does not come back from the only process.")
        method, statistics = subject.method(config), GlobalStatistics(company)
        method.processes = Together(company, statistics)
        with statistics:
            losses = trained(method, subject)
    largest = max(map(apart, losses, expected))
    if not largest <= LIMIT:
        wrong.append(f"a loss differs by {largest:.2g} from that without messages.")
    said = f"{backend}: losses of {len(losses)} steps differ by {largest:.1g} from those without"
    return Finding(said, {"backend": str(backend), "loss": largest}, wrong)


@contextmanager
def world_of_one(device: torch.device) -> Iterator[Crew]:
    """Inside, this process is the only one of those that torchrun seems to have started."""
    place = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": device.index or 0, "LOCAL_WORLD_SIZE": 1}
    place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _free_port()}
    before = {name: os.environ.get(name) for name in place}
    os.environ |= {name: str(value) for name, value in place.items()}
    try:
        with crew(device.type) as (company, _):
            yield company
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port
