"""A training step of SPOS on NAS-Bench-201 at the benchmark's own scale, by precision."""

from __future__ import annotations

from itertools import count

from harness.config.config import Acceleration
from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import apart
from harness.device_checks.subject import Subject
from harness.device_checks.timing import Spent, spent
from harness.files.progress import bar
from harness.running.training import accelerated

WAYS = {
    "float32": Acceleration(),
    "tf32": Acceleration(tf32=True),
    "cudnn_norm": Acceleration(cudnn_norm=True),
    "bfloat16": Acceleration(precision="bfloat16"),
}
ON_GPUS = "tf32", "cudnn_norm"
LIMIT = 0.1  # largest relative difference of the first loss from that in float32


def check(subject: Subject) -> Finding:
    """Milliseconds, launches and memory. Wrong: a first loss that is not near float32's."""
    ways = {name: how for name, how in WAYS.items() if subject.is_gpu or name not in ON_GPUS}
    figures, losses, wrong = {}, {}, []
    with bar(len(ways), "training", "precision") as progress:
        for name, how in ways.items():
            found, losses[name] = measured(subject, how)
            figures[name] = found
            if not apart(losses[name], losses["float32"]) <= LIMIT:
                wrong.append(
                    f"the first loss is {losses[name]:.4g} in {name}, {losses['float32']:.4g} in "
                    "float32."
                )
            progress.update()
    told = "; ".join(f"{name} {found}" for name, found in figures.items())
    sizes = subject.sizes
    said = f"SPOS on nb201 ({sizes.scale}), batches of {sizes.batch}, a step: {told}"
    return Finding(said, {name: found.to_dict() for name, found in figures.items()}, wrong)


def measured(subject: Subject, how: Acceleration) -> tuple[Spent, float]:
    """What a step takes, and the first loss."""
    sizes, steps = subject.sizes, count()
    method = subject.large(tf32=how.tf32)
    with accelerated(method, how):
        first = method.train_step(next(steps))["loss"].item()
        for _ in range(sizes.warm):
            method.train_step(next(steps))
        found = spent(
            lambda: method.train_step(next(steps)), subject.device, sizes.timed, sizes.profiled
        )
    return found, first
