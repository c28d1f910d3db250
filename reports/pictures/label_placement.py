"""Where words stand, so that they meet neither one another nor what they name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

Box = tuple[float, float, float, float]  # left, bottom, right, top
DIRECTIONS = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
NEAR = (0.08, 0.22, 0.4, 0.6, 0.85, 1.15)  # inches from the point


def side_by_side(
    wanted: Sequence[float] | np.ndarray, widths: Sequence[float], low: float, high: float
) -> np.ndarray:
    """Middles near ``wanted``, in its order, so that things of ``widths`` do not overlap.

    Of all such places the ones of least squared distance, moved between ``low`` and ``high``;
    where there is too little room, beyond ``high``.
    """
    order = np.argsort(wanted, kind="stable")
    wide = np.asarray(widths, float)[order]
    offsets = np.concatenate([[0.0], np.cumsum((wide[:-1] + wide[1:]) / 2)])
    packed = isotonic_regression(np.asarray(wanted, float)[order] - offsets).x
    least, most = low + wide[0] / 2, high - wide[-1] / 2 - offsets[-1]
    placed = np.empty(len(order))
    placed[order] = np.clip(packed, least, max(least, most)) + offsets
    return placed


def place_names(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    room: tuple[float, float],
    others: Sequence[Box] = (),
    clear: float = 0.05,
) -> list[Box]:
    """A box of each of ``sizes`` (width, height) near its point, all in inches, within ``room``.

    Points are kept free by ``clear``, and so are ``others``. Of the free places the nearest; where
    none is, the one that covers least.
    """
    taken: list[Box] = [*others]
    taken += [(x - clear, y - clear, x + clear, y + clear) for x, y in points]
    placed: dict[int, Box] = {}
    crowding = [sum(np.hypot(x - u, y - v) < 0.8 for u, v in points) for x, y in points]
    for number in np.argsort(crowding, kind="stable"):
        candidates = _candidates(points[number], sizes[number])
        costs = [
            sum(_overlap(box, other) for other in taken) + 10 * _outside(box, room)
            for box in candidates
        ]
        placed[int(number)] = best = candidates[int(np.argmin(np.round(costs, 9)))]
        taken.append(best)
    return [placed[number] for number in range(len(points))]


def _candidates(point: tuple[float, float], size: tuple[float, float]) -> list[Box]:
    boxes = []
    for far in NEAR:
        for across, up in DIRECTIONS:
            x = point[0] + across * (far + size[0] / 2)
            y = point[1] + up * (far + size[1] / 2)
            boxes.append((x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2))
    return boxes


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(tall, 0.0)


def _outside(box: Box, room: tuple[float, float]) -> float:
    """How far a box leaves the room."""
    return (
        max(0.0, -box[0]) + max(0.0, -box[1])
        + max(0.0, box[2] - room[0]) + max(0.0, box[3] - room[1])
    )  # fmt: skip
