"""What the seeds of each row gave, as dots with a box or an interval (MNGNAS Fig. 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.papers.definition.item import Column
from reports.papers.figures.captions import NAMED, axis_name, caption, headline, named, notes
from reports.papers.measured.results import PRINTED, UNKNOWN, Cell, Results, RowResults
from reports.pictures.captioned_figure import MARGIN, CaptionedFigure
from reports.pictures.seed_rows import KEY, Rows, Spread, limits
from reports.runs.paired import mean_interval
from reports.style.theme import GREY, INK, SMALL

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

HEAD, AXIS = 0.4, 0.6  # inches: above and below the rows of a column
BARS = (
    "Brackets and bars: 95 % t interval over seeds; grey bars, of what is printed or from a table: "
    "standard deviation."
)


def frame(results: Results) -> pandas.DataFrame:
    """A line per value of a seed; one per printed mean, with its standard deviation ``sd``."""
    import pandas

    lines: list[dict[str, Any]] = []
    for found in results.rows:
        for column in results.item.columns:
            cell = found.cells[column.id]
            place = {"column": column.id}
            if cell.printed is not None and cell.printed.number is not None:
                own = named(found, "", PRINTED, [], 0) | place
                lines.append(own | {"value": cell.printed.number, "sd": cell.printed.sd})
            for seed, value in cell.by_seed.items():
                own = named(found, cell.task, cell.tag, [seed], cell.n) | place
                lines.append(own | {"value": value})
            if cell.value is not None and not cell.by_seed and cell.tag != PRINTED:
                own = named(found, cell.task, cell.tag, [], cell.n) | place
                lines.append(own | {"value": cell.value, "sd": cell.sd})
    return pandas.DataFrame(lines, columns=[*NAMED, "column", "value", "sd"])


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    """Column by column, what is printed apart from what was measured."""
    blocks = []
    for column in results.item.columns:
        for printed in (True, False):
            spreads = [_spread(found, column, printed) for found in results.rows]
            if any(spread.interval["value"] is not None for spread in spreads):
                blocks.append((column, printed, Rows(spreads)))
    height = sum(HEAD + rows.height + AXIS for _, _, rows in blocks)
    words = [KEY, BARS, *notes(results, drawn)]
    sheet = CaptionedFigure(headline(results.item), [caption(results.item)], height, words)
    titles, level = sheet.canvas(), height
    for column, printed, rows in blocks:
        name = axis_name(f"{column.group} {column.head}".strip(), column.unit)
        place = (MARGIN, level - HEAD / 2)
        bold = {"fontsize": SMALL + 0.5, "fontweight": "bold", "va": "center", "color": INK}
        titles.text(*place, f"{name}: {_tags(drawn, column, printed)}", parse_math=False, **bold)
        level -= HEAD + rows.height + AXIS
        ends = [
            end
            for spread in rows.spreads
            for end in (*spread.values, *(spread.interval[k] for k in ("value", "low", "high")))
        ]
        span = limits([end for end in ends if end is not None])
        axes = rows.draw(sheet, level + AXIS, span, f".{column.digits}f")
        axes.set_xlabel(name, fontsize=SMALL, color=INK, parse_math=False)
    return sheet.figure


def _tags(drawn: pandas.DataFrame, column: Column, printed: bool) -> str:
    tags = drawn["tag"][drawn["column"] == column.id].unique()
    return PRINTED if printed else ", ".join(tag for tag in tags if tag != PRINTED)


def _spread(found: RowResults, column: Column, printed: bool) -> Spread:
    """A row of one column; with ``printed``, of what the paper says."""
    cell, row = found.cells[column.id], found.row
    note = row.group
    if printed:
        return _printed(cell, row.label, note)
    values = tuple(cell.by_seed.values())
    if values:
        return Spread(row.label, values, mean_interval(values), note)
    if cell.value is None or cell.tag == PRINTED:
        words = cell.tag if cell.tag in UNKNOWN else f"only {PRINTED}"
        return Spread(row.label, (), mean_interval(()), note, words)
    reach = cell.sd or 0.0
    bounds = {"value": cell.value, "low": cell.value - reach, "high": cell.value + reach}
    words = f"{cell.value:.{column.digits}f}, {cell.tag}"
    return Spread(row.label, (), {**bounds, "n": cell.n}, note, words, GREY)


def _printed(cell: Cell, label: str, note: str) -> Spread:
    number = None if cell.printed is None else cell.printed.number
    words = "" if cell.printed is None else cell.printed.text
    reach = None if cell.printed is None else cell.printed.sd
    bounds = dict.fromkeys(("low", "high"))
    if number is not None and reach is not None:
        bounds = {"low": number - reach, "high": number + reach}
    return Spread(label, (), {"value": number, "n": 0, **bounds}, note, words or "–", GREY)
