"""The summary of runs as Markdown: a table per context, and what a reader must know of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files.store import atomic_path
from harness.metrics.caveats import few_architectures
from harness.metrics.intervals import Interval
from harness.metrics.rendering import known
from reports.runs.configuration import scored_words
from reports.runs.protocols import USUAL
from reports.style.formatting import bracketed, millions
from reports.text.escaping import MARKDOWN

if TYPE_CHECKING:
    import pandas

Row = dict[str, Any]
PASSES = ("image_passes", "scoring_image_passes")
NOT_SHOWN = "not shown"  # of a difference whose interval holds zero
ONE_SEED = "one seed"  # of one whose interval, over architectures alone, does not
EQUAL = 1.05  # largest ratio of image passes that counts as equal cost
UNEQUAL = 1.25  # of those of trainings from where on scoring as many images makes nothing equal


def to_markdown(table: pandas.DataFrame) -> str:
    """The frame of :func:`reports.runs.compare.summary` as Markdown, for people."""
    rows = [
        {key: None if _is_missing(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
    contexts: dict[str, list[Row]] = {}
    for row in rows:
        contexts.setdefault(_context(row), []).append(row)
    return "\n".join(
        "\n".join([head, "", *_table(r), "", *_notes(r), ""]) for head, r in contexts.items()
    )


def save(
    table: pandas.DataFrame,
    stem: Path | str,
    for_people: Callable[[pandas.DataFrame], str] = to_markdown,
) -> list[Path]:
    """Write ``stem`` .md, .csv and .parquet, each atomically; returns their paths."""
    writers: dict[str, Callable[[Path], Any]] = {
        ".md": lambda path: path.write_text(for_people(table), encoding="utf-8"),
        ".csv": lambda path: table.to_csv(path, index=False),
        ".parquet": lambda path: table.to_parquet(path, index=False),
    }
    paths = [Path(f"{stem}{suffix}") for suffix in writers]
    for path, write in zip(paths, writers.values(), strict=True):
        with atomic_path(path) as temporary:
            write(temporary)
    return paths


def _context(row: Row) -> str:
    name = f"**{MARKDOWN.escape(row['space'])} on {MARKDOWN.escape(row['task'])}**"
    return (
        f"{name}: {row['architectures']} architectures{_protocol(row)}; "
        f"{MARKDOWN.escape(scored_words(row))}; truth of {MARKDOWN.escape(row['table'])}: "
        f"training {MARKDOWN.escape(row['truth'])}, {MARKDOWN.escape(row['split'])} split, "
        f"{known(row['epochs'], 'epochs')}, {known(row['truth_seeds'], 'seeds')}"
    )


def _protocol(row: Row) -> str:
    return "" if row["protocol"] == USUAL else f" (protocol {row['protocol']})"


def _table(rows: list[Row]) -> list[str]:
    """Head, rule and rows; columns in which no row has anything are left out."""
    cells = {head: [cell(row) for row in rows] for head, cell in COLUMNS.items()}
    reference = next((row["reference"] for row in rows if row.get("reference")), "")
    names = [head for head, column in cells.items() if any(column)]
    heads = [head.format(reference=MARKDOWN.escape(reference)) for head in names]
    rule = [":--" if head in WORDS else "--:" for head in names]
    body = [[cells[head][i] or "–" for head in names] for i in range(len(rows))]
    return [f"| {' | '.join(line)} |" for line in (heads, rule, *body)]


def reservations(rows: Sequence[Row]) -> list[str]:
    """Plain sentences on why the rows of a context say little, or are not at equal cost."""
    methods = [row for row in rows if row["kind"] == "method"]
    bounded = any(row.get("tau_low") is not None for row in methods)
    said = [few for row in methods[:1] for few in few_architectures(row["architectures"], bounded)]
    for row in methods:
        if times := row.get("times_declared"):
            more = ", ".join(filter(None, (row["arm"], row["qp"], row["settings"])))
            said.append(
                f"The training of {row['method']}{f' ({more})' if more else ''} cost {times:.2g} times the compute that its method "
                "declares, so that it is not at equal cost with others."
            )
    return said


def _notes(rows: list[Row]) -> list[str]:
    """Sentences on intervals, comparisons and costs, as far as they apply."""
    notes = [*map(MARKDOWN.escape, reservations(rows))]
    notes += [
        "Intervals are 95 %, of P@top at least; those of τ are over seeds and architectures, of a "
        "single seed over architectures alone."
    ]
    told = {row["reference_note"] for row in rows if row.get("reference_note")}
    notes += map(MARKDOWN.escape, sorted(told))
    differences = [row for row in rows if row.get("difference") is not None]
    if differences:
        several = any(row["difference_n"] > 1 for row in differences)
        single = any(row["difference_n"] == 1 for row in differences)
        bounded = any(row.get("difference_low") is not None for row in differences)
        over = "a t interval over seeds" if several else "an interval over architectures"
        over += ", of a single seed over architectures alone" * (several and single)
        notes.append(
            f"Differences pair the seeds on the same architectures, with {over}; "
            '"not shown" marks those that it cannot tell from zero'
            + (f', "{ONE_SEED}" those that another seed may not repeat.' if single else ".")
            if bounded
            else "Differences are of a single seed, on the same architectures: without an interval over "
            "seeds, so that none is shown."
        )
    if len(differences) > 1:
        notes.append(
            f"With {len(differences)} comparisons, one or another may exclude zero by chance."
        )
    if any(row.get("over_floor") is not None for row in rows):
        below = [row for row in rows if row["kind"] == "floor"]
        best = max(below, key=lambda row: row["tau"])
        notes.append(f"The best floor is {MARKDOWN.escape(best['method'])}.")
    counts = [[row.get(name) or 0 for name in PASSES] for row in rows if _passes(row)]
    training, passes = [own[0] for own in counts if own[0]], [sum(own) for own in counts]
    equal = len(counts) > 1 and max(passes) <= EQUAL * min(passes)
    if equal and training and max(training) > UNEQUAL * min(training):
        few, many = min(training), max(training)
        notes.append(f"Trainings are not equal: from {few:,.0f} to {many:,.0f} image passes.")
    elif equal:
        notes.append("Costs are equal in image passes, within 5 %.")
    elif len(counts) > 1:
        few, many = millions(min(passes)), millions(max(passes))
        notes.append(f"Costs are not equal: from {few} to {many} image passes.")
    devices = sorted({row["device"] for row in rows if row.get("device")})
    return [*notes, f"Seconds on {MARKDOWN.escape(' and '.join(devices))}."] if devices else notes


def _measure(column: str, form: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        if row.get(column) is None:
            return ""
        bounds = {key: row.get(f"{column}_{key}") for key in ("low", "high")}
        return bracketed(Interval(value=row[column], n=0, **bounds), form)

    return cell


def difference(row: Row) -> str:
    """τ minus that of the reference with its interval, and what that leaves open."""
    text = _measure("difference", "+.3f")(row)
    if not text:
        return ""
    pairs = f" ({row['difference_n']} of {row['seeds']} seeds)"
    text += "" if row["difference_n"] == row["seeds"] else pairs
    alone = row["difference_n"] == 1 and _excludes_zero(row, "difference")
    return text if row["shown"] else f"{text}, {ONE_SEED if alone else NOT_SHOWN}"


def over_floor(row: Row) -> str:
    """τ minus the best floor with its interval, and whether that does not exclude zero."""
    text, known = _measure("over_floor", "+.3f")(row), row.get("over_floor_low") is not None
    return f"{text}, {NOT_SHOWN}" if known and not _excludes_zero(row, "over_floor") else text


def _excludes_zero(row: Row, column: str) -> bool:
    low, high = (row.get(f"{column}_{end}") for end in ("low", "high"))
    return low is not None and (low > 0 or high < 0)


def _method(row: Row) -> str:
    kind = "floor: " if row["kind"] == "floor" else ""
    return f"{kind}{MARKDOWN.escape(row['method'])}"


def _text(column: str) -> Callable[[Row], str]:
    return lambda row: MARKDOWN.escape(row.get(column) or "")


def _passes(row: Row) -> str:
    counts = [row.get(name) for name in PASSES]
    return " + ".join(millions(count) for count in counts if count is not None)


WORDS = ("method", "kd", "qp", "settings")
COLUMNS: dict[str, Callable[[Row], str]] = {
    "method": _method,
    "kd": _text("arm"),
    "qp": _text("qp"),
    "settings": _text("settings"),
    "seeds": _text("seeds"),
    "Kendall τ": _measure("tau", ".3f"),
    "over the best floor": over_floor,
    "τ − τ of {reference}": difference,
    "τ unique": _measure("unique_tau", ".2f"),
    "τ top 10 %": _measure("top10_tau", ".2f"),
    "P@top 10 %": _measure("precision_at_top10pct", ".2f"),
    "regret (points)": _measure("regret", ".2f"),
    "image passes (training + scoring)": _passes,
    "seconds": lambda row: f"{row['seconds']:.0f}" if row.get("seconds") else "",
}


def _is_missing(value: Any) -> bool:
    import pandas

    return value is None or value is pandas.NA or value != value
