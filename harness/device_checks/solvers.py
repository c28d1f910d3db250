"""Steps of EnNAS and of MNGNAS's retraining: where are their convex problems solved sooner?"""

from __future__ import annotations

from itertools import count
from typing import Any

from harness.benchmarks.students import fresh, searching
from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import apart
from harness.device_checks.subject import Subject
from harness.device_checks.timing import Spent, spent
from harness.files.progress import bar
from methods.ennas.method import EnNAS
from methods.ennas.options import EnNASOptions

WAYS = "own", "host"  # on the device that has the values, unless that is a CPU; on the host
LIMIT = 1e-3  # largest relative difference of a loss
COMPARED = 3  # steps, before the last of which solutions have shaped the weights
BATCH = 64  # images of a retraining's step


def check(subject: Subject) -> Finding:
    """What a step takes either way. Wrong: a loss that depends on where the problem is solved."""
    figures: dict[str, Any] = {}
    told, wrong = [], []
    with bar(4, "solvers", "way") as progress:
        for name, measure in {"EnNAS": ennas, "MNGNAS": mngnas}.items():
            losses, taken = [], {}
            for solver in WAYS:
                loss, taken[solver] = measure(subject, solver)
                losses.append(loss)
                progress.update()
            unlike = apart(*losses)
            if not unlike <= LIMIT:
                wrong.append(
                    f"{name}: by where its problem is solved a loss differs by {unlike:.2g}, and "
                    f"may by {LIMIT:g}."
                )
            figures[name] = {how: each.to_dict() for how, each in taken.items()} | {"loss": unlike}
            told.append(f"{name} {' and '.join(f'{taken[how].wall_ms:.3g}' for how in WAYS)} ms")
    same = "" if subject.is_gpu else ", which a CPU is itself"
    said = f"a step, its problem solved on the device and on the host{same}: {'; '.join(told)}"
    return Finding(said, figures, wrong)


def ennas(subject: Subject, solver: str) -> tuple[float, Spent]:
    """A loss, and a step of four subnets on NAS-Bench-201 at the scale that is timed."""
    options = EnNASOptions(solver=solver, warmup=0, diversity=False, data_share=1)
    sizes, steps = subject.sizes, count()
    method = subject.large(kind=EnNAS, options=options)
    losses = [method.train_step(next(steps))["loss"] for _ in range(COMPARED)]
    for _ in range(sizes.warm):
        method.train_step(next(steps))
    found = spent(
        lambda: method.train_step(next(steps)), subject.device, sizes.timed, sizes.profiled
    )
    return losses[-1].item(), found


def mngnas(subject: Subject, solver: str) -> tuple[float, Spent]:
    """A loss, and a step that retrains as many students together as a population has."""
    sizes = subject.sizes
    how = BATCH, 0, subject.device, solver
    first = searching(sizes.students, COMPARED, *how)
    members = fresh(first, sizes.students)
    first._retrain(members, 0)
    loss = members[0].loss.item()
    method, timed = searching(sizes.students, 1, *how), max(sizes.timed // 10, 1)
    return loss, spent(lambda: method._retrain(members, 0), subject.device, timed, 1)
