"""Each method on each space: losses, scores and states on the device beside those on the CPU.

Both begin with the same weights and see the same images along the same paths. Sums are rounded in
another order, so that a loss may differ, by more from step to step; scores are of the CPU's state
on both, and may differ by an image or two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.device_checks.finding import Finding
from harness.device_checks.subject import Subject, kept
from harness.files.progress import bar
from methods.base import Method
from searchspaces.errors import UsageError

# Largest differences, without and with TF32: of the first loss, of the second, behind one update of
# the weights, and of any, relative; and of a score, in points, or in percent of one beyond 100.
LIMITS = {False: (1e-5, 1e-3, 0.1, 2.0), True: (1e-3, 1e-2, 0.2, 6.0)}


def check(subject: Subject) -> Finding:
    """Wrong: a difference above :data:`LIMITS`, and a state that does not come back as it was."""
    sizes = subject.sizes
    pairs = [(method, space) for space in sizes.spaces for method in sizes.methods]
    figures: dict[str, Any] = {}
    refused, wrong = [], []
    with bar(len(pairs), "same as CPU", "method") as progress:
        for method, space in pairs:
            try:
                figures[f"{method} on {space}"] = compared(subject, method, space, wrong)
            except UsageError as refusal:
                refused.append(f"{method} on {space}: {refusal}")
            progress.update()
    rows = [own for row in figures.values() for own in row.values()]
    losses, points = ([row[what] for row in rows] for what in ("loss", "score"))
    said = (
        f"{len(figures)} pairs of method and space, {sizes.steps} steps and {sizes.scored} scores each: "
        f"losses differ by at most {100 * max(losses, default=0):.2g} %, scores by "
        f"{max(points, default=0):.2g} points"
    )
    return Finding(said, figures | {"refused": refused}, wrong)


def compared(subject: Subject, method: str, space: str, wrong: list[str]) -> dict[str, Any]:
    """The largest differences by precision; what is above its limit is added to ``wrong``."""
    reference = subject.reference(subject.config(method, space))
    losses = trained(reference, subject)
    search(reference)
    state = kept(reference.state_dict())
    expected, found = scores(reference, subject), {}
    for tf32 in (False, True) if subject.is_gpu else (False,):
        config = subject.config(method, space, accelerate__tf32=tf32)
        how = f"{method} on {space} in {'TF32' if tf32 else 'float32'}"
        made = subject.method(config)
        first, second, *others = map(apart, trained(made, subject), losses)
        search(made)
        made.load_state_dict(state)
        read = kept(made.state_dict())
        given, again = scores(made, subject), subject.method(config)
        again.load_state_dict(read)
        if not np.array_equal(scores(again, subject), given):
            wrong.append(f"{how}: its state, kept and read again, gives other scores.")
        points = abs(given - expected) / np.maximum(abs(expected) / 100, 1)
        figures = {
            "first loss": first,
            "second loss": second,
            "loss": max([first, second, *others]),
            "score": float(points.max()),
        }
        for (what, value), limit in zip(figures.items(), LIMITS[tf32], strict=True):
            if not value <= limit:  # nor if it is not a number
                wrong.append(
                    f"{how}: the {what} differs from the CPU's by {value:.2g}, and may by {limit:g}."
                )
        found["tf32" if tf32 else "float32"] = figures
    return found


def trained(method: Method, subject: Subject) -> list[float]:
    """The losses of its first steps."""
    losses = [method.train_step(step)["loss"] for step in range(subject.sizes.steps)]
    return [loss.item() for loss in losses]


def search(method: Method) -> None:
    """An epoch, of a method that trains in its search and has no scores before."""
    if isinstance(getattr(method, "base", None), Method):
        method.search_epoch(0)


def scores(method: Method, subject: Subject) -> np.ndarray:
    """Of some architectures."""
    return method.score(subject.archs(method.space, subject.sizes.scored))


def apart(one: float, other: float) -> float:
    """The relative difference."""
    return abs(one - other) / max(abs(other), 1e-12)
