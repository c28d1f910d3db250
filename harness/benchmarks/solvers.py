"""``nas-harness bench solvers``: the two optimisation problems of the methods, beside cvxpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from harness.benchmarks.measuring import Ratio, Result, head, in_turns, said
from harness.benchmarks.references import Again, PlainCoefficients, PlainEnsemble, anew
from methods.ennas.ensemble import ensemble_weights
from methods.mngnas.coefficients import adaptive_coefficients
from methods.reference_solvers import load_cvxpy

CLASSES = (10, 100)
TEACHERS, STUDENTS, IMAGES = 5, 30, 64  # 5 teachers and 29 peers: 34 vectors for each student
CALLS = 30  # of ours within a repeat, one of cvxpy's

Solve = Callable[[], np.ndarray]


def measure(repeats: int, subnets: int, images: int, seed: int) -> Result:
    """Each problem ours and cvxpy's way in turns, and how far apart the answers are."""
    cvxpy, rng = load_cvxpy(), np.random.default_rng(seed)
    problems = [_ensemble(rng, subnets, images, classes, repeats) for classes in CLASSES]
    return head("solvers", seed=seed, repeats=repeats) | {
        "cvxpy": cvxpy.__version__,
        "problems": problems + _coefficients(rng, repeats),
    }


def render(result: Result) -> str:
    """The result of :func:`measure` for a terminal."""
    lines = [f"{result['device']}, CPU time; cvxpy {result['cvxpy']}; repeats: {result['repeats']}"]
    for problem in result["problems"]:
        lines += ["", f"{problem['name']}: {1e3 * problem['seconds']:.3f} ms"]
        for other in problem["others"]:
            lines.append(
                f"  {other['name']:<44}{1e3 * other['seconds']:9.2f} ms   "
                f"ratio {said(other['ratio'])}"
            )
        lines.append(
            f"  largest difference of weights {problem['difference']:.1e}, "
            f"excess of the loss {problem['excess']:.1e}"
        )
    return "\n".join(lines)


def some_logits(
    rng: np.random.Generator, members: int, images: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``[members, images, classes]`` of half-trained networks that agree in part; labels."""
    labels = rng.integers(classes, size=images)
    logits = rng.normal(size=(1, images, classes)) + rng.normal(size=(members, images, classes))
    logits[:, np.arange(images), labels] += rng.uniform(1, 3, size=(members, 1))
    return logits.astype(np.float32).astype(float), labels


def _ensemble(
    rng: np.random.Generator, members: int, images: int, classes: int, repeats: int
) -> dict[str, Any]:
    logits, labels = some_logits(rng, members, images, classes)
    tensors = torch.tensor(logits, dtype=torch.float32), torch.tensor(labels)
    plain = PlainEnsemble(logits.shape, labels)
    again = Again(plain)

    def loss(weights: np.ndarray) -> float:
        mixed = torch.tensor(np.tensordot(weights, logits, 1))
        return torch.nn.functional.cross_entropy(mixed, tensors[1]).item()

    ours = lambda: ensemble_weights(*tensors).weights.numpy()  # noqa: E731
    others = {
        "cvxpy + ECOS, written down for each call": lambda: anew(plain, logits),
        "cvxpy + ECOS, solved again with parameters": lambda: again(logits),
    }
    name = f"EnNAS weights, {members} subnets, {images} images x {classes} classes"
    return _compared(name, ours, others, loss, repeats, 1)


def _coefficients(rng: np.random.Generator, repeats: int) -> list[dict[str, Any]]:
    """One student's problem, and those of all students at once."""
    logits, _ = some_logits(rng, TEACHERS + STUDENTS, IMAGES, 10)
    vectors = torch.tensor(logits).softmax(-1).flatten(1)
    member = torch.zeros(STUDENTS, 2, len(vectors), dtype=torch.bool)
    member[:, 0, :TEACHERS] = True
    member[:, 1, TEACHERS:] = ~torch.eye(STUDENTS, dtype=torch.bool)
    plain = PlainCoefficients(member[0].numpy(), vectors.shape[1])
    given, again = (vectors.numpy(), vectors[TEACHERS].numpy()), Again(plain)
    inside = member[0].any(0).numpy()

    def loss(x: np.ndarray) -> float:
        return float(np.square(given[1] - x @ given[0][inside]).sum() / 2)

    problems = []
    for students in (1, STUDENTS):
        mine = vectors[TEACHERS : TEACHERS + students], vectors, member[:students]
        ours = lambda m=mine: adaptive_coefficients(*m)[0].numpy()[inside]  # noqa: E731
        others = {
            "cvxpy, written down for each call": lambda: anew(plain, *given),
            "cvxpy, solved again with parameters": lambda: again(*given),
        }
        name = f"MNGNAS coefficients, 34 vectors x {vectors.shape[1]}, "
        name += f"one of {students} students at once" if students > 1 else "a single student"
        problems.append(_compared(name, ours, others, loss, repeats, students))
    return problems


def _compared(
    name: str,
    ours: Solve,
    others: dict[str, Solve],
    loss: Callable[[np.ndarray], float],
    repeats: int,
    share: int,
) -> dict[str, Any]:
    """``ours``, which answers ``share`` problems at once, beside each of ``others``."""
    calls: Sequence[int] = (CALLS, *(1 for _ in others))
    seconds, answers = in_turns((ours, *others.values()), calls, repeats)
    mine = seconds[0] / share
    return {
        "name": name,
        "seconds": float(mine.mean()),
        "others": [
            {
                "name": other,
                "seconds": float(taken.mean()),
                "ratio": Ratio.of(taken.tolist(), mine.tolist()).to_dict(),
            }
            for other, taken in zip(others, seconds[1:], strict=True)
        ],
        "difference": max(float(np.abs(answers[0] - x).max()) for x in answers[1:]),
        "excess": max(loss(answers[0]) - loss(x) for x in answers[1:]),
    }
