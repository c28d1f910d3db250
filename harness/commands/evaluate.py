"""``nas-harness evaluate SCORES``: metrics of given scores, without any training."""

from __future__ import annotations

import json
from pathlib import Path

from harness.api import evaluate
from harness.config.options import TRUTH, Parser


def main(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness evaluate",
        description="Compare scores of architectures with ground truth: Kendall τ and its "
        "relatives with 95 % intervals, floors and ceiling.",
    )
    parser.add_argument("scores", type=Path, help="CSV, JSON or parquet of architecture -> score")
    parser.add_argument("--space", default="nb201", help="search space")
    parser.add_argument("--task", default="digits", help="task of the ground truth")
    parser.add_argument("--split", default="test", choices=("val", "test"), help="its split")
    parser.add_argument("--scale", default="", help="its scale; empty: the task's usual one")
    parser.add_argument("--truth", default="", help=TRUTH)
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    result = evaluate(
        given.scores,
        given.space,
        given.task,
        split=given.split,
        scale=given.scale,
        data=given.data,
        truth=given.truth,
    )
    print(json.dumps(result.to_dict(), indent=2, allow_nan=False) if given.json else result)
