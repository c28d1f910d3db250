"""``nas-harness page``: one HTML file for a folder of runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.config.options import PROTOCOLS, Parser


def main(arguments: list[str]) -> None:
    """Write the page; print its path on standard output, what it leaves out on standard error."""
    parser = Parser(
        prog="nas-harness page",
        example="nas-harness page runs",
        description="Write one HTML page of recorded runs that opens from disk and needs no "
        "network: a sortable table, methods ranked by Kendall τ with intervals, and of each run "
        "its scatter, the architectures drawn, its learning curves; and stand-alone trainings. "
        "Nothing is trained.",
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of them")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="left out: report.html in the first of RUNS"
    )
    parser.add_argument(
        "--protocol",
        default="all",
        metavar="NAME",
        help="measure on some of the ranked architectures: " + PROTOCOLS.replace("%", "%%"),
    )
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    given = parser.parse_args(arguments)

    from dataclasses import asdict
    from datetime import date

    from harness.environment import harness_version
    from harness.files.store import atomic_path
    from reports.page.compose import compose
    from reports.page.folders import gather
    from reports.page.standalone import read_trainings
    from reports.runs.protocols import under

    trainings = read_trainings(given.runs)
    records, left = gather(given.runs, needed=not trainings)
    output = given.output or given.runs[0] / "report.html"
    measured = under(records.values(), given.protocol, given.data)
    of = ", ".join(map(str, given.runs))
    version = harness_version() or "(unknown)"
    about = f"Folder: {of}. Written on {date.today()} by nas-harness {version}."
    shown = dict(zip(records, measured, strict=True))
    text = compose(records, left, shown, about, trainings, given.data)
    with atomic_path(output) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    if given.json:
        written = {"file": str(output), "bytes": output.stat().st_size}
        written |= {"runs": sorted(records), "left_out": [asdict(folder) for folder in left]}
        written["trainings"] = [training.name for training in trainings]
        print(json.dumps(written, indent=2))
        return
    for folder in left:
        print(f"{folder.status}: {folder.name}: {folder.reason}", file=sys.stderr)
    print(output)
