"""Compiled operators beside plain ones: are they right, and what do they give?"""

from __future__ import annotations

from itertools import count

from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import apart
from harness.device_checks.subject import Subject
from harness.device_checks.timing import Spent, spent, wall_ms
from harness.files.progress import bar
from harness.running.training import compiled
from methods.base import Method

LIMIT = 1e-3  # largest relative difference of the first loss


def check(subject: Subject) -> Finding:
    """Few cells, for each operator of each is compiled. Wrong: a first loss that is another.

    On a GPU they are compiled as ``--accelerate.compile`` does. Elsewhere, where that takes
    minutes, they are traced only.
    """
    backend, sizes = "inductor" if subject.is_gpu else "eager", subject.sizes
    plain, fast = (subject.large(cells=sizes.cells) for _ in range(2))
    first: list[float] = []
    with bar(2, "compiled", "way") as progress:
        expected = plain.train_step(0)["loss"].item()
        before = spent_by(subject, plain)
        progress.update()
        with compiled(fast.supernet, backend):

            def begin() -> None:
                every_operator(fast)
                first.append(fast.train_step(0)["loss"].item())

            seconds = wall_ms(begin, subject.device) / 1e3
            after = spent_by(subject, fast)
        progress.update()
    wrong, unlike = [], apart(first[0], expected)
    if not unlike <= LIMIT:
        wrong.append(f"the first loss is {first[0]:.6g} compiled, {expected:.6g} plain.")
    said = (
        f"SPOS on nb201 ({sizes.scale}, {sizes.cells} cell per stage), by {backend}: ready after "
        f"{seconds:.3g} s; a step takes {after}; plain {before}"
    )
    figures = {"plain": before.to_dict(), "compiled": after.to_dict(), "ready_after_s": seconds}
    return Finding(said, figures | {"first_loss": unlike, "backend": backend}, wrong)


def every_operator(method: Method) -> None:
    """Images forward and back through paths that between them have each operator of each site."""
    sites, batch = (
        method.space.sites,
        method.data.train_batch(0, method.setting.recipe.batch_size, 0),
    )
    for number in range(max(len(site.operators) for site in sites)):
        path = tuple(min(number, len(site.operators) - 1) for site in sites)
        method.path_loss(path, batch).backward()


def spent_by(subject: Subject, method: Method) -> Spent:
    """Of steps behind a few that are not timed."""
    sizes, steps = subject.sizes, count(1)
    for _ in range(sizes.warm):
        method.train_step(next(steps))
    return spent(
        lambda: method.train_step(next(steps)), subject.device, sizes.timed, sizes.profiled
    )
