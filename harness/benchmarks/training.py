"""``nas-harness bench training``: what the harness adds to a bare loop of the same steps."""

from __future__ import annotations

from harness.benchmarks.answer import Result, answer, said
from harness.config.options import Parser, add_whole_numbers

NUMBERS = (
    ("--steps", 1, 50, "in each repeat"),
    ("--repeats", 1, 20, "measurements"),
    ("--batch-size", 1, 64, "images per step"),
    ("--seed", 0, 0, "of weights and images"),
)


def main(arguments: list[str]) -> None:
    """Measure; print the overhead (or everything with ``--json``)."""
    parser = Parser(
        prog="nas-harness bench training",
        description="Time the training of a supernet by SPOS, with its sampling of paths, "
        "schedule, counting, progress and history, beside a bare loop of batch, forward, "
        "backward, clipping and step over the same batches along the same paths, written down "
        "before. Both change the weights by the same bits. Also counts the operations of a step "
        "that make the host wait for a device.",
    )
    parser.add_argument("--space", default="nb201", help="space of the supernet")
    parser.add_argument("--task", default="digits", help="task that gives the images their shape")
    parser.add_argument("--scale", default="", help="of the space; empty: the task's usual one")
    add_whole_numbers(parser, NUMBERS)
    answer(parser, arguments, "harness.benchmarks.training_times", render)


def render(result: Result) -> str:
    """The result of :func:`~harness.benchmarks.training_times.measure` for a terminal."""
    overhead = 100 * (result["ratio"]["mean"] - 1)
    waits = ", ".join(f"{name} {number}" for name, number in result["waits"].items())
    return "\n".join(
        [
            f"SPOS on {result['space']} ({result['scale']}), batches of {result['batch_size']}, "
            f"{result['device']}, one thread; {result['steps']} steps, repeats: "
            f"{result['repeats']}",
            f"harness      {1e3 * result['harness']:8.3f} ms per step",
            f"bare loop    {1e3 * result['bare']:8.3f} ms per step",
            f"ratio        {said(result['ratio'])}",
            f"overhead     {result['overhead']:8.2f} % by the medians, {overhead:.2f} % by the mean ratio",
            f"same weights afterwards: {'yes' if result['same'] else 'no'}",
            f"operations of a step that make the host wait: {waits or 'none'}",
        ]
    )
