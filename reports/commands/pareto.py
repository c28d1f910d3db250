"""``nas-harness pareto``: the front of accuracy and cost that a run would choose, beside the true one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.config.constraints import LATENCY
from harness.config.options import Parser
from harness.files.counts import counted
from searchspaces.errors import UsageError


def main(arguments: list[str]) -> None:
    """Draw the fronts of a run, print their hypervolumes and the paths of the files."""
    parser = Parser(
        prog="nas-harness pareto",
        description="Draw accuracy against cost for the architectures that a run ranked: the true "
        "front, the front by its scores, what NSGA-II found, and the hypervolume of each.",
        example="nas-harness pareto runs/RUN --cost params",
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument(
        "--cost", default="madds", help=f"madds, params, {LATENCY}, or another that its table knows"
    )
    parser.add_argument(
        "--latency", type=Path, metavar="FILE", help="file of `nas-harness latency measure`"
    )
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="file ending in .png, .svg or .pdf; default: pareto-COST.png in the run's folder",
    )
    parser.add_argument("--json", action="store_true", help="print the hypervolumes as JSON")
    given = parser.parse_args(arguments)

    from reports.pictures.pareto_front import draw
    from reports.runs.pareto import Fronts
    from reports.runs.record import load
    from reports.style.image_files import FORMATS

    if held := sorted(path.parent.name for path in given.run.glob("*/run.json")):
        raise UsageError(
            f"{given.run} holds {counted(len(held), 'runs')}; name one, as {given.run / held[0]}."
        )
    path = given.output or given.run / f"pareto-{given.cost}.png"
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--output ends in {', '.join(FORMATS)}, unlike {path}.")
    record = load(given.run)
    fronts = Fronts.of(record, given.cost, given.latency, given.data)
    draw(record, fronts, [path])
    summary = fronts.summary() | {"file": str(path)}
    print(json.dumps(summary, indent=2) if given.json else render(summary))


def render(summary: dict[str, Any]) -> str:
    """The hypervolumes as plain text."""
    names = {
        "true": "true front",
        "chosen": "front by score",
        "found": "found by the search",
        "random": "random, as many",
    }
    lines = [
        f"{summary['n']:,} of {summary['n_table']:,} architectures ranked; truth against "
        f"{summary['cost']}"
    ]
    for key, name in names.items():
        if key in summary:
            of = summary[key]
            lines.append(f"  {name:<20}{of['n']:>5}  hypervolume {of['hypervolume']:.4f}")
    if summary["found_unknown"]:
        lines.append(f"  {summary['found_unknown']:,} that the search found are not in the table")
    return "\n".join([*lines, summary["file"]])
