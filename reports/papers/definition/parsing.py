"""An item from the keys of its file: what each may hold, and what must fit together."""

from __future__ import annotations

from collections import Counter
from typing import Any

from harness.tabular.ground_truth import USUAL_SCALES
from harness.tasks import TASKS
from methods.search.table_search import SEARCHES
from reports.papers.definition.fields import Fields
from reports.papers.definition.item import (
    LOOKED_UP,
    MEASURES,
    STATISTICS,
    Arrow,
    Bold,
    Claim,
    Column,
    Item,
    Row,
    Search,
    Statistic,
    Step,
    Truth,
)
from reports.papers.definition.printed import Printed
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, nearest

KINDS = ("table", "points", "boxes", "scatter", "curves", "history", "drawing", "diagram")
DEMANDS = ("T", "N", "F", "I", "O")
SPLITS = ("train", "val", "test")
SEEDS = (0, 1, 2)
NOT_OF_A_ROW = ("seed", "task", "preset")


def parse_item(paper: str, name: str, fields: Fields) -> Item:
    """The item that ``fields``, the whole file, describe."""
    kind = fields.text("kind", among=KINDS)
    defects = fields.several("defects", str, "texts", [])
    study, seeds = _study(fields)
    columns = _distinct(fields, "columns", [_column(f) for f in fields.tables("columns")])
    by_id = {column.id: column for column in columns}
    rows = [_row(inner, by_id, len(defects)) for inner in fields.tables("rows")]
    rows = _distinct(fields, "rows", rows)
    steps = _distinct(fields, "steps", [_step(inner) for inner in fields.tables("steps")])
    taken: dict[tuple[int, int], str] = {}
    for step in steps:
        if (other := taken.setdefault(step.at, step.id)) != step.id:
            raise fields.error(f"steps.{step.id}.at", f"is the place of step {other} too")
    item = Item(
        paper=paper,
        name=name,
        title=fields.text("title"),
        kind=kind,
        demand=fields.text("class", among=DEMANDS),
        caption=fields.text("caption"),
        reduced=fields.text("reduced", ""),
        needs=fields.text("needs", ""),
        defects=defects,
        study=study,
        seeds=seeds,
        columns=columns,
        rows=rows,
        claims=tuple(_claim(inner, by_id, rows) for inner in fields.tables("claims")),
        axis=fields.text("axis", ""),
        series=fields.text("series", ""),
        steps=steps,
        bold=_bold(fields.table("bold", None), rows),
        arrows=tuple(_arrow(inner, steps) for inner in fields.tables("arrows")),
    )
    fields.close()
    _check(item, fields)
    return item


def _distinct(fields: Fields, key: str, parts: list[Any]) -> tuple[Any, ...]:
    for name, times in Counter(part.id for part in parts).items():
        if times > 1:
            raise fields.error(f"{key}.{name}", f"is there {times} times")
    return tuple(parts)


def _check(item: Item, fields: Fields) -> None:
    """What the keys of an item must agree on."""
    if item.rows and not item.columns:
        raise fields.error("columns", "are missing for the rows")
    if item.kind == "diagram" and not item.steps:
        raise fields.error("steps", "are missing for the diagram")
    if (item.kind == "history") != bool(item.series):
        raise fields.error("series", "belongs to kind history, which needs it")
    if item.kind == "points" and len(item.columns) < 2:
        raise fields.error("columns", "points need two or more")
    for name in (column.id for column in item.columns if column.searched):
        if item.kind != "table":
            raise fields.error(f"columns.{name}.searched", "belongs to tables")
    for row in item.rows:
        if item.kind == "curves" and row.x is None:
            raise fields.error(f"rows.{row.id}.x", "is missing for the curve")
    if any(row.bold for row in item.rows) != (item.bold is not None):
        raise fields.error("bold", "belongs to rows with cells in bold, which need it")
    if any(row.run is not None for row in item.rows) and not item.reduced:
        raise fields.error("reduced", "is missing: what do runs at a reduced scale stand for?")
    for row in item.rows:
        if row.run is not None:
            try:
                item.config(row, item.seeds[0])
            except UsageError as error:
                raise fields.error(f"rows.{row.id}.run, with the study", str(error)) from error


def _study(fields: Fields) -> tuple[dict[str, Any], tuple[int, ...]]:
    inner = fields.table("study", {})
    seeds = inner.several("seeds", int, "whole numbers", list(SEEDS))
    if not seeds or len(set(seeds)) < len(seeds):
        raise inner.error("seeds", "is empty or names a seed twice")
    options = _options(inner)
    if "seed" in options:
        raise inner.error("seed", "give seeds")
    return options, seeds


def _options(inner: Fields) -> dict[str, Any]:
    """Dotted options; a key in quotes and nested tables come to the same."""
    options: dict[str, Any] = {}
    levels = [("", inner.left)]
    while levels:
        prefix, level = levels.pop()
        for key, value in level.items():
            if isinstance(value, dict):
                levels.append((f"{prefix}{key}.", value))
            else:
                options[f"{prefix}{key}"] = value
    return options


def _column(fields: Fields) -> Column:
    fields.path = f"columns.{fields.name('id')}"
    truth = fields.table("truth", None)
    column = Column(
        id=fields.path.removeprefix("columns."),
        head=fields.text("head"),
        unit=fields.text("unit", ""),
        group=fields.text("group", ""),
        measure=fields.text("measure", "", MEASURES),
        scale=fields.number("scale", 1.0),
        digits=fields.whole("digits", 0, 2),
        better=fields.text("better", "", ("higher", "lower")),
        task=fields.text("task", "", _tasks()),
        searched=fields.text("searched", "", _tasks()),
        truth=None if truth is None else _truth(truth),
        words=fields.flag("words"),
    )
    fields.close()
    if column.searched and (column.truth is None or column.measure not in LOOKED_UP):
        measures = " or ".join(LOOKED_UP)
        raise fields.error("searched", f"needs a truth, and {measures} as measure")
    return column


