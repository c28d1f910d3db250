"""Cells of NAS-Bench-101 (Ying et al. 2019): graphs, their equivalence classes and strings.

A cell is written as 26 genes over seven slots, 0 the input and 6 the output: the operators of the
interior slots 1 to 5, then one bit for each edge of :data:`EDGES`. The same graph has many such
labellings. The canonical one has its vertices in the first slots and, of the orders that are left,
the least edge bits (the first edge counts least) and then the least operators (the first counts
most): the one that an enumeration like the benchmark's meets first.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from hashlib import md5
from itertools import permutations
from typing import NamedTuple

import numpy as np

from searchspaces.base import Arch
from searchspaces.errors import UsageError
from searchspaces.literals import check_operators

OPERATORS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
CONV3, CONV1, POOL = range(3)
INPUT, OUTPUT, INTERIOR = 0, 6, 5
EDGES = tuple((source, target) for target in range(1, OUTPUT + 1) for source in range(target))
GENES = INTERIOR + len(EDGES)
GENE = {edge: INTERIOR + number for number, edge in enumerate(EDGES)}
MAX_EDGES = 9

SHORT = ("3x3", "1x1", "max")
_COLORINGS = len(OPERATORS) ** INTERIOR
_BACKWARD = 2**40  # in a key, an edge against the order: every other key is below 2**29


class Vertex(NamedTuple):
    """A vertex on a path from input to output; ``parents`` are slots, ascending."""

    slot: int
    operator: int
    parents: tuple[int, ...]


class Cell(NamedTuple):
    """The live part of a cell: interior vertices in order, and the slots that feed the output."""

    vertices: tuple[Vertex, ...]
    output: tuple[int, ...]

    @property
    def edges(self) -> int:
        return len(self.output) + sum(len(vertex.parents) for vertex in self.vertices)


@lru_cache(maxsize=1 << 15)
def live_cell(genes: Arch) -> Cell | None:
    """``genes`` without the vertices off every path from input to output; None if none is left."""
    parents = {
        target: [source for source in range(target) if genes[GENE[source, target]]]
        for target in range(1, OUTPUT + 1)
    }
    reached, needed = {INPUT}, {OUTPUT}
    for target, sources in parents.items():
        if not reached.isdisjoint(sources):
            reached.add(target)
    for target in range(OUTPUT, 0, -1):
        if target in needed:
            needed.update(parents[target])
    if OUTPUT not in reached:
        return None
    kept = {t: tuple(s for s in parents[t] if s in reached) for t in needed & reached if t != INPUT}
    vertices = (Vertex(t, genes[t - 1], kept[t]) for t in range(1, OUTPUT) if t in kept)
    return Cell(tuple(vertices), kept[OUTPUT])


def require_cell(genes: Arch) -> Cell:
    """:func:`live_cell`; raises :class:`UsageError` where it is None or has too many edges."""
    cell = live_cell(genes)
    if cell is None or cell.edges > MAX_EDGES:
        fault = "no path from input to output" if cell is None else f"{cell.edges} edges"
        raise UsageError(
            f"a cell of NAS-Bench-101 joins input to output with at most {MAX_EDGES} edges; "
            f"{genes} has {fault}."
        )
    return cell


def placed(cell: Cell, slots: tuple[int, ...]) -> Arch:
    """The genes of ``cell`` with its interior vertices moved to ``slots``, in the same order."""
    moved = {INPUT: INPUT, **{v.slot: slot for v, slot in zip(cell.vertices, slots, strict=True)}}
    genes = [0] * GENES
    for vertex in cell.vertices:
        slot = moved[vertex.slot]
        genes[slot - 1] = vertex.operator
        for parent in vertex.parents:
            genes[GENE[moved[parent], slot]] = 1
    for parent in cell.output:
        genes[GENE[moved[parent], OUTPUT]] = 1
    return tuple(genes)


def packed(cell: Cell) -> Arch:
    """The genes of ``cell`` with its interior vertices in the first slots."""
    return placed(cell, tuple(range(1, len(cell.vertices) + 1)))


@lru_cache(maxsize=1 << 15)
def canonical_genes(genes: Arch) -> Arch:
    """The canonical labelling of the live part; raises :class:`UsageError` if there is none."""
    cell = require_cell(genes)
    keys = relabellings(len(cell.vertices)) @ np.array(packed(cell))
    return genes_of_key(int(keys.min()))


@cache
def relabellings(size: int) -> np.ndarray:
    """int64 ``[size!, 26]``: a row times genes is their key in one order of the first vertices.

    Least key, canonical labelling: the key is edge bits times 243 plus operators in base 3, and
    beyond all others if an edge goes backwards. It is linear in the genes, so that one product
    gives the keys of all orders. The first row leaves the order as it is.
    """
    rows = []
    for order in permutations(range(1, size + 1)):
        slot = (INPUT, *order, *range(size + 1, OUTPUT + 1))
        row = [3 ** (INTERIOR - slot[vertex]) for vertex in range(1, OUTPUT)]
        for source, target in EDGES:
            gene = GENE.get((slot[source], slot[target]))
            row.append(_BACKWARD if gene is None else _COLORINGS << (gene - INTERIOR))
        rows.append(row)
    return np.array(rows)


def genes_of_key(key: int) -> Arch:
    """The genes whose key in their own order is ``key``."""
    bits, coloring = divmod(key, _COLORINGS)
    operators = (coloring // 3 ** (INTERIOR - slot) % 3 for slot in range(1, OUTPUT))
    return (*operators, *(bits >> number & 1 for number in range(len(EDGES))))


def encode_cell(genes: Arch) -> str:
    """``3x3:0|max:01|out:12``: each live vertex with its parents, then those of the output.

    Live vertices are numbered from 1 in their order and 0 is the input; a parent is one digit.
    Raises :class:`UsageError` for a cell outside the space.
    """
    return written(packed(require_cell(genes)))


def written(genes: Arch) -> str:
    """:func:`encode_cell` of genes known to be alive and in the first slots."""
    terms = []
    for slot in range(1, OUTPUT + 1):
        first = GENE[INPUT, slot]
        parents = "".join(str(i) for i, edge in enumerate(genes[first : first + slot]) if edge)
        if parents:
            terms.append(f"{SHORT[genes[slot - 1]] if slot != OUTPUT else 'out'}:{parents}")
    return "|".join(terms)


def decode_cell(text: str) -> Arch:
    """Inverse of :func:`encode_cell`, vertices in the first slots.

    Raises :class:`UsageError` for anything else.
    """
    try:
        *interior, output = (term.split(":") for term in text.split("|"))
        vertices = tuple(
            Vertex(slot, SHORT.index(name), tuple(map(int, parents)))
            for slot, (name, parents) in enumerate(interior, start=1)
        )
        genes = packed(Cell(vertices, tuple(map(int, output[1]))))
        if encode_cell(genes) == text:
            return genes
    except (LookupError, ValueError, UsageError):
        pass
    if re.fullmatch(r"(\w+:\d+\|)+out:\d+", text):
        check_operators(re.findall(r"(\w+):\d+\|", text), SHORT, "a cell of NAS-Bench-101")
    raise UsageError(
        f"'{text[:120]}' is not a cell of NAS-Bench-101: write operator and parents of each vertex "
        f"on a path from input to output, at most {MAX_EDGES} edges, for instance "
        "'3x3:0|max:01|out:12'."
    )


@lru_cache(maxsize=1 << 15)
def module_hash(genes: Arch) -> str:
    """The benchmark's name of a class of isomorphic cells, 32 hexadecimal digits.

    Each vertex starts from the MD5 of its degrees and operator and takes in the hashes around it
    as many times as there are vertices (Ying et al. 2019, Section 2.2, in the details of their
    code). Raises :class:`UsageError` for a cell outside the space.
    """
    cell = require_cell(genes)
    order = {slot: i for i, slot in enumerate((INPUT, *(v.slot for v in cell.vertices), OUTPUT))}
    wired = [(), *(vertex.parents for vertex in cell.vertices), cell.output]
    sources = [[order[slot] for slot in parents] for parents in wired]
    targets = [[i for i, s in enumerate(sources) if v in s] for v in range(len(sources))]
    labels = [-1, *(vertex.operator for vertex in cell.vertices), -2]
    hashes = [
        _md5(str((len(after), len(before), label)))
        for before, after, label in zip(sources, targets, labels, strict=True)
    ]
    for _ in labels:
        hashes = [
            _md5(f"{_joined(hashes, before)}|{_joined(hashes, after)}|{own}")
            for before, after, own in zip(sources, targets, hashes, strict=True)
        ]
    return _md5(str(sorted(hashes)))


def _joined(hashes: list[str], chosen: list[int]) -> str:
    return "".join(sorted(hashes[i] for i in chosen))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
