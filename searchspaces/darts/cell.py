"""Architectures of the DARTS space (Liu et al. 2019) as tuples of genes and as genotype strings.

A cell has two inputs, 0 (the cell before the last) and 1 (the last cell), and four nodes, 2 to 5.
A node is the sum of two different predecessors, each through an operator of its own; the output
is the concatenation of the four nodes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import combinations, permutations
from typing import Any, NamedTuple

from searchspaces.base import Arch, Site
from searchspaces.errors import UsageError
from searchspaces.literals import check_operators, literal

OPERATORS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)  # the eighth of DARTS, "none", is in no genotype
NODES = (2, 3, 4, 5)
PAIRS = {node: tuple(combinations(range(node), 2)) for node in NODES}
EDGES = tuple((node, source) for node in NODES for source in range(node))
TYPES = ("normal", "reduce")

SITES = tuple(
    Site(f"{kind} node {node} {which}", OPERATORS)
    for kind in TYPES
    for node in NODES
    for which in ("first", "second")
) + tuple(
    Site(f"{kind} node {node} inputs", tuple(f"{a},{b}" for a, b in PAIRS[node]))
    for kind in TYPES
    for node in NODES[1:]  # node 2 has no choice but 0 and 1
)
OPERATOR_GENES = 2 * len(NODES) * len(TYPES)

Edge = tuple[str, int]  # operator, predecessor
CellGenotype = tuple[tuple[Edge, Edge], ...]  # one pair per node, by ascending predecessor


class Genotype(NamedTuple):
    """Both cell types; as a string what DARTS prints, with inputs in ascending order."""

    normal: CellGenotype
    reduce: CellGenotype

    def __str__(self) -> str:
        cells = (
            f"{kind}={[edge for node in cell for edge in node]}, {kind}_concat=range(2, 6)"
            for kind, cell in zip(TYPES, self, strict=True)
        )
        return f"Genotype({', '.join(cells)})"


@lru_cache(maxsize=1 << 15)
def genotype_of(arch: Arch) -> Genotype:
    """What the genes of ``arch`` mean: 16 operators, then six pairs of inputs, as in ``SITES``."""
    operators = iter(arch[:OPERATOR_GENES])
    pairs = iter(arch[OPERATOR_GENES:])

    def node(number: int) -> tuple[Edge, Edge]:
        first, second = PAIRS[number][0 if number == NODES[0] else next(pairs)]
        return (OPERATORS[next(operators)], first), (OPERATORS[next(operators)], second)

    return Genotype(*(tuple(map(node, NODES)) for _ in TYPES))


def arch_of(genotype: Genotype) -> Arch:
    """Inverse of :func:`genotype_of`."""
    nodes = [pair for cell in genotype for pair in zip(NODES, cell, strict=True)]
    operators = [OPERATORS.index(operator) for _, node in nodes for operator, _ in node]
    pairs = [PAIRS[number].index((a, b)) for number, ((_, a), (_, b)) in nodes if number > 2]
    return (*operators, *pairs)


def parse(text: str) -> Genotype:
    """The genotype that ``text`` writes as DARTS does; the two inputs of a node in any order.

    Raises :class:`UsageError` for other text, unknown operators and impossible inputs. Nothing
    is evaluated.
    """
    found = _GENOTYPE.fullmatch(re.sub(r"\s*([\[\](),=])\s*", r"\1", text.strip()))
    if not found:
        raise UsageError(f"'{text[:120]}' is not a DARTS genotype; write for instance '{EXAMPLE}'.")
    return Genotype(*(_cell(kind, _edges(found[kind])) for kind in TYPES))


def genotype_in(written: Any) -> Genotype:
    """The genotype in other prints of it: text, or the lists and dicts that JSON makes of it.

    These are ``name = Genotype(...)``, a dict of ``normal`` and ``reduce``, the list of the four
    (or without concatenations two) members; a cell may be eight edges or four nodes of two. Raises
    :class:`UsageError` as :func:`parse` does.
    """
    content = written
    if isinstance(written, str):
        try:
            return parse(re.sub(r"^\s*\w+\s*[=:]\s*(?=Genotype)", "", written))
        except UsageError as error:
            try:
                content = literal(re.sub(r"^\s*\w+\s*[=:]\s*(?=Genotype|\{)", "", written))
            except ValueError:
                raise error from None
    concats = [_ALL, _ALL]
    if isinstance(content, dict):
        cells = [content.get(kind) for kind in TYPES]
        concats = [content.get(f"{kind}_concat", _ALL) for kind in TYPES]
    elif isinstance(content, list | tuple) and len(content) in (2, 4):
        cells = [content[0], content[len(content) // 2]]
        concats = [content[1], content[3]] if len(content) == 4 else concats
    else:
        cells = []
    edges = [_listed(cell) for cell in cells]
    if (
        not edges
        or None in edges
        or any(concat not in (_ALL, tuple(_ALL), range(2, 6)) for concat in concats)
    ):
        raise UsageError(
            f"'{str(written)[:120]}' is not a DARTS genotype; write for instance '{EXAMPLE}'."
        )
    return Genotype(*(_cell(kind, cell) for kind, cell in zip(TYPES, edges, strict=True)))


_ALL = list(NODES)


def _listed(cell: Any) -> list[Edge] | None:
    """The eight edges of a cell that lists edges, or nodes of two edges; None for others."""
    try:
        edges = [edge for node in cell for edge in node] if len(cell) == len(NODES) else cell
        pairs = [(name, source) for name, source in edges]
    except (TypeError, ValueError):
        return None
    known = all(isinstance(name, str) and type(source) is int for name, source in pairs)
    return pairs if known and len(pairs) == 2 * len(NODES) else None


def _edges(text: str) -> list[Edge]:
    return [(name, int(source)) for name, source in re.findall(r"(\w+)\W+(\d)\)", text)]


_EDGE = r"\((?:'\w+'|\"\w+\"),\d\)"
_CONCAT = r"(?:range\(2,6\)|[\[(]2,3,4,5,?[\])])"
_GENOTYPE = re.compile(
    r"Genotype\("
    + ",".join(
        rf"{kind}=[\[(](?P<{kind}>{_EDGE}(?:,{_EDGE}){{7}}),?[\])],{kind}_concat={_CONCAT}"
        for kind in TYPES
    )
    + r",?\)",
    re.ASCII,
)


def _cell(kind: str, edges: list[Edge]) -> CellGenotype:
    check_operators((name for name, _ in edges), OPERATORS, "a DARTS genotype")
    cell = []
    for node, first, second in zip(NODES, edges[::2], edges[1::2], strict=True):
        first, second = sorted((first, second), key=lambda edge: edge[1])
        if (first[1], second[1]) not in PAIRS[node]:
            raise UsageError(
                f"node {node} of the {kind} cell takes {first[1]} and {second[1]}; "
                f"give it two different inputs from 0 to {node - 1}."
            )
        cell.append((first, second))
    return tuple(cell)


@lru_cache(maxsize=1 << 15)
def canonical_cell(cell: CellGenotype) -> CellGenotype:
    """The smallest of all labellings of ``cell``: equal ones are isomorphic cells.

    Nodes are renumbered in every order that leaves predecessors before what they feed. The
    networks agree but for the order of the channels that a cell concatenates.
    """
    labellings = []
    for order in permutations(range(len(NODES))):
        number = {0: 0, 1: 1} | {NODES[old]: NODES[new] for new, old in enumerate(order)}
        nodes = tuple(
            tuple(sorted(((op, number[source]) for op, source in cell[old]), key=lambda e: e[1]))
            for old in order
        )
        if all(second[1] < node for node, (_, second) in zip(NODES, nodes, strict=True)):
            labellings.append(nodes)
    return min(labellings)


EXAMPLE = genotype_of((3,) * OPERATOR_GENES + (0,) * (len(SITES) - OPERATOR_GENES))
