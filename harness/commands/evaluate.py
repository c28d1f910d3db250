"""``nas-harness evaluate SCORES``: metrics of given scores, without any training."""

from __future__ import annotations

import json
from pathlib import Path

from harness.config.options import Parser
from searchspaces.registry import SPACES


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
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    SPACES[given.space]  # refuses an unknown name before the slow imports

    from harness.metrics.evaluate import evaluate_scores
    from harness.metrics.rendering import render
    from harness.metrics.scores import read_scores
    from harness.tabular.ground_truth import space_with_table

    space, table = space_with_table(given.space, given.task, given.scale, given.data)
    scores = read_scores(given.scores, table)
    result = evaluate_scores(table, scores, given.split, space=space, population=space.size)
    print(json.dumps(result, indent=2, allow_nan=False) if given.json else render(result))
