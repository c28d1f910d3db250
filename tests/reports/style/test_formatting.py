"""How numbers are written."""

import pytest

from reports.style.formatting import millions


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (8_532.0, "8,532"),
        (99_999, "99,999"),
        (100_000, "0.10 M"),
        (1_250_000.0, "1.25 M"),
        (24_500_000, "24.50 M"),
    ],
)
def test_counts_are_millions_but_for_small_ones(count, text):
    assert millions(count) == text
