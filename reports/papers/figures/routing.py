"""How the arrows of a diagram run between boxes on a grid: level and upright, past other boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from reports.papers.definition.item import Arrow, Step
from searchspaces.errors import UsageError

Cell = tuple[int, int]  # column, row; rows count downwards
Side = tuple[int, int]  # the way out of a box: (1, 0) to the right, (0, 1) downwards
RIGHT, LEFT, DOWN, UP = (1, 0), (-1, 0), (0, 1), (0, -1)


@dataclass(frozen=True)
class Route:
    """``arrow`` leaves a box by one side and enters another by one; straight or with one bend.

    With ``gutter`` it bends twice, in the middle between two neighbouring columns or rows.
    ``ports`` count places from the middle of a side where it leaves and enters: 0, 1, -1, 2, …
    """

    arrow: Arrow
    leaves: Side
    enters: Side
    gutter: bool = False
    ports: tuple[int, int] = (0, 0)

    @property
    def straight(self) -> bool:
        return self.leaves == (-self.enters[0], -self.enters[1]) and not self.gutter


def routes(steps: Sequence[Step], arrows: Sequence[Arrow], where: str) -> list[Route]:
    """One route per arrow; ``where`` names the diagram in errors.

    Raises :class:`UsageError` where boxes share a cell or lie between two that an arrow joins.
    """
    cells: dict[Cell, str] = {}
    for step in steps:
        if step.at in cells:
            raise UsageError(
                f"{where}: steps {cells[step.at]} and {step.id} are at the same place."
            )
        cells[step.at] = step.id
    places = {step.id: step.at for step in steps}
    ways = [_way(places[arrow.start], places[arrow.end], cells, arrow, where) for arrow in arrows]
    return _with_ports(ways, places)


def _way(start: Cell, end: Cell, cells: dict[Cell, str], arrow: Arrow, where: str) -> Route:
    across, down = _sign(end[0] - start[0]), _sign(end[1] - start[1])
    level, upright = (across, 0), (0, down)
    corner, other = (end[0], start[1]), (start[0], end[1])
    free = {start, end}.union  # the cells of both ends count as free

    def clear(*legs: tuple[Cell, Cell]) -> bool:
        return all(cell not in cells or cell in free() for leg in legs for cell in _between(*leg))

    if not (across and down):
        side = level if across else upright
        if start != end and clear((start, end)):
            return Route(arrow, side, (-side[0], -side[1]))
    elif corner not in cells and clear((start, corner), (corner, end)):
        return Route(arrow, level, (0, -down))
    elif other not in cells and clear((start, other), (other, end)):
        return Route(arrow, upright, (-across, 0))
    elif abs(end[0] - start[0]) == 1:
        return Route(arrow, level, (-across, 0), gutter=True)
    elif abs(end[1] - start[1]) == 1:
        return Route(arrow, upright, (0, -down), gutter=True)
    raise UsageError(
        f"{where}: no way is free for the arrow from {arrow.start} to {arrow.end}; move a step."
    )


def _between(start: Cell, end: Cell) -> list[Cell]:
    """The cells from ``start`` to ``end`` in one row or column, both included."""
    columns, rows = (range(min(a, b), max(a, b) + 1) for a, b in zip(start, end, strict=True))
    return [(column, row) for column in columns for row in rows]


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _with_ports(ways: Sequence[Route], places: dict[str, Cell]) -> list[Route]:
    """The same with ports that no two arrows share; straight ones choose first."""
    taken: set[tuple[str, Side, int]] = set()
    chosen: dict[Arrow, Route] = {}
    for way in sorted(ways, key=lambda way: not way.straight):
        start, end = way.arrow.start, way.arrow.end
        ends = [(start, way.leaves), (end, way.enters)]
        if way.straight:
            port = next(p for p in _ports(1) if not any((*end, p) in taken for end in ends))
            ports = (port, port)
        else:
            towards = [_lean(places[start], places[end], way.leaves)]
            towards.append(_lean(places[end], places[start], way.enters))
            ports = tuple(
                next(p for p in _ports(lean) if (*end, p) not in taken)
                for end, lean in zip(ends, towards, strict=True)
            )
        taken.update((*end, port) for end, port in zip(ends, ports, strict=True))
        chosen[way.arrow] = replace(way, ports=ports)
    return [chosen[way.arrow] for way in ways]


def _lean(own: Cell, other: Cell, side: Side) -> int:
    """Towards which end of a ``side`` the other box lies."""
    along = 1 if side[0] else 0
    return _sign(other[along] - own[along]) or 1


def _ports(lean: int) -> Iterator[int]:
    """0, then ever farther from the middle, first to the side that ``lean`` has the sign of."""
    yield 0
    for port in count(lean, lean):
        yield port
        yield -port
