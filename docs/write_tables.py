"""``python docs/write_tables.py``: write the measured tables of the documents from the package's runs.

A table stands in its document between ``<!-- table NAME -->`` and ``<!-- end of table -->``; what is in it
stands in ``docs/tables.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from harness.metrics.floors import is_itself
from harness.metrics.intervals import Interval
from reports.runs.compare import less, over
from reports.runs.configuration import Configuration, configurations
from reports.runs.later_floors import with_best_proxy
from reports.runs.paired import is_shown
from reports.runs.record import ceiling, floors, load_all
from reports.style.formatting import bracketed, decimal

DOCS = Path(__file__).parent
RUNS = DOCS.parent / "harness" / "measured" / "runs"
DOCUMENTS = (DOCS.parent / "README.md", DOCS / "real-ranking.md", DOCS / "results.md")
TABLE_V = DOCS.parent / "reports" / "papers" / "mngnas" / "table-5.toml"
AUTHORS = {"enas": "54.30", "setn": "87.64", "rsps": "87.66"}  # of NAS-Bench-201, Dong & Yang 2020
BLOCK = re.compile(r"(<!-- table (.+?) -->\n).*?(<!-- end of table -->)", re.DOTALL)
Cell = Callable[[Configuration], str]


@cache
def runs_of(name: str) -> Configuration:
    """The packaged runs, of all seeds, of a configuration: in the names of their folders, less the seed.

    Raises :class:`ValueError` where there are none, or where they are of several configurations.
    """
    records = load_all(sorted(RUNS.glob(f"{name}-s[0-9]*")))
    (found,) = configurations(with_best_proxy(records))
    return found


def seeds(group: Configuration) -> str:
    return str(len(group.runs))


def steps(group: Configuration) -> str:
    return f"{group.first.number('costs', 'steps') or 0:,.0f}"


def tau(group: Configuration) -> str:
    """The mean over the seeds, with the interval over seeds and architectures."""
    return bracketed(group.tau, ".3f")


def taus(group: Configuration) -> str:
    """τ of each seed; of a single one it is the mean."""
    own = [decimal(value, ".3f") for value in group.taus.values() if value is not None]
    return ", ".join(own) if len(own) > 1 else "–"


def found(group: Configuration) -> str:
    """The test accuracy of what each seed found, in percent."""
    return ", ".join(f"{run.number('found', 'truth'):.2f}" for run in group.runs.values())


def skips(group: Configuration) -> str:
    """How many skip connections are in what each seed found."""
    archs = [str(run.get("found", "arch")) for run in group.runs.values()]
    return ", ".join(str(arch.count("skip_connect")) for arch in archs)


@cache
def printed_accuracies() -> dict[str, str]:
    """By method, and what it is based on, the test accuracy that it finds by Table V of MNGNAS."""
    rows = tomllib.loads(TABLE_V.read_text(encoding="utf-8"))["rows"]
    values = {
        f"{row['run']['method']} {row['run'].get('options.base', '')}": row["printed"]["c10-test"]
        for row in rows
        if "run" in row
    }
    return {name.strip(): value.partition("±")[0] for name, value in values.items()} | AUTHORS


def printed(group: Configuration) -> str:
    """What is printed of what it finds: in Table V, or by the authors of NAS-Bench-201."""
    method, base = (
        str(group.first.get("config", *k) or "") for k in (["method"], ["options", "base"])
    )
    return printed_accuracies().get(f"{method} {base}".strip(), "–")


def less_runs(name: str) -> Cell:
    """τ less that of other runs, as ``compare`` has it."""

    def cell(group: Configuration) -> str:
        return "–" if group is runs_of(name) else marked(less(group, runs_of(name)))

    return cell


def less_floor(name: str) -> Cell:
    """τ less that of a floor, as ``compare`` has it."""

    def cell(group: Configuration) -> str:
        if is_itself(name, group.method["method"]):
            return "–"
        (floor,) = (floor for floor in floors(group.first) if floor.name == name)
        return marked(Interval(**over(group, floor) | {"n": len(group.runs)}))

    return cell


def marked(difference: Interval) -> str:
    """A difference over ``n`` seeds: bold where it is shown by several, told where it is not shown."""
    text = bracketed(difference, "+.3f")
    if not is_shown(difference):
        return f"{text}, not shown"
    return f"**{text}**" if difference["n"] > 1 else text


BEST_PROXY = "proxy-az-nas"
BOUNDS = (BEST_PROXY, "epochs-12", "flops", "params", "ceiling")
COLUMNS: dict[str, Cell] = {
    "seeds": seeds,
    "steps": steps,
    "τ of seeds 0 to 2": taus,
    "τ, mean [95 %]": tau,
    "less SPOS": less_runs("nb201-cifar10-spos-738de595"),
    "less AZ-NAS": less_floor(BEST_PROXY),
    "less 12 epochs": less_floor("epochs-12"),
    "less FLOPs": less_floor("flops"),
    "less parameters": less_floor("params"),
    "found, %": found,
    "printed": printed,
    "skip connections": skips,
}


def table(columns: Sequence[str], rows: Mapping[str, str]) -> str:
    """``columns`` of the configurations ``rows``, best first, then of floors and ceiling, those of the first."""
    first = runs_of(next(iter(rows.values()))).first
    lines = [["", *columns], [":--", *["--:"] * len(columns)]]
    measured = [name for name in rows.values() if name not in BOUNDS]  # equals stay in this order
    ranked = sorted(measured, key=lambda name: -(runs_of(name).tau["value"] or 0))
    for label, name in sorted(rows.items(), key=lambda row: (*ranked, *BOUNDS).index(row[1])):
        if name in BOUNDS:
            bound = ceiling(first) if name == "ceiling" else None
            interval = bound.tau if bound else first.interval("floors", name)
            text = f"*{bracketed(interval, '.3f')}*"
            cells = [text if COLUMNS[column] is tau else "" for column in columns]
            lines.append([f"*{label}*", *cells])
        else:
            lines.append([label, *(COLUMNS[column](runs_of(name)) for column in columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("  |", " |")


def written(document: Path) -> str:
    """The text of ``document`` with its tables as the runs have them."""
    tables = tomllib.loads((DOCS / "tables.toml").read_text(encoding="utf-8"))

    def block(match: re.Match[str]) -> str:
        return f"{match[1]}{table(**tables[match[2]])}{match[3]}"

    return BLOCK.sub(block, document.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(written(path), encoding="utf-8")
