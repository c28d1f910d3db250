"""The agreement of scores as Markdown and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reports.runs.agreement import means
from reports.style.formatting import decimal
from reports.text.escaping import MARKDOWN

if TYPE_CHECKING:
    import pandas

TITLE = "Agreement of scores"
HEADS = (
    "method", "kd", "qp", "settings", "runs differ in", "pairs", "τ between their scores", "lowest",
    "their τ with the truth apart by", "at most",
)  # fmt: skip
WORDS = 5  # heads of columns that are words
MEANING = {
    "seed": "seed: two supernets, on one processor",
    "processor": "processor: the same seed computed by other instructions, so rounding alone",
    "nothing": "nothing: the same seed again, on the same processor as far as records tell",
}


def to_markdown(pairs: pandas.DataFrame) -> str:
    """The frame of :func:`reports.runs.agreement.agreement` as Markdown, for people."""
    rows = means(pairs).to_dict("records")
    lines = []
    for place in dict.fromkeys(_place(row) for row in rows):
        own = [row for row in rows if _place(row) == place]
        lines += [f"**{TITLE}**: {place}", "", *_table(own), "", _note(own), ""]
    return "\n".join(lines)


def to_json(pairs: pandas.DataFrame) -> str:
    """``means`` and ``pairs``, rows of the two frames; what is undefined is null."""
    frames = {"means": means(pairs), "pairs": pairs}
    rows = {name: json.loads(frame.to_json(orient="records")) for name, frame in frames.items()}
    return json.dumps(rows, indent=2, allow_nan=False)


def _place(row: dict[str, Any]) -> str:
    space, task = (MARKDOWN.escape(row[name]) for name in ("space", "task"))
    return f"{space} on {task}, {row['architectures']:,} architectures"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Head, rule and rows; columns of words in which no row has any are left out."""
    body = [
        [MARKDOWN.escape(row[name]) for name in ("method", "arm", "qp", "settings", "differ")]
        + [str(row["pairs"]), *(_decimal(row[name]) for name in ("tau", "lowest"))]
        + [_decimal(row[name]) for name in ("truth_apart", "most_apart")]
        for row in rows
    ]
    kept = [i for i in range(len(HEADS)) if any(line[i] for line in body)]
    rule = [":--" if i < WORDS else "--:" for i in kept]
    lines = [[HEADS[i] for i in kept], rule, *([line[i] or "–" for i in kept] for line in body)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _decimal(value: float | None) -> str:
    return "" if value is None or value != value else decimal(value, ".3f")


def _note(rows: list[dict[str, Any]]) -> str:
    kinds = [MEANING[kind] for kind in MEANING if any(row["differ"] == kind for row in rows)]
    return f"Means over pairs of runs of one configuration. Runs differ in {'; '.join(kinds)}."
