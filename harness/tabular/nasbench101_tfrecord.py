"""The official ``nasbench_only108.tfrecord``: one record per training run.

A record is JSON: hash of the cell, epochs, adjacency matrix (0 and 1, row after row), operators
(joined by commas), and measurements: base64 of a protobuf message. Its field 1 is repeated, an
evaluation before, half-way through and after the training (doubles, 4: validation, 5: test
accuracy), its field 2 the number of parameters.
"""

from __future__ import annotations

import json
from array import array
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from harness.tabular.tfrecord import read_records
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import EDGES, GENES, INTERIOR, OPERATORS, OUTPUT

EPOCHS, REPEATS, FINAL = 108, 3, 2
SPLITS = {"val": 4, "test": 5}
"""The splits and the fields of an evaluation that hold their accuracies."""
_BROKEN = (
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass
class Runs:
    """What the file says of each cell, in the order in which cells first appear.

    ``genes``: 26 bytes a cell, vertices in the first slots. ``accuracies``: fractions, for each
    repeat one per split, NaN where a cell was not trained so often.
    """

    rows: dict[str, int] = field(default_factory=dict)
    genes: bytearray = field(default_factory=bytearray)
    params: array = field(default_factory=lambda: array("q"))
    accuracies: array = field(default_factory=lambda: array("d"))
    repeats: bytearray = field(default_factory=bytearray)

    def add(self, payload: bytes) -> None:
        """Take in one record; raises one of ``_BROKEN`` if it is not what it should be."""
        name, epochs, adjacency, operators, measured = json.loads(payload)
        if epochs != EPOCHS:
            raise ValueError(f"a training of {epochs} epochs")
        params, accuracies = _measurements(a2b_base64(measured))
        row = self.rows.setdefault(name, len(self.rows))
        if row == len(self.repeats):
            self.genes += _operators(operators) + _edges(adjacency, operators.count(",") + 1)
            self.params.append(params)
            self.accuracies.extend(_UNTRAINED)
            self.repeats.append(0)
        if self.repeats[row] == REPEATS:
            raise ValueError(f"more than {REPEATS} trainings of cell {name}")
        first = (row * REPEATS + self.repeats[row]) * len(SPLITS)
        self.accuracies[first : first + len(SPLITS)] = accuracies
        self.repeats[row] += 1


_UNTRAINED = array("d", [float("nan")] * REPEATS * len(SPLITS))


def read_runs(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Genes int8 ``[N, 26]``, params int64 ``[N]``, accuracies float64 ``[N, repeats, splits]``.

    Raises :class:`UsageError` for a damaged file and for one in another layout.
    """
    runs = Runs()
    for payloads in read_records(path):
        for payload in payloads:
            try:
                runs.add(payload)
            except _BROKEN as error:
                raise UsageError(
                    f"{path} is damaged or not a file of NAS-Bench-101 with {EPOCHS} epochs "
                    f"({type(error).__name__}: {error}); get it again."
                ) from error
    if not runs.rows:
        raise UsageError(f"{path} is empty; get it again.")
    return (
        np.frombuffer(runs.genes, np.int8).reshape(-1, GENES),
        np.array(runs.params, dtype=np.int64),
        np.array(runs.accuracies).reshape(-1, REPEATS, len(SPLITS)),
    )


@cache
def _operators(text: str) -> bytes:
    first, *interior, last = text.split(",")
    if (first, last) != ("input", "output") or len(interior) > INTERIOR:
        raise ValueError(f"operators {text}")
    return bytes(OPERATORS.index(name) for name in interior).ljust(INTERIOR, b"\0")


@cache
def _edges(text: str, vertices: int) -> bytes:
    if len(text) != vertices**2:
        raise ValueError(f"{len(text)} entries in the matrix of {vertices} vertices")
    slots = [*range(vertices - 1), OUTPUT]
    bits = bytearray(len(EDGES))
    for entry, bit in enumerate(text):
        if bit == "1":
            source, target = divmod(entry, vertices)
            bits[EDGES.index((slots[source], slots[target]))] = 1
        elif bit != "0":
            raise ValueError(f"'{bit}' in a matrix")
    return bytes(bits)


def _measurements(message: bytes) -> tuple[int, array]:
    """Number of parameters, and final accuracies in the order of :data:`SPLITS`."""
    fields = list(_fields(message))
    (params,) = (value for number, value in fields if number == 2)
    final = dict(_fields([value for number, value in fields if number == 1][FINAL]))
    if not isinstance(params, int):
        raise TypeError("params")
    accuracies = array("d", b"".join(final[number] for number in SPLITS.values()))
    if not all(0 <= accuracy <= 1 for accuracy in accuracies):
        raise ValueError(f"accuracies of {accuracies.tolist()}")
    return params, accuracies


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and content of each field of a protobuf message: an int, or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if tag & 7 == 2:
            size, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}[tag & 7]
        value = message[at : at + size]
        if len(value) < size:
            raise ValueError("a message is cut short")
        yield tag >> 3, value
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in base 128, least digit first, and the position behind it."""
    value = shift = 0
    while message[at] >= 0x80:
        value |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | message[at] << shift, at + 1
