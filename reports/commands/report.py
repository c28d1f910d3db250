"""``nas-harness report``: printed tables and figures beside what recorded runs measured."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.config.options import Parser, whole_number
from searchspaces.errors import UsageError


def main(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness report",
        example="nas-harness report mngnas table-1",
        description="Set a printed table or figure beside what tables of ground truth and recorded "
        "runs say of it, every cell tagged: printed, table, trained-full, trained-reduced, "
        "transferred, not run, not measured. Writes Markdown, LaTeX, CSV and HTML, and figures as PNG, PDF and SVG. "
        "Nothing is trained.",
    )
    add_arguments(parser)
    given = parser.parse_args(arguments)
    if given.items or given.all:
        publish(given, chosen(given))
    else:
        print(contents(given.paper))


def contents(paper: str) -> str:
    """What each item of a paper is: its name, its title and the first sentence of its caption."""
    from reports.papers.definition.loading import item_names, load_item

    names = item_names(paper)
    width = max(map(len, names))
    items = [load_item(paper, name) for name in names]
    rows = [
        f"  {i.name:<{width}}  {i.title}: {i.caption.partition('. ')[0].rstrip('.')}."
        for i in items
    ]
    return "\n".join([*rows, "", f"nas-harness report {paper} {names[0]}, or --all of them"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which items, which runs fill them, and where all forms go."""
    parser.add_argument("paper", metavar="PAPER", help="a folder of reports/papers, as mngnas")
    parser.add_argument("items", metavar="ITEM", nargs="*", help="as table-11 or fig-10")
    parser.add_argument("--all", action="store_true", help="every item of the paper")
    parser.add_argument("--preset", help="of the runs; left out: the item's own")
    parser.add_argument("--task", help="of the runs; left out: the item's own")
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=whole_number(0),
        metavar="N",
        help="of the runs; left out: the item's own",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of run records")
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--output", type=Path, help="folder to write to; left out: paper/PAPER")
    parser.add_argument("--json", action="store_true", help="print the cells as JSON")


def chosen(given: argparse.Namespace) -> list[str]:
    """The names of the items asked for; raises :class:`UsageError` unless some are, or all."""
    from reports.papers.definition.loading import item_names

    names = item_names(given.paper)
    if bool(given.items) == given.all:
        raise UsageError(f"name items of {given.paper}, or give --all: {', '.join(names)}.")
    return names if given.all else list(dict.fromkeys(given.items))


def publish(
    given: argparse.Namespace, names: list[str], changes: Mapping[str, Any] | None = None
) -> None:
    """Write the items in all forms and print them, or of all the overview.

    ``changes`` are dotted options of the runs. Raises :class:`UsageError` for what is not known.
    """
    from reports.papers.definition.loading import load_item, load_paper
    from reports.papers.forms import as_csv, as_markdown, overview
    from reports.papers.forms.writing import write_forms, write_item
    from reports.papers.measured.cells import measure
    from reports.papers.measured.truths import Truths
    from reports.text.terminal import show

    check_choices(given)
    output = given.output or Path("paper") / given.paper
    truths, measured, texts = Truths(given.data), [], []
    for item in [load_item(given.paper, name) for name in names]:
        measured.append(
            measure(item, given.runs, given.preset, given.task, given.seeds, changes, truths)
        )
        texts.append(as_markdown.render(write_item(measured[-1], output)))
    if given.all:
        forms = overview.as_pages(load_paper(given.paper), measured)
        write_forms(forms, output / "index")
        texts = [forms[".md"]]
    if given.json:
        content = [as_csv.as_json(results) for results in measured]
        several = given.all or len(content) > 1
        print(json.dumps(content if several else content[0], indent=2, allow_nan=False))
    else:
        show("\n".join(texts))
    pages = ["index"] if given.all else names
    print("written:", *(output / f"{name}.html" for name in pages), file=sys.stderr)


def check_choices(given: argparse.Namespace) -> None:
    """Raises :class:`UsageError` for a task or preset that there is not."""
    from harness.config.presets import preset_values
    from harness.tabular.ground_truth import usual_scale

    if given.preset:
        preset_values(given.preset, "digits", "spos")
    if given.task:
        usual_scale("nb201", given.task)
