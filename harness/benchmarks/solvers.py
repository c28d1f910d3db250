"""``nas-harness bench solvers``: the two optimisation problems of the methods, beside cvxpy."""

from __future__ import annotations

from harness.benchmarks.answer import Result, answer, said
from harness.config.options import Parser, add_whole_numbers

NUMBERS = (
    ("--repeats", 1, 5, "measurements"),
    ("--subnets", 2, 4, "whose ensemble is weighted"),
    ("--images", 1, 96, "in the batch of the ensemble"),
    ("--seed", 0, 0, "of the problems"),
)


def main(arguments: list[str]) -> None:
    """Measure; print times and ratios (or everything with ``--json``)."""
    parser = Parser(
        prog="nas-harness bench solvers",
        description="Time the weights of EnNAS's ensemble (10 and 100 classes) beside cvxpy with "
        "ECOS, and MNGNAS's coefficients (34 vectors) beside cvxpy with the solver it chooses "
        "itself. cvxpy in two ways: the problem written down for each call, and written once with "
        "parameters, compiled before anything is timed, and solved again for new values.",
    )
    add_whole_numbers(parser, NUMBERS)
    answer(parser, arguments, "harness.benchmarks.solvers_times", render)


def render(result: Result) -> str:
    """The result of :func:`~harness.benchmarks.solvers_times.measure` for a terminal."""
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
