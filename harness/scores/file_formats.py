"""What a score file is: told from its content, before any table is opened; its name counts little.

Parquet and NumPy files are known by their first bytes, JSON by how it begins; other text is CSV.
"""

from __future__ import annotations

import ast
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.files.sizes import check_parquet, check_size, limit, read_bytes
from harness.scores.delimited import lines_of
from harness.scores.frame import SHAPES, Frame, Members
from searchspaces.errors import UsageError

_JSON = (".json", ".jsonl", ".ndjson")
_UNREAD = {
    b"PK\x03\x04": "a zip archive (.npz, .xlsx or a checkpoint of PyTorch)",
    b"\x80": "a pickle or a checkpoint, which could run code when opened",
}
_GZIP = b"\x1f\x8b"
_LONGEST_REPR = 50_000_000  # characters of a printed dict; parsing one takes much memory

_PREFIX = re.compile(  # what Python prints, or somebody writes, before a dict
    r"\A\s*(?:\w+\s*=\s*(?=[\[{])|(?:defaultdict\(<[^>]*>, |OrderedDict\(|Counter\()(?=[\[{]))"
)
_WRAPPED = re.compile(  # numbers of NumPy and PyTorch
    r"\b(?:(?:np|numpy)\.(?:float|int)\d+|tensor|array)\(([^(),\[\]]*)(?:, \w+=[^(),]*)*\)"
)

Content = Frame | Members | list[Any]
"""A frame, or the tree of a JSON file; rows of text are a frame without names."""


def read_content(path: Path) -> Content:
    """The content of a score file; raises :class:`UsageError` for one that cannot be read."""
    try:
        content = read_bytes(path, "score file")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}.") from error
    suffix = path.suffix.lower()
    try:
        if content.startswith(_GZIP):
            content, suffix = _gunzipped(content), path.with_suffix("").suffix.lower()
        return _parsed(content, suffix)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _gunzipped(content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            inner = stream.read(limit("score file") + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"this gzip archive is damaged: {error}.") from error
    check_size(len(inner), "score file", "it", "unpacks to at least")
    return inner


def _parsed(content: bytes, suffix: str) -> Content:
    if content.startswith(b"PAR1"):
        return _parquet(content)
    if content.startswith(b"\x93NUMPY"):
        return _numpy(content)
    for start, what in _UNREAD.items():
        if content.startswith(start):
            raise UsageError(f"this is {what}; save the scores as CSV, JSON, parquet or .npy.")
    text = _PREFIX.sub("", _text(content), count=1)
    begins = text.lstrip()[:1]
    if begins in ("{", "[") or (suffix in _JSON and not _is_table(text)):
        return _tree(text, suffix, begins)
    return lines_of(text)


def _text(content: bytes) -> str:
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"this is not a CSV file, or not in UTF-8: {error}; save it as UTF-8."
        ) from error


def _is_table(text: str) -> bool:
    """Whether text that should be JSON has the lines of a table instead."""
    lines = text.lstrip().split("\n", 5)
    first = next((line for line in lines if not line.startswith("#")), "")
    return any(separator in first for separator in ",;\t")


def _tree(text: str, suffix: str, begins: str) -> Content:
    readers: list[Callable[[str], Any]] = [_json, _json_lines, _printed]
    problem: Exception = UsageError("")
    for number, reader in enumerate(readers):
        try:
            tree = reader(text)
        except (ValueError, RecursionError, MemoryError, SyntaxError, TypeError) as error:
            problem = problem if number else error
            continue
        if isinstance(tree, list):
            return tree
        raise UsageError(f"it holds a single value; write {SHAPES}.")
    if begins == "[" and suffix not in _JSON:
        return lines_of(text)  # lists of choices, unquoted
    raise UsageError(f"this is not a JSON file, or it is cut short: {problem}.") from problem


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Members)


def _json_lines(text: str) -> Any:
    lines = [_json(line) for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise ValueError("not several lines")
    return lines


def _printed(text: str) -> Any:
    """A dict or list as Python prints it."""
    if len(text) > _LONGEST_REPR:
        raise ValueError("too long")
    text = text.strip()
    if text.endswith(")") and text[:1] in ("[", "{"):
        text = text[:-1]  # of the name that was printed in front of it
    value = ast.literal_eval(_WRAPPED.sub(r"\1", text))
    if isinstance(value, tuple):
        raise ValueError("a line of a table")
    return tree_of(value)


def tree_of(value: Any) -> Any:
    """Nested dicts and tuples as the tree that JSON of them would be; keys stay what they are."""
    if hasattr(value, "items"):
        return Members((key, tree_of(member)) for key, member in value.items())
    return [tree_of(item) for item in value] if isinstance(value, list | tuple) else value


def _parquet(content: bytes) -> Frame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        check_parquet("it", "score file", content)
        file = pq.ParquetFile(pa.BufferReader(content))
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise UsageError(f"it has several columns of one name: {', '.join(names)}.")
        stored = file.read(use_threads=False)
        columns = [stored[name].to_pylist() for name in names]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"this is not a parquet file, or it is damaged: {error}.") from error
    usual = ["" if name.startswith("__index_level_") else name for name in names]
    return Frame(usual, [list(row) for row in zip(*columns, strict=True)])


def _numpy(content: bytes) -> Content:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError, TypeError, MemoryError) as error:
        raise UsageError(f"this .npy file cannot be read: {error}.") from error
    if array.dtype.names and array.ndim == 1:
        return Frame(list(array.dtype.names), [list(row) for row in array.tolist()])
    if array.ndim not in (1, 2) or array.dtype.kind not in "iufU":
        raise UsageError(
            f"this array of {array.dtype} has the shape {array.shape}; give one score for each row "
            "of the table, or two columns, row number and score."
        )
    return array.tolist()
