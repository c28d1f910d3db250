"""Configurations of one context from the best mean τ to the worst, floors and ceiling among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.metrics.intervals import Interval
from reports.page.row import options_text, passes
from reports.pictures.seed_rows import limits
from reports.pictures.tau_of_seeds import context_words
from reports.runs.compare import compared
from reports.runs.configuration import Configuration
from reports.style.formatting import bracketed, decimal
from reports.text.comparison_table import (
    EQUAL,
    NOT_SHOWN,
    ONE_SEED,
    difference,
    over_floor,
    reservations,
)
from reports.text.escaping import HTML, named

Row = dict[str, Any]
KEY = (
    "Diamond and bar: mean over seeds with its 95 % interval, over seeds and architectures; of a "
    "single seed over architectures alone. Dots: one per seed. Dashed line: the highest floor. Dotted line: the ceiling. Differences pair the "
    "seeds on the same architectures, with a 95 % t interval over seeds, of one seed over architectures alone; “not shown”: it does "
    "not exclude zero; “one seed”: another may not repeat it. Image passes: training + scoring."
)


def rankings(contexts: Sequence[Sequence[Configuration]], data: Path | None = None) -> list[str]:
    """Each context as an HTML table with a chart in its rows, all on one axis of τ."""
    rows = [_rows(groups, data) for groups in contexts]
    scale = Scale(limits([0.0, *(end for one in rows for end in _ends(one))]))
    return [_ranking(context_words(g), r, scale) for g, r in zip(contexts, rows, strict=True)]


def _ends(rows: Sequence[Row]) -> list[float]:
    """Every τ that a chart draws."""
    drawn = [row for row in rows if row["tau"] is not None]
    ends = [row[key] for row in drawn for key in ("tau", "tau_low", "tau_high")]
    ends += [tau for row in rows for tau in row["values"].values()]
    return [end for end in ends if end is not None]


def _ranking(words: str, rows: Sequence[Row], scale: Scale) -> str:
    lines = [
        (kind, max(found))
        for kind in ("floor", "ceiling")
        if (found := [r["tau"] for r in rows if r["kind"] == kind and r["tau"] is not None])
    ]
    references = [row["reference"] for row in rows if row.get("reference")]
    against = f"τ − τ of {HTML.escape(references[0])}" if references else ""
    heads = ["method", "", "Kendall τ", "seeds", "over floor", against, "image passes"]
    body = [_line(row, scale, lines, heads) for row in rows]
    cells = "".join(f'<th scope="col">{head}</th>' if head else "<td></td>" for head in heads)
    body.append(f'<tr class="axis"><td></td><td class="chart">{scale.axis()}</td></tr>')
    return (
        f'<section class="context"><p>{HTML.escape(words)}</p>\n'
        f'<table class="ranking"><thead><tr>{cells}</tr></thead><tbody>\n'
        f"{chr(10).join(body)}\n</tbody></table>{_notes(rows)}</section>"
    )


class Scale:
    """From τ to per cent of a chart's width."""

    def __init__(self, ends: tuple[float, float]) -> None:
        from matplotlib.ticker import MaxNLocator

        self.low, self.high = ends
        ticks = MaxNLocator(nbins=5).tick_values(*ends)
        self.ticks = [float(tick) for tick in ticks if self.low <= tick <= self.high]

    def at(self, tau: float) -> str:
        return f"{100 * (tau - self.low) / (self.high - self.low):.2f}%"

    def axis(self) -> str:
        """The numbers below the charts."""
        texts = "".join(
            f'<text x="{self.at(tick)}" y="14" text-anchor="middle">{decimal(tick, ".2g")}</text>'
            for tick in self.ticks
        )
        return f'<svg class="spread" height="20" aria-hidden="true">{texts}</svg>'


def _rows(groups: Sequence[Configuration], data: Path | None) -> list[Row]:
    """The rows of :func:`reports.runs.compare.compared`, best first, with τ by seed in ``values``."""
    records = [record for group in groups for record in group.runs.values()]
    table = compared(records, data=data)
    named = {group.name: group for group in groups}
    rows = []
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        values: dict[int, float] = {}
        if row["kind"] == "method":
            taus = named[row["configuration"]].taus
            values = {seed: tau for seed, tau in taus.items() if tau is not None}
        rows.append(row | {"values": values})
    return sorted(rows, key=lambda row: (row["tau"] is None, -(row["tau"] or 0)))


