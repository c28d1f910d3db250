"""The columns that show a run, and all that is known of it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.metrics.intervals import Interval
from reports.runs.record import Record, ceiling, floors
from reports.runs.row import Row
from reports.style.formatting import bracketed, decimal, millions


def options_text(method: dict[str, str], settings: str) -> str:
    """The arm of a configuration and what else tells it apart, in words."""
    arm = [f"{key} {method[name]}" for name, key in (("arm", "kd"), ("qp", "qp")) if method[name]]
    return ", ".join(filter(None, [*arm, settings]))


@dataclass(frozen=True)
class Column:
    """``text`` is what a cell shows, empty where nothing is known; ``value`` sorts numbers."""

    head: str
    text: Callable[[Row], str]
    value: Callable[[Row], float | None] | None = None
    hint: str = ""


def passes(row: Row) -> str:
    """Image passes of training and of scoring."""
    counts = [row[name] for name in ("image_passes", "scoring_image_passes")]
    return " + ".join(millions(count) for count in counts if count is not None)


def _word(name: str, head: str = "", hint: str = "") -> Column:
    return Column(head or name, lambda row: str(row.get(name) or ""), None, hint)


def _number(name: str, head: str, form: str, hint: str = "") -> Column:
    def text(row: Row) -> str:
        return "" if row.get(name) is None else decimal(row[name], form)

    return Column(head, text, lambda row: row.get(name), hint)


def _bounded(name: str, head: str, form: str, hint: str) -> Column:
    """A number with its 95 % interval, where it has one."""

    def text(row: Row) -> str:
        if row.get(name) is None:
            return ""
        bounds = {key: row[f"{name}_{key}"] for key in ("low", "high")}
        return bracketed(Interval(value=row[name], n=0, **bounds), form)

    return Column(head, text, lambda row: row.get(name), hint)


def _n(row: Row) -> str:
    n, of = row["n"], row["n_table"]
    return f"{n:,}" if n == of else f"{n:,} of {of:,}"


COLUMNS = (
    _bounded("tau", "Kendall τ", ".3f", "with its 95 % interval"),
    _word("status"),
    _word("options", "options that differ"),
    _word("space"),
    _word("task"),
    _word("preset"),
    _number("seed", "seed", "d", "of the supernet"),
    _number("floor", "floor (params)", ".3f", "τ of ranking by the number of parameters"),
    _number("ceiling", "ceiling", ".3f", "τ of the truth and a second measurement of it"),
    _bounded(
        "over_floor", "over floor", "+.3f", "τ minus the best floor, on the same architectures"
    ),
    _number("top10_tau", "τ top 10 %", ".2f", "on the best tenth by truth"),
    _number("regret", "regret", ".2f", "the table's best minus the found one, in points"),
    _number("found_truth", "found (%)", ".2f", "stand-alone accuracy of what was found"),
    Column(
        "image passes",
        passes,
        lambda row: (row.get("image_passes") or 0) + (row.get("scoring_image_passes") or 0),
        "training + scoring",
    ),
    _number("seconds", "seconds", ".0f"),
    _word("truth", "truth of", "the training whose test accuracies scores are compared with"),
    _word("split", "truth split"),
    _word("scored_on", "scored on"),
    _word("by", "scored by", "accuracy or loss on validation images, or as the method does"),
    _word("bn", "BN"),
    _word("protocol", "protocol", "on which of the ranked architectures τ is taken"),
    Column("n", _n, lambda row: row.get("n"), "architectures ranked"),
)
FOLDED = ("floor (params)", "ceiling", "image passes", "scored by")  # said in the ranking
SHOWN = ("Kendall τ", "over floor", "τ top 10 %", "image passes", "seconds")


def facts(record: Record, row: Row) -> list[tuple[str, str]]:
    """Pairs of a name and a text; what is not known is left out."""
    cells = {column.head: column.text(row) for column in COLUMNS}
    above = ceiling(record)
    below = floors(record)
    best = max((bound.tau["value"] for bound in below), default=0.0)
    bounds = [
        (f"{'best floor' if bound.tau['value'] == best else 'floor'}: {bound.label}", bound)
        for bound in below
    ]
    bounds += [(above.label, above)] if above else []
    versions = record.get("versions")
    versions = versions if isinstance(versions, dict) else {}
    notes = record.get("notes")
    pairs = [
        *((name, cells[name]) for name in SHOWN[:3]),
        *((label, bracketed(bound.tau, ".3f")) for label, bound in bounds),
        *((name, cells[name]) for name in SHOWN[3:]),
        ("options", _options(record)),
        ("device", record.get("costs", "device")),
        ("found", record.get("found", "how")),
        ("truth", record.get("ground_truth", "version")),
        ("ceiling measured", record.get("ceiling", "how")),
        ("versions", ", ".join(f"{name} {versions[name]}" for name in versions)),
        *(("note", note) for note in (notes if isinstance(notes, list) else [])),
    ]
    return [(name, str(text)) for name, text in pairs if text]


def _options(record: Record) -> str:
    options = record.get("config", "options")
    if not isinstance(options, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in options.items() if value != "")
