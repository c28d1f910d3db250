"""``python docs/write_tables.py``: write the measured tables of the documents from the package's runs.

A table stands in its document between ``<!-- table NAME -->`` and ``<!-- end of table -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from harness.metrics.floors import is_itself
from harness.metrics.intervals import Interval, combine
from reports.runs.configuration import Configuration, configurations
from reports.runs.later_floors import with_best_proxy
from reports.runs.paired import is_shown, paired_difference
from reports.runs.record import ceiling, load_all
from reports.runs.single_pair import over_architectures
from reports.style.formatting import bracketed, decimal

DOCS = Path(__file__).parent
RUNS = DOCS.parent / "harness" / "measured" / "runs"
DOCUMENTS = (DOCS.parent / "README.md", DOCS / "real-ranking.md")
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


# What stands in a column -----------------------------------------------------------------------


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


def less(name: str) -> Cell:
    """τ less that of other runs, paired by seed; where there is one pair, over its architectures."""

    def cell(group: Configuration) -> str:
        other = runs_of(name)
        difference = paired_difference(group.taus, other.taus)
        if difference["n"] == 1:
            (seed,) = group.runs.keys() & other.runs.keys()
            difference = over_architectures(group.runs[seed], other.runs[seed]) or difference
        return "–" if group is other else marked(difference)

    return cell


def less_floor(name: str) -> Cell:
    """τ less that of a floor, with the interval over seeds and architectures."""

    def cell(group: Configuration) -> str:
        if is_itself(name, group.method["method"]):
            return "–"
        own = combine([run.interval("over_floors", name) for run in group.runs.values()])
        return marked(Interval(**own | {"n": len(group.runs)}))

    return cell


def marked(difference: Interval) -> str:
    """A difference over ``n`` seeds: bold where it is shown by several, told where it is not shown."""
    text = bracketed(difference, "+.3f")
    if not is_shown(difference):
        return f"{text}, not shown"
    return f"**{text}**" if difference["n"] > 1 else text


# What stands where -----------------------------------------------------------------------------

BEST_PROXY = "proxy-az-nas"
NB201 = "nb201-cifar10-"
SPOS, AZ_NAS = f"{NB201}spos-738de595", f"{NB201}az-nas-fe7ae047"
MEAN = "τ, mean [95 %]"
BOUNDS = (BEST_PROXY, "epochs-12", "flops", "params", "ceiling")
FLOORS = {
    "floor: each alone for 12 epochs": "epochs-12",
    "floor: parameters, FLOPs": "params",
    "ceiling of this ground truth": "ceiling",
}
METHODS: dict[str, Cell] = {
    "steps": steps,
    "τ of seeds 0 to 2": taus,
    MEAN: tau,
    "less parameters": less_floor("params"),
    "less SPOS": less(SPOS),
    "found, %": found,
}
TABLES: dict[str, tuple[dict[str, Cell], dict[str, str]]] = {
    "main": (
        {
            "seeds": seeds,
            MEAN: tau,
            "less SPOS": less(SPOS),
            "less AZ-NAS": less_floor(BEST_PROXY),
        },
        {
            "PA-DA and AZ-NAS, ranks weighed alike": f"{NB201}ensemble-b668dac7",
            "best proxy, nothing trained: AZ-NAS": AZ_NAS,
            "PA-DA": f"{NB201}pa-da-259ac378",
            "SPOS": SPOS,
            "EnNAS": f"{NB201}ennas-a74bcec6",
            "MNGNAS, coefficients corrected": f"{NB201}mngnas-3cec81a7",
            "MNGNAS, as printed": f"{NB201}mngnas-3a66ddbe",
            "floor: parameters, FLOPs": "params",
        },
    ),
    "ranked": (
        {
            "τ of seeds 0 to 2": taus,
            MEAN: tau,
            "less 12 epochs": less_floor("epochs-12"),
            "less AZ-NAS": less_floor(BEST_PROXY),
        },
        {
            "PA-DA and AZ-NAS, weighed 1 to 4": f"{NB201}ensemble-f7372932",
            "PA-DA and AZ-NAS, weighed alike": f"{NB201}ensemble-b668dac7",
            "SPOS and AZ-NAS, weighed 1 to 4": f"{NB201}ensemble-7fe1fee5",
            "SPOS at a constant learning rate and AZ-NAS, 1 to 4": f"{NB201}ensemble-f7f0813b",
            "AZ-NAS": AZ_NAS,
            "SPOS and AZ-NAS, weighed alike": f"{NB201}ensemble-c4bb71a8",
            "PA-DA": f"{NB201}pa-da-259ac378",
            "SPOS": SPOS,
            "SynFlow": f"{NB201}synflow-6b2bf08e",
            **FLOORS,
        },
    ),
    "supernets": (
        METHODS,
        {
            "PA-DA": f"{NB201}pa-da-259ac378",
            "SPOS": SPOS,
            "SPOS at a constant learning rate": f"{NB201}spos-5c3dad22",
            "RSPS": f"{NB201}rsps-31cc4c80",
            "MCT-NAS": f"{NB201}mct-nas-06a7920b",
            "MixPath": f"{NB201}mixpath-24a02c97",
            "sandwich rule": f"{NB201}sandwich-4e161292",
            "EnNAS": f"{NB201}ennas-a74bcec6",
            "GreedyNAS": f"{NB201}greedynas-3eb62958",
            "few-shot, five parts": f"{NB201}few-shot-60570772",
            "FairNAS": f"{NB201}fairnas-3fa3d4c0",
            "SUMNAS": f"{NB201}sumnas-30c712a7",
            "NSAS": f"{NB201}nsas-ba267cf1",
            "BossNAS": f"{NB201}bossnas-a39b4e46",
            "RLNAS": f"{NB201}rlnas-972c4fd1",
            "MNGNAS, corrected, on SPOS's supernet": f"{NB201}mngnas-3cec81a7",
            "MNGNAS, as printed, on SPOS's supernet": f"{NB201}mngnas-3a66ddbe",
            "MNGNAS, as printed, on MixPath's": f"{NB201}mngnas-5423731b",
            "MNGNAS, as printed, on FairNAS's": f"{NB201}mngnas-856baf24",
        },
    ),
    "relaxed": (
        METHODS | {"skip connections": skips},
        {
            "SNAS": f"{NB201}snas-ce5d7817",
            "ENAS": f"{NB201}enas-921eaedd",
            "DARTS-": f"{NB201}darts--e249af87",
            "SETN": f"{NB201}setn-7febf44b",
            "FairDARTS": f"{NB201}fairdarts-1415fbce",
            "DARTS": f"{NB201}darts-a7bc25c5",
            "GDAS": f"{NB201}gdas-36b01fb2",
            "P-DARTS": f"{NB201}p-darts-4bfdc9ce",
        },
    ),
    "whole": (
        {
            "τ of seeds 0 to 2": taus,
            MEAN: tau,
            "less AZ-NAS": less_floor(BEST_PROXY),
            "less parameters": less_floor("params"),
        },
        {
            "SPOS and AZ-NAS, weighed 1 to 4": f"{NB201}ensemble-c8d4f4a2",
            "AZ-NAS": f"{NB201}az-nas-46acc3c1",
            "SPOS": f"{NB201}spos-0f6f6477",
            **FLOORS,
        },
    ),
    "macro": (
        {
            "τ of seeds 0 to 2": taus,
            MEAN: tau,
            "less FLOPs": less_floor("flops"),
            "less AZ-NAS": less_floor(BEST_PROXY),
        },
        {
            "SPOS": "macro-cifar10-spos-77871fdd",
            "EnNAS": "macro-cifar10-ennas-ed80ad0f",
            "floor: best proxy, AZ-NAS": BEST_PROXY,
            "floor: FLOPs": "flops",
            "floor: parameters": "params",
            "ceiling of this ground truth": "ceiling",
        },
    ),
}


def table(columns: dict[str, Cell], rows: dict[str, str]) -> str:
    """``columns`` of the configurations ``rows``, best first, then of floors and ceiling, those of the first."""
    first = runs_of(next(iter(rows.values()))).first
    lines = [["", *columns], [":--", *["--:"] * len(columns)]]
    ranked = sorted(
        set(rows.values()) - set(BOUNDS), key=lambda name: -(runs_of(name).tau["value"] or 0)
    )
    for label, name in sorted(rows.items(), key=lambda row: (*ranked, *BOUNDS).index(row[1])):
        if name in BOUNDS:
            bound = ceiling(first) if name == "ceiling" else None
            interval = bound.tau if bound else first.interval("floors", name)
            cells = [
                f"*{bracketed(interval, '.3f')}*" if c is tau else "" for c in columns.values()
            ]
            lines.append([f"*{label}*", *cells])
        else:
            lines.append([label, *(cell(runs_of(name)) for cell in columns.values())])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("  |", " |")


def written(document: Path) -> str:
    """The text of ``document`` with its tables as the runs have them."""

    def block(match: re.Match[str]) -> str:
        return f"{match[1]}{table(*TABLES[match[2]])}{match[3]}"

    return BLOCK.sub(block, document.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(written(path), encoding="utf-8")
