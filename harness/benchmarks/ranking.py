"""``nas-harness bench ranking``: architectures that share beginnings, or one by one."""

from __future__ import annotations

from harness.benchmarks.answer import Result, answer, said
from harness.config.options import Parser, add_whole_numbers

NUMBERS = (
    ("--architectures", 0, 0, "random ones to rank; 0: all, of a chain all distinct ones. The"
     " fewer, the less they share"),
    ("--chunks", 0, 2, "chunks of the ranking that a repeat times, spread over all; 0: all"),
    ("--repeats", 1, 3, "measurements, each of other chunks"),
    ("--images", 1, 500, "training images that calibrate, and as many to score"),
    ("--batch-size", 1, 500, "images per forward pass"),
    ("--seed", 0, 0, "of weights, images and random architectures"),
)  # fmt: skip


def main(arguments: list[str]) -> None:
    """Measure; print the ratio with its spread (or everything with ``--json``)."""
    parser = Parser(
        prog="nas-harness bench ranking",
        description="Time the ranking of architectures whose shared beginnings are run once, beside "
        "scoring one subnet after another: the same architectures in the same run, in seconds of "
        "one CPU core, on random images. The scores must be the same.",
    )
    parser.add_argument("--space", default="macro", help="a chain space, or nb201")
    parser.add_argument("--task", default="digits", help="task that gives the images their shape")
    parser.add_argument("--scale", default="", help="of the space; empty: the task's usual one")
    parser.add_argument(
        "--bn",
        default="recalibrate",
        choices=("recalibrate", "batchstat", "running"),
        help="where BN statistics come from",
    )
    add_whole_numbers(parser, NUMBERS)
    answer(parser, arguments, "harness.benchmarks.ranking_times", render)


def render(result: Result) -> str:
    """The result of :func:`~harness.benchmarks.ranking_times.measure` for a terminal."""
    timed = result["timed"]
    return "\n".join(
        [
            f"{result['architectures']:,} architectures of {result['space']} "
            f"({result['scale']}), BN {result['bn']}, {result['images']} images to calibrate and "
            f"to score, {result['device']}, one thread",
            f"timed: {timed['architectures']:,} of them in {timed['chunks']} chunks, "
            f"{timed['subnets']:,} distinct subnets; repeats: {timed['repeats']}",
            f"one by one   {1e3 * timed['one_by_one']:8.1f} ms per architecture",
            f"together     {1e3 * timed['together']:8.1f} ms per architecture",
            f"ratio        {said(result['ratio'])}",
            f"largest difference of scores {result['largest_difference']:g}",
            *blocks(result["block_evaluations"]),
            f"activations and scores held: at most {result['held_mb']:.1f} MB",
        ]
    )


def blocks(evaluations: dict[str, int] | None) -> list[str]:
    """How many blocks are run, of a chain."""
    if evaluations is None:
        return []
    return [
        f"block evaluations per batch of images: {evaluations['one_by_one']:,} one by one, "
        f"{evaluations['in_chunks']:,} in chunks, {evaluations['distinct']:,} distinct"
    ]