def _truth(fields: Fields) -> Truth:
    truth = Truth(
        space=fields.text("space", among=list(SPACES)),
        task=fields.text("task", among=_tasks()),
        split=fields.text("split", "test", SPLITS),
        scale=fields.text("scale", ""),
    )
    fields.close()
    return truth


def _row(fields: Fields, columns: dict[str, Column], defects: int) -> Row:
    fields.path = f"rows.{fields.name('id')}"
    run, search = fields.table("run", None), fields.table("search", None)
    row = Row(
        id=fields.path.removeprefix("rows."),
        label=fields.text("label"),
        group=fields.text("group", ""),
        space=fields.text("space", "", list(SPACES)),
        run=None if run is None else _options(run),
        reason=fields.text("reason", ""),
        x=fields.number("x", None),
        table=fields.by_key("table", columns, _statistic),
        search=None if search is None else _search(search, columns),
        printed=fields.by_key("printed", columns, lambda f, k: _printed(f, columns[k])),
        flags=fields.by_key("flags", columns, lambda f, k: _flags(f, k, defects)),
        bold=fields.several("bold", str, "columns", []),
    )
    for name in row.bold:
        if name not in row.printed or row.printed[name].number is None:
            raise fields.error("bold", f"no number is printed for '{name}'")
        if not columns[name].better:
            raise fields.error("bold", f"columns.{name} does not say what is better")
    if row.reason and row.run is not None:
        raise fields.error("reason", "belongs to rows that no run fills")
    for name in NOT_OF_A_ROW:
        if name in (row.run or {}):
            raise run.error(name, "belongs to the study")
    fields.close()
    return row


def _bold(fields: Fields | None, rows: tuple[Row, ...]) -> Bold | None:
    if fields is None:
        return None
    bold = Bold(
        source=fields.text("source"),
        among=fields.text("among", among=("column", "group")),
        without=fields.several("without", str, "rows", []),
    )
    known = [row.id for row in rows]
    for name in bold.without:
        if name not in known:
            raise fields.error("without", f"there is no row '{name}'{nearest(name, known)}")
    fields.close()
    return bold


def _statistic(fields: Fields, column: str) -> Statistic:
    inner = fields.table(column)
    statistic = inner.text("statistic", among=STATISTICS)
    return Statistic(_truth(inner), statistic)


def _search(fields: Fields, columns: dict[str, Column]) -> Search:
    search = Search(
        method=fields.text("method", among=list(SEARCHES)),
        space=fields.text("space", "", list(SPACES)),
        task=fields.text("task", "", _tasks()),
        queries=fields.whole("queries", 1, Search.queries),
        repeats=fields.whole("repeats", 2, Search.repeats),
        signal=fields.text("signal", ""),
        budgets=tuple(fields.by_key("budgets", _tasks(), lambda f, k: f.whole(k, 1)).items()),
    )
    fields.close()
    if bool(search.signal) != bool(search.budgets):
        raise fields.error("signal", "belongs to budgets of seconds, which need it")
    if not any(search.fills(column) for column in columns.values()):
        raise fields.error("", "no column has a truth of its space and task to be filled")
    return search


def _printed(fields: Fields, column: Column) -> Printed:
    text = fields.text(column.id)
    if column.words:
        return Printed(text)
    try:
        return Printed.parse(text)
    except ValueError as error:
        raise fields.error(column.id, str(error)) from error


def _flags(fields: Fields, column: str, defects: int) -> tuple[int, ...]:
    flags = fields.several(column, int, "whole numbers")
    for flag in flags:
        if not 1 <= flag <= defects:
            raise fields.error(column, f"there is no defect {flag}: there are {defects}")
    return flags


def _claim(fields: Fields, columns: dict[str, Column], rows: tuple[Row, ...]) -> Claim:
    known = [row.id for row in rows]
    claim = Claim(
        text=fields.text("text"),
        better=fields.text("better", among=known),
        worse=fields.text("worse", "", known),
        column=fields.text("column", among=columns),
        by=fields.number("by", None),
    )
    fields.close()
    if claim.better == claim.worse:
        raise fields.error("worse", "is the better row itself")
    if not columns[claim.column].better:
        raise fields.error("column", f"columns.{claim.column} does not say what is better")
    return claim


def _step(fields: Fields) -> Step:
    name, text = fields.name("id"), fields.text("text")
    at = fields.several("at", int, "two whole numbers")
    if len(at) != 2:
        raise fields.error("at", "is not a list of two whole numbers")
    if min(at) < 0:
        raise fields.error("at", "is less than 0")
    fields.close()
    return Step(name, text, at)


def _arrow(fields: Fields, steps: tuple[Step, ...]) -> Arrow:
    known = [step.id for step in steps]
    arrow = Arrow(
        start=fields.text("from", among=known),
        end=fields.text("to", among=known),
        text=fields.text("text", ""),
        bend=fields.text("bend", "level", ("level", "upright")),
    )
    fields.close()
    places = {step.id: step.at for step in steps}
    passed = arrow.passes(places[arrow.start], places[arrow.end])
    for name in (step.id for step in steps if step.at in passed):
        raise fields.error("", f"runs through step {name}: give another bend, or move a step")
    return arrow


def _tasks() -> set[str]:
    return {*TASKS, *USUAL_SCALES}
