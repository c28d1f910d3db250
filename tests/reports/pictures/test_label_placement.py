"""Words keep apart, in order, and within their room."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.pictures.label_placement import place_names, side_by_side


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8), st.floats(0.01, 0.1))
def test_labels_are_spread_in_order_and_within_bounds(wanted, gap):
    placed = side_by_side(wanted, [gap] * len(wanted), -1 - gap / 2, 1 + gap / 2)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(placed[order]) >= gap - 1e-9).all()
    assert placed.min() >= -1 - 1e-9 and placed.max() <= 1 + 1e-9
    apart = np.sort(wanted)
    if (np.diff(apart) >= gap).all():
        np.testing.assert_allclose(placed, wanted, atol=1e-9)


def test_labels_that_collide_move_equally():
    np.testing.assert_allclose(side_by_side([0.5, 0.5, 0.9], [0.1] * 3, 0, 1), [0.45, 0.55, 0.9])


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-1, 5), st.floats(0.1, 1)), min_size=1, max_size=5))
def test_names_stand_side_by_side_in_order(things):
    wanted, widths = np.array([w for w, _ in things]), [w for _, w in things]
    placed = side_by_side(wanted, widths, -3, 8)
    order = np.argsort(wanted, kind="stable")
    for left, right in zip(order, order[1:], strict=False):
        assert placed[right] - placed[left] >= (widths[left] + widths[right]) / 2 - 1e-9
    assert placed.min() >= -3 and placed.max() <= 8
    if len(things) == 1:
        assert placed == pytest.approx(np.clip(wanted, -3 + widths[0] / 2, 8 - widths[0] / 2))


def test_names_of_points_keep_apart():
    rng = np.random.default_rng(0)
    points = [tuple(point) for point in rng.uniform(0.5, [3.5, 2.5], (14, 2))]
    placed = place_names(points, [(0.6, 0.14)] * 14, (4, 3), others=[(2, 0, 2.1, 3)])
    for box in placed:
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= 4 and box[3] <= 3
        assert box[2] <= 2 or box[0] >= 2.1
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in points)
    for one, other in combinations(placed, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart
