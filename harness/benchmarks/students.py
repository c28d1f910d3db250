"""``nas-harness bench students``: MNGNAS's retraining, all students together or one by one."""

from __future__ import annotations

from harness.benchmarks.answer import Result, answer, said
from harness.config.options import Parser, add_whole_numbers

NUMBERS = (
    ("--students", 2, 30, "architectures that are retrained"),
    ("--steps", 1, 2, "of the retraining, in each repeat"),
    ("--repeats", 1, 3, "measurements"),
    ("--batch-size", 1, 64, "images per step"),
    ("--seed", 0, 0, "of weights, images and architectures"),
)


def main(arguments: list[str]) -> None:
    """Measure; print the ratio with its spread (or everything with ``--json``)."""
    parser = Parser(
        prog="nas-harness bench students",
        description="Time MNGNAS's retraining on nb201, in which the outputs of teachers and peers "
        "are computed once per batch and all coefficients at once, beside the literal loop: each "
        "student runs its teachers and peers itself, asks cvxpy for its coefficients, and adds up "
        "the loss of every one of them. The retrained weights must be the same.",
    )
    add_whole_numbers(parser, NUMBERS)
    answer(parser, arguments, "harness.benchmarks.students_times", render)


def render(result: Result) -> str:
    """The result of :func:`~harness.benchmarks.students_times.measure` for a terminal."""
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
