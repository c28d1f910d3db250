"""Read TFRecord files without TensorFlow.

A record is its length (uint64), the checksum of these eight bytes, the payload and the checksum
of the payload, all little-endian. A checksum is a CRC-32C (RFC 3720, appendix B.4), rotated by 15
bits and shifted by a constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from searchspaces.errors import UsageError

_LONGEST = 1 << 13  # bytes of a payload; all of a batch are made as long as its longest
_BATCH = 1 << 14  # records
_POLYNOMIAL, _ROTATION, _SHIFT = 0x82F63B78, 15, 0xA282EAD8


def read_records(path: Path) -> Iterator[list[bytes]]:
    """Payloads in the order of the file, in batches whose checksums have been compared.

    Raises :class:`UsageError` for a file that cannot be read, is cut short or is damaged.
    """
    try:
        with open(path, "rb") as stream:
            while headers_and_bodies := list(islice(_records(stream), _BATCH)):
                for parts in zip(*headers_and_bodies, strict=True):
                    content = [part[:-4] for part in parts]
                    stored = np.frombuffer(b"".join(part[-4:] for part in parts), "<u4")
                    if (masked_crc32c(content) != stored).any():
                        raise ValueError("a checksum differs")
                yield content
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{path} is cut short or damaged: {error}; get it again.") from error


def _records(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Length and payload of each record, either with its checksum behind it."""
    while header := stream.read(12):
        length = int.from_bytes(header[:8], "little")
        if length > _LONGEST:
            raise ValueError(f"a record of {length} bytes")
        body = stream.read(length + 4)
        if len(header) < 12 or len(body) < length + 4:
            raise ValueError("its last record is incomplete")
        yield header, body


def masked_crc32c(blocks: Sequence[bytes]) -> np.ndarray:
    """uint32 ``[N]``: the checksum of each block.

    Goes through all blocks at once, byte by byte. They are aligned at their ends and sorted by
    length, so that at any byte the blocks that have begun are the first ones.
    """
    lengths = np.array([len(block) for block in blocks])
    order = np.argsort(-lengths, kind="stable")
    longest = int(lengths.max(initial=0))
    aligned = b"".join(blocks[i].rjust(longest, b"\0") for i in order)
    columns = np.frombuffer(aligned, np.uint8).reshape(len(blocks), longest).T.copy()
    begun = np.searchsorted(longest - lengths[order], np.arange(longest), side="right")
    state = np.full(len(blocks), 0xFFFFFFFF, dtype=np.uint32)
    for column, count in zip(columns, begun, strict=True):
        live = state[:count]
        live[:] = _TABLE[(live ^ column[:count]) & 0xFF] ^ (live >> 8)
    crc = np.empty_like(state)
    crc[order] = ~state
    return ((crc >> _ROTATION) | (crc << (32 - _ROTATION))) + np.uint32(_SHIFT)


def _crc_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ _POLYNOMIAL, table >> 1).astype(np.uint32)
    return table


_TABLE = _crc_table()
