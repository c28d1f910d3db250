"""Cells of NAS-Bench-101 as its API and most code give them: adjacency matrix and operators."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

from searchspaces.base import Arch
from searchspaces.errors import UsageError
from searchspaces.literals import check_operators, literal
from searchspaces.nb101.cell import GENE, GENES, OPERATORS, OUTPUT, canonical_genes

MATRICES = ("module_adjacency", "matrix", "adjacency", "adjacency_matrix", "original_matrix")
OPERATIONS = ("module_operations", "ops", "operations", "operators", "original_ops")


def genes_of_spec(written: Any) -> Arch | None:
    """The canonical labelling of the cell; None where ``written`` is no matrix with operators.

    ``written`` is a dict such as ``{"matrix": ..., "ops": ...}``, a pair, or the text of either:
    a matrix ``[n, n]`` of 0 and 1, n from 2 to 7, and the names of n operators from ``input`` to
    ``output``, the vertices between these two in any order. Vertices off every path are left out.
    Raises :class:`UsageError` for a matrix with a cycle or with edges into the input or out of the
    output, an unknown operator, and a cell outside the space.
    """
    if isinstance(written, str):
        try:
            written = literal(written)
        except ValueError:
            return None
    if isinstance(written, dict):
        matrix = next((written[name] for name in MATRICES if name in written), None)
        operators = next((written[name] for name in OPERATIONS if name in written), None)
    elif isinstance(written, list | tuple) and len(written) == 2:
        matrix, operators = written
    else:
        return None
    matrix, operators = _unpacked(matrix), _unpacked(operators)
    if not _is_matrix(matrix) or not isinstance(operators, list | tuple):
        return None
    return canonical_genes(_genes(*_forward(matrix, operators)))


def _unpacked(value: Any) -> Any:
    try:
        return literal(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _is_matrix(matrix: Any) -> bool:
    return (
        isinstance(matrix, list | tuple)
        and 2 <= len(matrix) <= OUTPUT + 1
        and all(isinstance(row, list | tuple) and len(row) == len(matrix) for row in matrix)
        and all(entry in (0, 1) for row in matrix for entry in row)
    )


def _forward(matrix: Any, operators: Any) -> tuple[Any, Any]:
    """The same cell with every vertex behind those that lead to it; as given where none is so."""
    last = len(matrix) - 1
    sources = {target: {s for s, row in enumerate(matrix) if row[target]} for target in range(last)}
    sources = {target: sources[target] | {0} - {target} for target in sources}
    try:
        order = [*TopologicalSorter(sources).static_order(), last]
    except CycleError:
        return matrix, operators
    if len(operators) != len(matrix) or any(matrix[last]):
        return matrix, operators
    return [[matrix[a][b] for b in order] for a in order], [operators[a] for a in order]


def _genes(matrix: Any, operators: Any) -> Arch:
    size = len(matrix)
    if len(operators) != size or (operators[0], operators[-1]) != ("input", "output"):
        raise UsageError(
            f"a cell of NAS-Bench-101 with {size} vertices has as many operators, from 'input' to "
            f"'output', not {str(operators)[:120]}."
        )
    genes = [0] * GENES
    slots = [*range(size - 1), OUTPUT]
    for vertex, name in enumerate(operators[1:-1], start=1):
        known = [full for full in OPERATORS if name in (full, full.removesuffix("-bn-relu"))]
        if not known:
            check_operators([str(name)], OPERATORS, "a cell of NAS-Bench-101")
        genes[vertex - 1] = OPERATORS.index(known[0])
    for source, row in enumerate(matrix):
        for target, edge in enumerate(row):
            if edge and source >= target:
                raise UsageError(
                    f"the matrix {str(matrix)[:120]} has an edge from {source} back to {target}; "
                    "a cell of NAS-Bench-101 has no cycle, and no edge into its input or out of "
                    "its output."
                )
            if edge:
                genes[GENE[slots[source], slots[target]]] = 1
    return tuple(genes)
