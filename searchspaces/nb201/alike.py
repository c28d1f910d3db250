"""Cells of NAS-Bench-201 whose networks compute the same as initialised.

They do where the convolutions of one can take the places of those of the other: as initialised,
one convolution's weights are as good as another's of its kind.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import chain, permutations, product

from searchspaces.base import Arch
from searchspaces.nb201.cell import EDGES, NONE, OPERATORS, POOL, Sum, function_key, worked_out


def alike_key(arch: Arch) -> str:
    """What :func:`worked_out` says without the names of edges: equal keys, cells alike.

    Convolutions are numbered, first by operator and by what each is given; of the orders that
    this leaves open, that counts which comes first in writing.
    """
    total = worked_out(arch)
    met = _convolutions(total)
    kinds: dict[str, list[int]] = {}
    for edge, (op, given) in met.items():
        kinds.setdefault(f"{op}{_unnamed(given)}", []).append(edge)

    def numbered(order: tuple[int, ...]) -> str:
        number = {edge: place for place, edge in enumerate(order)}
        return repr([_named(one, number) for one in (total, *(met[edge][1] for edge in order))])

    many = [(kind, len(kinds[kind])) for kind in sorted(kinds)]
    ways = product(*(permutations(kinds[kind]) for kind, _ in many))
    return f"{many} {min(numbered(tuple(chain(*way))) for way in ways)}"


@lru_cache(maxsize=1 << 15)
def representative(arch: Arch) -> Arch:
    """The simplest cell that is alike: 5,044 of them over the space, one of which is nothing."""
    return _simplest()[alike_key(function_key(arch))]


@cache
def _simplest() -> dict[str, Arch]:
    """Of each key that with the least pooling and, of these, the fewest edges."""
    every = {function_key(arch) for arch in product(range(len(OPERATORS)), repeat=len(EDGES))}
    found: dict[str, Arch] = {}
    for arch in sorted(every, key=lambda arch: (arch.count(POOL), -arch.count(NONE), arch)):
        found.setdefault(alike_key(arch), arch)
    return found


def _convolutions(total: Sum) -> dict[int, tuple[int, Sum]]:
    """By edge, the operator and what it is given, of all in ``total`` and in what they are given."""
    found: dict[int, tuple[int, Sum]] = {}
    for (_, what), _ in total:
        if what is not None and what[0] not in found:
            edge, op, given = what
            found |= {edge: (op, given)} | _convolutions(given)
    return found


def _unnamed(total: Sum) -> str:
    parts = [
        f"{times}*{pooled}:" + ("" if what is None else f"{what[1]}{_unnamed(what[2])}")
        for (pooled, what), times in total
    ]
    return f"({'+'.join(sorted(parts))})"


def _named(total: Sum, number: dict[int, int]) -> list[tuple[int, int, int]]:
    """Times, poolings and the convolution's number, -1 for the cell's input."""
    return sorted(
        (times, pooled, -1 if what is None else number[what[0]]) for (pooled, what), times in total
    )
