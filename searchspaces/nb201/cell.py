"""The cells of NAS-Bench-201 (Dong & Yang 2020): operators, edges, and when two are the same.

Edges in string order: 1←0, 2←0, 2←1, 3←0, 3←1, 3←2. A node is the sum of its incoming edges.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache
from itertools import product

from searchspaces.base import Arch

OPERATORS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))  # (target, source)
LAST_NODE = 3
INTO = {
    node: tuple(edge for edge, (target, _) in enumerate(EDGES) if target == node)
    for node in range(1, LAST_NODE + 1)
}

WAYS = ((3,), (1, 5), (0, 4), (0, 2, 5))  # from input to output, as edges

Sum = frozenset[tuple["Term", int]]
Term = tuple[int, tuple[int, int, Sum] | None]


def unique_string(arch: Arch, zeros: bool) -> str:
    """What the cell computes, as a string: equal strings are isomorphic cells.

    Skip connections are replaced by what they carry. With ``zeros``, edges that are ``none`` or
    start at a single zero become a zero too. Over the space this gives 6,466 strings, without
    ``zeros`` 12,751, the counts of the NAS-Bench-201 paper; a sum of several zeros is not
    recognised as zero there, nor here.
    """
    value = {0: "0"}
    for node in range(1, LAST_NODE + 1):
        terms = []
        for op, (target, source) in zip(arch, EDGES, strict=True):
            if target != node:
                continue
            if zeros and (op == NONE or value[source] == "#"):
                terms.append("#")
            elif op == SKIP:
                terms.append(value[source])
            else:
                terms.append(f"({value[source]})@{OPERATORS[op]}")
        value[node] = "+".join(sorted(terms))
    return value[LAST_NODE]


@lru_cache(maxsize=1 << 15)
def live_edges(arch: Arch, from_input: bool = True) -> tuple[int, ...]:
    """Edges that are not ``none``, lead to the output and (``from_input``) start from the input.

    Two cells with the same operators on the same live edges are the same supernet subnet: 9,445
    distinct ones in the space.
    """
    reached = {0}
    for op, (target, source) in zip(arch, EDGES, strict=True):
        if op != NONE and (source in reached or not from_input):
            reached.add(target)
    needed = {LAST_NODE}
    live = []
    for edge in reversed(range(len(EDGES))):
        target, source = EDGES[edge]
        if arch[edge] != NONE and target in needed and (source in reached or not from_input):
            needed.add(source)
            live.append(edge)
    return tuple(sorted(live))


def routes_through(arch: Arch) -> tuple[int, ...]:
    """How many of the four ways from input to output lead through each edge; none with ``none``."""
    whole = [way for way in WAYS if all(arch[edge] != NONE for edge in way)]
    return tuple(sum(edge in way for way in whole) for edge in range(len(EDGES)))


def subnet_key(arch: Arch, from_input: bool = True) -> Arch:
    """``arch`` with its dead edges set to ``none``: equal keys, equal supernet subnets.

    ``from_input`` as for :func:`live_edges`: false for a supernet whose BNs have a shift.
    """
    live = live_edges(arch, from_input)
    return tuple(op if edge in live else NONE for edge, op in enumerate(arch))


def worked_out(arch: Arch, from_input: bool = True) -> Sum:
    """What the cell puts out as a sum: terms, and how often each is in it.

    Skip connections and pooling are linear, so that a node is a sum of what convolutions give
    and of the cell's input. A term is how often that is pooled, and what: edge, operator and the
    sum that the operator is given, or None for the input.
    """
    nodes: list[Counter[Term]] = [Counter({(0, None): 1})]
    for into in INTO.values():
        total: Counter[Term] = Counter()
        for edge in into:
            op, given = arch[edge], nodes[EDGES[edge][1]]
            if op in (SKIP, POOL):
                for (pooled, what), times in given.items():
                    total[pooled + (op == POOL), what] += times
            elif op != NONE and (given or not from_input):
                total[0, (edge, op, frozenset(given.items()))] += 1
        nodes.append(total)
    return frozenset(nodes[LAST_NODE].items())


def function_key(arch: Arch, from_input: bool = True) -> Arch:
    """The simplest of the subnets that compute what ``arch`` does: equal keys, equal functions.

    They run the same convolutions, each on the same sum, and differ in the order in which they
    add up and pool, which is a matter of rounding. The space has 7,548. ``from_input`` as for
    :func:`live_edges`.
    """
    return _simplest(from_input)[subnet_key(arch, from_input)]


@cache
def _simplest(from_input: bool) -> dict[Arch, Arch]:
    """By subnet key, that with the least pooling and, of these, the fewest edges."""
    every = {subnet_key(arch, from_input) for arch in product(range(len(OPERATORS)), repeat=6)}
    ordered = sorted(every, key=lambda key: (key.count(POOL), -key.count(NONE), key))
    sums = {key: worked_out(key, from_input) for key in ordered}
    first: dict[Sum, Arch] = {}
    for key in ordered:
        first.setdefault(sums[key], key)
    return {key: first[sums[key]] for key in ordered}
