"""A run as a row of checked numbers; several runs as a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.metrics.floors import is_itself
from harness.metrics.intervals import Interval
from reports.runs.compare import over
from reports.runs.configuration import Configuration, bounded, seed_of
from reports.runs.protocols import USUAL, under
from reports.runs.record import Record, ceiling, floors, load_all, run_folders

if TYPE_CHECKING:
    import pandas

Row = dict[str, Any]
COUNTS = ("epochs", "truth_seeds", "architectures")  # which describe() gives as words


def describe(record: Record) -> Row:
    """What a record says of its run, by name; absent is None.

    Raises :class:`UsageError` where the record holds something that no run writes.
    """
    seed = seed_of(record)
    alone = Configuration("", {seed: record})
    below, above = floors(record), ceiling(record)
    tau = record.interval("metrics", "all", "kendall_tau")
    for interval in (tau, *(bound.tau for bound in below), *([above.tau] if above else [])):
        if (interval["low"] is None) != (interval["high"] is None):
            raise record.damaged("an interval has one bound")
    if not isinstance(record.get("config", "options"), dict | None):
        raise record.damaged("config.options is no mapping")
    if not isinstance(record.get("found", "arch"), str | None):
        raise record.damaged("found.arch is no text")
    words = alone.method | alone.context | {"preset": record.get("config", "preset") or ""}
    words["by"] = record.get("scoring", "by") or "accuracy"
    row = {name: str(word) for name, word in words.items()} | alone.describe()
    best = max(below, key=lambda bound: bound.tau["value"], default=None)
    beyond = Interval(value=None, low=None, high=None, n=tau["n"])
    itself = best is not None and is_itself(best.name, words["method"])
    if best is not None and tau["value"] is not None and not itself:
        beyond = over(alone, best)
    return row | {
        "seed": seed,
        "floor": record.interval("floors", "params")["value"],
        "ceiling": above and above.tau["value"],
        **bounded("over_floor", beyond),
        "found_truth": record.number("found", "truth"),
        "n": int(record.number("n") or 0),
        "n_table": int(record.number("n_table") or 0),
    }


def frame(
    folders: Iterable[Path], protocol: str = USUAL, data: Path | None = None
) -> pandas.DataFrame:
    """A row for each finished run in ``folders`` (of runs, or runs'), in the order of their paths.

    Raises :class:`UsageError` as :func:`reports.runs.record.load_all`,
    :func:`reports.runs.protocols.under` and :func:`describe` do.
    """
    import pandas

    records = under(load_all(run_folders(folders)), protocol, data)
    rows = [
        {
            "run": record.folder.name,
            "configuration": record.folder.name.rpartition("-s")[0].rpartition("-")[2],
            **describe(record),
        }
        for record in records
    ]
    table = pandas.DataFrame(rows)
    words = [name for name in table if table[name].map(type).eq(str).any()]
    counts = [name for name in COUNTS if "None" not in set(table[name])]
    numbers = [*(name for name in table if name not in words), *counts]
    return table.assign(**{name: pandas.to_numeric(table[name]) for name in numbers})
