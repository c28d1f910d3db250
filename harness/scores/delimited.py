"""Score files of lines: CSV with commas, semicolons or tabs, or two words a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

from harness.scores.frame import Frame, is_number
from searchspaces.errors import UsageError

_LABEL = re.compile(r"[#\s]*[^\W\d][\w .#%/()@:^*+-]*|")  # a name of a column, or none
_ADVICE = "write architecture,score (tuples in double quotes)"


def lines_of(text: str) -> Frame:
    """The lines of ``text`` as rows of a frame without names; see :func:`headed`."""
    text = re.sub(r"\A\s*sep=.\r?\n", "", text)  # Excel's
    tables = [_split(text, separator) for separator in "\t;"]
    rows = next((rows for rows in tables if rows and _is_even(rows)), None)
    decimal_commas = rows is not None
    if rows is None:
        rows = _split(text, ",", strict=True)
        if rows and all(len(row) == 1 for row in rows):
            words = [row[0].rsplit(None, 1) for row in rows]
            rows = words if all(len(line) == 2 for line in words) else rows
    width = len(rows[0]) if rows else 0
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise UsageError(
                f"line {number} has {len(row)} columns, the first line {width}; {_ADVICE}, or a "
                "first line that names the columns arch and score."
            )
    if decimal_commas:
        rows = _with_points(rows)
    rows = _without_percent(rows)
    return Frame([""] * width, rows, named=False)


def _split(text: str, separator: str, strict: bool = False) -> list[list[str]]:
    """Rows of cells; none where the text is no such table, unless ``strict``."""
    try:
        stream = io.StringIO(text, newline="")
        rows = list(csv.reader(stream, delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error as error:
        if strict:
            raise UsageError(f"this is not a CSV file: {error}.") from error
        return []
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    while len(rows) > 1 and rows[0][0].startswith("#") and len(rows[0]) != len(rows[1]):
        rows = rows[1:]  # a comment
    return rows


def _is_even(rows: list[list[str]]) -> bool:
    return len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows)


def _with_points(rows: list[list[str]]) -> list[list[str]]:
    """Decimal commas as points, in columns where every number has one or is whole.

    A column in which they may divide thousands is left as it is, and then holds no numbers. Raises
    :class:`UsageError` where points may do so: ``1.234`` beside ``999``.
    """
    fixed = [list(row) for row in rows]
    for place in range(len(rows[0])):
        cells = [row[place] for row in rows]
        commas = [cell for cell in cells if re.fullmatch(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", cell)]
        thousands = all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in commas)
        _check_points(cells)
        if commas and not thousands and not any("." in cell and is_number(cell) for cell in cells):
            for row in fixed:
                row[place] = row[place].replace(",", ".") if row[place] in commas else row[place]
    return fixed


def _check_points(cells: list[str]) -> None:
    numbers = [cell for cell in cells if is_number(cell)]
    points = [cell for cell in numbers if "." in cell]
    grouped = all(re.fullmatch(r"[+-]?[1-9]\d{0,2}\.\d{3}", cell) for cell in points)
    if points and grouped and len(points) < len(numbers):
        raise UsageError(
            f"the point in {points[0]} may be a decimal one or divide thousands; write numbers "
            "without the latter."
        )


def _without_percent(rows: list[list[str]]) -> list[list[str]]:
    """Without the signs of columns in which every number has one."""
    for place in range(len(rows[0]) if rows else 0):
        cells = [row[place] for row in rows]
        signed = [cell.endswith("%") and is_number(cell[:-1]) for cell in cells]
        if any(signed) and not any(map(is_number, cells)):
            for row, percent in zip(rows, signed, strict=True):
                if percent:
                    row[place] = row[place][:-1].strip()
    return rows


def headed(frame: Frame, genuine: Callable[[Any], bool]) -> Frame:
    """``frame`` with the names in its first line, or as it is where that line holds data.

    ``genuine`` tells architectures. Names are words; beside architectures or without a name, also
    the numbers that pandas gives columns. Raises :class:`UsageError` for more than two columns
    without names.
    """
    first = frame.rows[0]
    labels = [
        _LABEL.fullmatch(cell) and not is_number(cell) and not genuine(cell) for cell in first
    ]
    counted = [
        label or (first[0] == "" or first[0].lower() in ("arch", "index")) and cell == str(number)
        for label, cell, number in zip(
            labels, first, range(-(len(first) > 1), len(first)), strict=False
        )
    ]
    if first != [""] * len(first) and (all(labels) or labels[0] and all(counted)):
        names = [cell.strip("# ") for cell in first]
        if len(set(names)) < len(names):
            raise UsageError(f"several columns have one name: {', '.join(names)}.")
        return Frame(names, frame.rows[1:])
    if len(first) > 2:
        raise UsageError(
            f"line 1 has {len(first)} columns and no line above names them; {_ADVICE}, or a first "
            "line that names the columns."
        )
    return frame
