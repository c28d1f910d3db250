"""``nas-harness bench ranking``: architectures of a chain that share beginnings, or one by one."""

from __future__ import annotations

import json
from typing import Any

from harness.options import Parser, add_whole_numbers

NUMBERS = (
    ("--architectures", 0, 0, "random ones to rank; 0: all distinct ones. The fewer, the less"
     " they share"),
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
        description="Time the ranking of architectures of a chain space, whose shared beginnings "
        "are run once, beside scoring one subnet after another: the same architectures in the "
        "same run, in seconds of one CPU core, on random images. The scores must be the same.",
    )
    parser.add_argument("--space", default="macro", help="a chain space")
    parser.add_argument("--task", default="digits", help="task that gives the images their shape")
    parser.add_argument("--scale", default="", help="of the space; empty: the task's usual one")
    parser.add_argument(
        "--bn",
        default="recalibrate",
        choices=("recalibrate", "batchstat", "running"),
        help="where BN statistics come from",
    )
    add_whole_numbers(parser, NUMBERS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = vars(parser.parse_args(arguments))
    as_json = given.pop("json")

    from harness.benchmarks.ranking_times import measure

    result = measure(**given)
    print(json.dumps(result, indent=2, allow_nan=False) if as_json else render(result))


def render(result: dict[str, Any]) -> str:
    """The result of :func:`~harness.benchmarks.ranking_times.measure` for a terminal."""
    timed, blocks, ratio = result["timed"], result["block_evaluations"], result["ratio"]
    spread = "" if ratio["sd"] is None else f" ± {ratio['sd']:.2f}"
    return "\n".join(
        [
            f"{result['architectures']:,} architectures of {result['space']} "
            f"({result['scale']}), BN {result['bn']}, {result['images']} images to calibrate and "
            f"to score, {result['device']}, one thread",
            f"timed: {timed['architectures']:,} of them in {timed['chunks']} chunks; repeats: "
            f"{timed['repeats']}",
            f"one by one   {1e3 * timed['one_by_one']:8.1f} ms per architecture",
            f"together     {1e3 * timed['together']:8.1f} ms per architecture",
            f"ratio        {ratio['mean']:8.2f}{spread}, from {ratio['low']:.2f} to "
            f"{ratio['high']:.2f}",
            f"largest difference of scores {result['largest_difference']:g}",
            f"block evaluations per batch of images: {blocks['one_by_one']:,} one by one, "
            f"{blocks['in_chunks']:,} in chunks, {blocks['distinct']:,} distinct",
            f"activations held: at most {result['held_mb']:.1f} MB",
        ]
    )