def _line(row: Row, scale: Scale, lines: Sequence[tuple[str, float]], heads: list[str]) -> str:
    method = row["kind"] == "method"
    name = named(row["method"] if row["kind"] != "floor" else f"floor: {row['method']}")
    words = ""
    note = options_text({k: row[k] for k in ("arm", "qp")}, row["settings"] or "") if method else ""
    if times := row.get("times_declared"):
        note = ", ".join(filter(None, [note, f"cost {times:.2g} times what it declares"]))
    if note:
        name += f' <span class="soft">{named(note)}</span>'
    if method:
        told = " ".join([row["method"], note, *(str(row[k]) for k in ("space", "task"))])
        words = f' data-words="{HTML.escape(told)}"'
    cells = [_interval(row, "tau", ".3f") or "undefined"]
    cells += [str(row["seeds"]) if method else ""]
    cells += [over_floor(row), difference(row), passes(row) if method else ""]
    columns = zip(cells, heads[2:], strict=True)
    texts = "".join(
        f'<td data-head="{head}">{_cell(cell)}</td>' if cell else '<td class="none"></td>'
        for cell, head in columns
    )
    return (
        f'<tr class="{row["kind"]}"{words}><th scope="row">{name}</th>'
        f'<td class="chart">{_chart(row, scale, lines)}</td>{texts}</tr>'
    )


def _cell(text: str) -> str:
    """A difference that is not shown says so below its numbers, where there is a column for it."""
    numbers, comma, verdict = HTML.escape(text).rpartition(", ")
    if verdict not in (NOT_SHOWN, ONE_SEED):
        return HTML.escape(text)
    return f'{numbers}{comma}<span class="below">{verdict}</span>'


def _chart(row: Row, scale: Scale, lines: Sequence[tuple[str, float]]) -> str:
    """Ticks, floor and ceiling behind; the mean with its interval above, the seeds below."""
    parts = [_level("tick", scale.at(tick)) for tick in scale.ticks]
    parts += [_level(kind, scale.at(tau)) for kind, tau in lines]
    told = "undefined"
    if row["tau"] is not None:
        told = _interval(row, "tau", ".3f")
        if row["tau_low"] is not None:
            ends = [scale.at(row[key]) for key in ("tau_low", "tau_high")]
            parts.append(f'<line class="bar" x1="{ends[0]}" x2="{ends[1]}" y1="11" y2="11"/>')
        # A nested svg moves by per cent what is drawn in pixels.
        parts.append(
            f'<svg class="mark" x="{scale.at(row["tau"])}" overflow="visible">'
            '<path class="mean" d="M0 5.5 5.5 11 0 16.5-5.5 11z"/></svg>'
        )
    for number, (seed, tau) in enumerate(sorted(row["values"].items())):
        level = 22 + 5 * (number % 2)
        title = f"<title>seed {seed}: τ {decimal(tau, '.3f')}</title>"
        parts.append(f'<circle cx="{scale.at(tau)}" cy="{level}" r="3">{title}</circle>')
    label = HTML.escape(f"{row['method']}: Kendall τ {told}")
    content = "".join(parts)
    return f'<svg class="spread" height="34" role="img" aria-label="{label}">{content}</svg>'


def _level(kind: str, x: str) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="0" y2="100%"/>'


def _interval(row: Row, name: str, form: str) -> str:
    if row[name] is None:
        return ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return bracketed(Interval(value=row[name], low=low, high=high, n=0), form)


def _notes(rows: Sequence[Row]) -> str:
    """What is to be known of the rows, a paragraph each."""
    said = [*reservations(rows), *_costs(rows)]
    return "".join(f'\n<p class="key">{HTML.escape(sentence)}</p>' for sentence in said)


def _costs(rows: Sequence[Row]) -> list[str]:
    """Whether the configurations spent the same, where there are several."""
    spent = [
        sum(row[name] or 0 for name in ("image_passes", "scoring_image_passes"))
        for row in rows
        if row["kind"] == "method" and passes(row)
    ]
    if len(spent) < 2:
        return []
    equal = max(spent) <= EQUAL * min(spent)
    told = "equal in image passes, within 5 %" if equal else "not equal: see the image passes"
    return [f"Costs are {told}."]
