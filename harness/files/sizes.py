"""How large an input may be: more than any real one of its kind, less than fills the memory.

A limit holds for a file and for what it unpacks to, which is found out before it is unpacked.
``$NAS_HARNESS_SIZE_FACTOR`` multiplies all.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pyarrow

FACTOR = "NAS_HARNESS_SIZE_FACTOR"
LIMITS = {  # megabytes
    "description of an item": 1,
    "record": 16,
    "score file": 256,
    "log": 512,
    "table": 512,
    "batch of images": 512,
    "set of images": 1_000,
    "file of annotations": 2_000,
    "download": 4_000,
    "published benchmark": 8_000,
    "checkpoint": 16_000,
    "task": 16_000,
}


def limit(kind: str) -> int:
    """Bytes of ``kind``; raises :class:`UsageError` if the factor is no number."""
    factor = os.environ.get(FACTOR) or "1"
    try:
        return round(LIMITS[kind] * float(factor) * 10**6)
    except (ValueError, OverflowError):
        raise UsageError(f"{FACTOR} is '{factor}'; set it to a number such as 2.") from None


def check_size(size: int, kind: str, path: Path | str, takes: str = "has") -> None:
    """Raise :class:`UsageError` where ``size``, in bytes, is too large for a ``kind``."""
    most = limit(kind)
    if size > most:
        enough = math.ceil(size / LIMITS[kind] / 10**6)
        raise UsageError(
            f"{path} {takes} {size:,} bytes, where a {kind} may have {most:,}; get the right file, "
            f"or, if it is this one, set {FACTOR}={enough} and run again."
        )


def check_file(path: Path | str, kind: str) -> None:
    """Raise :class:`UsageError` for a file that is too large; one that is missing may pass."""
    if os.path.exists(path):
        check_size(os.path.getsize(path), kind, path)


def read_bytes(path: Path | str, kind: str) -> bytes:
    """The content of ``path``.

    Raises :class:`UsageError` where it is too large, before it is read, and ``OSError``.
    """
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        check_size(size, kind, path)
        return stream.read(size)  # and no more, should it grow meanwhile


_WIDTH = 8  # bytes of a value, at most, unless it is text


def check_zip(path: Path | str, kind: str, content: bytes | memoryview | None = None) -> None:
    """Raise :class:`UsageError` where the members of a zip file together are too large.

    ``content`` is that of the file if it has been read. Raises ``BadZipFile`` and ``OSError``.
    """
    with ZipFile(path if content is None else io.BytesIO(content)) as archive:
        check_size(sum(member.file_size for member in archive.infolist()), kind, path, "unpacks to")


def check_parquet(path: Path | str, kind: str, content: bytes | None = None) -> None:
    """Raise :class:`UsageError` where what a parquet file decodes to is too large.

    Repetitions cost next to nothing in the file, neither those of numbers, which are counted, nor
    those of texts in a dictionary, whose lengths are added up without writing them out. What the
    file says of its numbers of values is believed. ``content`` is that of the file if it has been
    read; ``path`` then is its name. Raises ``pyarrow.ArrowException`` and ``OSError`` where it is
    damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    def opened(**options: list[str]) -> parquet.ParquetFile:
        return parquet.ParquetFile(path if content is None else pa.BufferReader(content), **options)

    meta = opened().metadata
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    size, texts = 0, set()
    for number in range(meta.num_columns):
        width = max(meta.schema.column(number).length, _WIDTH)
        chunks = [group.column(number) for group in groups]
        values = max(abs(meta.num_rows), sum(abs(chunk.num_values) for chunk in chunks))
        size += max(width * values, sum(abs(chunk.total_uncompressed_size) for chunk in chunks))
        if any(
            chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page for chunk in chunks
        ):
            texts.add(chunks[0].path_in_schema)
    check_size(size, kind, path, "unpacks to")
    if texts:
        packed = opened(read_dictionary=sorted(texts))
        for number in range(packed.num_row_groups):  # nested ones are read by the group alone
            # In one thread: with several, pyarrow 26 has crashed the process on nested columns.
            group = packed.read_row_group(number, columns=sorted(texts), use_threads=False)
            size += _length(group)
            check_size(size, kind, path, "unpacks to")


def _length(table: pyarrow.Table) -> int:
    """Bytes of the texts that are in dictionaries, written out."""
    from pyarrow import compute

    arrays = (array for column in table.columns for array in column.chunks)
    found = [each for array in arrays for each in _dictionaries(array)]
    lengths = [compute.binary_length(each.dictionary).take(each.indices) for each in found]
    return sum(compute.sum(each).as_py() or 0 for each in lengths)


def _dictionaries(array: pyarrow.Array) -> Iterator[pyarrow.DictionaryArray]:
    """The arrays of texts in a dictionary within structs and lists."""
    import pyarrow as pa

    if isinstance(array, pa.DictionaryArray):
        yield array
    elif isinstance(array, pa.StructArray):
        for field in array.flatten():
            yield from _dictionaries(field)
    elif isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        yield from _dictionaries(array.values)
