"""``nas-harness compare``: finished runs side by side, from their records."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.config.options import PROTOCOLS, Parser
from searchspaces.errors import UsageError


def main(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness compare",
        example="nas-harness compare runs",
        description="Put the recorded runs of methods beside one another: means over seeds with "
        "95 % intervals, floors and ceiling, paired differences, costs. Nothing is trained.",
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of them")
    parser.add_argument(
        "--reference",
        default="",
        help="method, or hash of a configuration, to subtract; empty: spos where there is one",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="also write OUTPUT.md, .csv and .parquet, a picture of Kendall τ over the seeds as "
        "OUTPUT.png, .pdf and .svg, a heat map of the paired differences between "
        "configurations as OUTPUT-differences.png, .pdf and .svg, and of runs with --watch Kendall "
        "τ over what was spent as OUTPUT-anytime.png, .pdf, .svg, .csv and .parquet",
    )
    parser.add_argument(
        "--agreement",
        action="store_true",
        help="Kendall τ between the scores of runs of one configuration instead: of two seeds, and "
        "of one seed on two processors, which round otherwise; with --output as .md, .csv and "
        ".parquet",
    )
    parser.add_argument(
        "--protocol",
        default="all",
        metavar="NAME",
        help="compare on some of the ranked architectures: " + PROTOCOLS.replace("%", "%%"),
    )
    parser.add_argument(
        "--unequal",
        action="store_true",
        help="compare although a method's training cost other than it declares",
    )
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    given = parser.parse_args(arguments)
    if given.agreement:
        return agree(given)

    from reports.pictures import anytime_tau, paired_differences, tau_of_seeds
    from reports.runs.anytime import save_points
    from reports.runs.compare import compared
    from reports.runs.configuration import check_declared
    from reports.runs.protocols import under
    from reports.runs.record import load_all, run_folders
    from reports.text.comparison_table import save, to_markdown
    from reports.text.terminal import show

    recorded = load_all(run_folders(given.runs))
    if not given.unequal:
        check_declared(recorded)
    records = under(recorded, given.protocol, given.data)
    table = compared(records, given.reference or None, given.data)
    if given.json:
        print(table.to_json(orient="records", indent=2))
    else:
        show(to_markdown(table))
    if given.output:
        save(table, given.output)
        tau_of_seeds.draw(records, given.output)
        paired_differences.draw(records, f"{given.output}-differences")
        if anytime_tau.draw(recorded, f"{given.output}-anytime"):
            save_points(recorded, f"{given.output}-anytime")


def agree(given: argparse.Namespace) -> None:
    """Print how far scores agree, and write it if asked to.

    Raises :class:`UsageError` for options that it has no use for.
    """
    if given.reference:
        raise UsageError("--agreement subtracts nothing; leave out --reference.")

    from reports.runs.agreement import agreement
    from reports.runs.protocols import USUAL
    from reports.runs.record import run_folders
    from reports.text.agreement_table import to_json, to_markdown
    from reports.text.comparison_table import save
    from reports.text.terminal import show

    if given.protocol != USUAL:
        raise UsageError("--agreement is of all that both runs scored; leave out --protocol.")
    pairs = agreement(run_folders(given.runs))
    if given.json:
        print(to_json(pairs))
    else:
        show(to_markdown(pairs))
    if given.output:
        save(pairs, given.output, to_markdown)
