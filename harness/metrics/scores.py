"""Scores that somebody else computed: a CSV, JSON or parquet file of architecture and score.

An architecture is written as the benchmark writes it, as its row in the table (0, 1, ...), or as
the Python tuples of AutoDL-Projects (github.com/D-X-Y/AutoDL-Projects), a node after the other:
``[(('none', 0),), (('none', 0), ('none', 1)), ...]``. What the table knows as an architecture
string is one, even if it looks like a number.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.files.sizes import check_parquet, read_bytes
from harness.tabular.table import Table
from searchspaces.errors import UsageError

Entry = tuple[Any, Any]
_LONGEST_KEY = 1_000  # characters; a cell of four nodes has about 150
_LONGEST_ROW = 9  # digits
_SHAPES = (
    'an object of architecture: score, a list of [architecture, score], or a list of {"arch": '
    '..., "score": ...}'
)


def read_scores(path: Path | str, table: Table) -> dict[str, float]:
    """Score of each architecture, by its string in ``table``, in file order.

    A repeated architecture counts once. Raises :class:`UsageError`, naming the first offender,
    for a file that is missing, damaged, empty, too large or of another layout, an architecture that the
    table does not have, one with two different scores, and a score that is no finite number.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: scores are read from {', '.join(sorted(_READERS))} files.")
    try:
        content = read_bytes(path, "score file")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}.") from error
    try:
        entries = reader(content)
        if not entries:
            raise UsageError("there are no scores in it.")
        return known_scores(entries, table)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def known_scores(entries: Iterable[Entry], table: Table) -> dict[str, float]:
    """Pairs of architecture and score by the architecture's string in ``table``, in their order.

    Raises :class:`UsageError` as :func:`read_scores` does for what such a pair may be.
    """
    scores: dict[str, float] = {}
    for key, value in entries:
        arch, score = _arch(key, table), _score(key, value)
        if scores.setdefault(arch, score) != score:
            raise UsageError(f"'{_brief(key)}' has two scores, {scores[arch]} and {score}.")
    return scores


def official_string(text: str) -> str:
    """``"[(('none', 0),), ...]"`` as ``"|none~0|+..."``; raises ValueError for anything else."""
    if len(text) > _LONGEST_KEY:
        raise ValueError("too long for an architecture")
    try:
        nodes = [list(node) for node in ast.literal_eval(text)]
        terms = [[f"{operator}~{source:d}" for operator, source in node] for node in nodes]
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError("no tuples of operator and source") from error
    return "+".join(f"|{'|'.join(node)}|" for node in terms)


def _arch(key: Any, table: Table) -> str:
    """The table's own string for ``key``: that string, a row number, or tuples as text."""
    text = str(key).strip()
    if table.index([text])[0] >= 0:
        return text
    if text.isdecimal() and len(text) <= _LONGEST_ROW and int(text) < len(table):
        return table.archs[int(text)]
    try:
        official = official_string(text)
    except ValueError:
        official = ""
    if table.index([official])[0] < 0:
        raise UsageError(
            f"'{_brief(key)}' is not in the table {table.meta.name}; write architectures as "
            f"'{table.archs[0]}', or as row numbers below {len(table)}."
        )
    return official


def _score(key: Any, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        score = float(value)
    except (TypeError, ValueError):
        raise UsageError(f"the score of '{_brief(key)}' is no number: {_brief(value)}.") from None
    except OverflowError:
        score = math.inf
    if not math.isfinite(score):
        raise UsageError(f"the score of '{_brief(key)}' is {score}; give a finite number.")
    return score


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}..."


def _read_csv(content: bytes) -> list[Entry]:
    """Two columns, or columns named arch and score among others."""
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"this is not a CSV file: {error}.") from error
    header = next((row for row in rows if row), ["arch", "score"])
    named = {"arch", "score"} <= set(header)
    arch, score = (header.index("arch"), header.index("score")) if named else (0, 1)
    width = len(header) if named else 2
    for number, row in enumerate(rows, start=1):
        if row and len(row) != width:
            raise UsageError(
                f"line {number} has {len(row)} columns; write architecture,score (tuples in "
                "double quotes), or a first line that names the columns arch and score."
            )
    entries = [(row[arch], row[score]) for row in rows if row]
    return entries[1:] if named or _is_header(*header) else entries


def _is_header(arch: str, score: str) -> bool:
    """Whether the first line holds two names; a bad score of an architecture is no header."""
    try:
        float(score)
    except ValueError:
        return arch.strip().replace(" ", "_").isidentifier()
    return False


class _Object(list[Entry]):
    """The members of a JSON object, repeated names kept."""


def _read_json(content: bytes) -> list[Entry]:
    try:
        parsed = json.loads(content, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is not a JSON file, or it is cut short: {error}.") from error
    if isinstance(parsed, _Object):
        return parsed
    if not isinstance(parsed, list):
        raise UsageError(f"write {_SHAPES}.")
    return [_json_entry(position, item) for position, item in enumerate(parsed)]


def _json_entry(position: int, item: Any) -> Entry:
    if isinstance(item, _Object):
        members = dict(item)
        if {"arch", "score"} <= set(members):
            return members["arch"], members["score"]
    elif isinstance(item, list) and len(item) == 2:
        return item[0], item[1]
    raise UsageError(f"entry {position} is '{_brief(item)}'; write {_SHAPES}.")


def _read_parquet(content: bytes) -> list[Entry]:
    try:
        check_parquet("it", "score file", content)
        file = pq.ParquetFile(pa.BufferReader(content))
        if not {"arch", "score"} <= set(file.schema_arrow.names):
            raise UsageError(
                "it needs the columns arch and score, and has "
                f"{', '.join(file.schema_arrow.names) or 'none'}."
            )
        columns = file.read(columns=["arch", "score"])
        return list(zip(columns["arch"].to_pylist(), columns["score"].to_pylist(), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"this is not a parquet file, or it is damaged: {error}.") from error


_READERS: dict[str, Callable[[bytes], list[Entry]]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
