"""``nas-harness evaluate SCORES``: metrics of given scores, without any training."""

from __future__ import annotations

import json
from pathlib import Path

from harness.api import evaluate, evaluate_transfer
from harness.config.options import PROTOCOLS, SPLITS, TRUTH, Parser
from harness.metrics.results import Evaluation, Transfer
from searchspaces.errors import UsageError


def main(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness evaluate",
        example="nas-harness evaluate scores.csv --space nb201 --task cifar10",
        description="Compare scores of architectures with ground truth: Kendall τ and its "
        "relatives with 95 % intervals, floors and ceiling.",
    )
    parser.add_argument(
        "scores",
        type=Path,
        help="file of architectures and scores: CSV, JSON, JSON lines, parquet or .npy",
    )
    parser.add_argument("--space", default="nb201", help="search space; or FILE.py:CLASS")
    parser.add_argument("--task", default="digits", help="task of the ground truth")
    parser.add_argument("--split", default="test", choices=SPLITS, help="its split")
    parser.add_argument("--scale", default="", help="its scale; empty: the task's usual one")
    parser.add_argument("--truth", default="", help=TRUTH)
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="accuracies of your own as the truth, a file like that of the scores; "
        "left out: the table of the task",
    )
    parser.add_argument("--against-column", default="", help="the column of FILE with accuracies")
    parser.add_argument(
        "--names-only",
        action="store_true",
        help="with --against: the space has no networks here, only names",
    )
    parser.add_argument("--arch-column", default="", help="the column with architectures")
    parser.add_argument("--score-column", default="", help="the column with scores")
    parser.add_argument(
        "--lower-is-better", action="store_true", help="smaller scores are better (losses, ranks)"
    )
    parser.add_argument("--drop-nan", action="store_true", help="leave out scores that are NaN")
    parser.add_argument(
        "--transfer",
        action="store_true",
        help="against every data set that the space has a table of, side by side; --task is then "
        "the data set that the scores are of, where a file has several",
    )
    parser.add_argument(
        "--protocol",
        action="append",
        default=[],
        metavar="NAME",
        help="also measure on some of the scored architectures; may be given several times: "
        + PROTOCOLS.replace("%", "%%"),
    )
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    options = {
        "split": given.split,
        "scale": given.scale,
        "data": given.data,
        "truth": given.truth,
        "arch_column": given.arch_column,
        "score_column": given.score_column,
        "lower_is_better": given.lower_is_better,
        "drop_nan": given.drop_nan,
    }
    result: Evaluation | Transfer
    if given.transfer:
        if given.against or given.against_column or given.names_only:
            raise UsageError("--transfer is between tables: leave out --against.")
        if given.protocol:
            raise UsageError("--transfer is of all scores: leave out --protocol.")
        task = "" if given.task == parser.get_default("task") else given.task
        result = evaluate_transfer(given.scores, given.space, task, **options)
    else:
        own = {"against": given.against, "against_column": given.against_column}
        own |= {"names_only": given.names_only, "protocols": given.protocol}
        result = evaluate(given.scores, given.space, given.task, **own, **options)
    print(json.dumps(result.to_dict(), indent=2, allow_nan=False) if given.json else result)
