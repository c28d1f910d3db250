"""What is told of a table: which architectures it is of."""

import numpy as np
import pytest
from tables import made_meta

from harness.metrics.describe_table import describe_table, measure
from harness.tabular.table import Table
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201("compact")


@pytest.fixture
def table():
    """Cells whose output has an edge from the input, and 20 into whose output nothing leads.

    These are at chance level, but one, which is the most accurate of all.
    """
    archs = [(first, second, 2, 3, 1, 4) for first in range(5) for second in range(5)]
    archs += [(first, second, 2, 0, 0, 0) for first in range(4) for second in range(5)]
    percent = np.concatenate((np.linspace(50.2, 89.8, 25), np.full(20, 10.0)))
    percent[30] = 95.0
    meta = made_meta(scale="compact", resolution={"test": 0.5})
    return Table(meta, [SPACE.encode(arch) for arch in archs], {"test.5.mean": percent})


def test_percentiles_are_of_what_joins_input_to_output_and_the_best_of_all(table):
    found, percent = describe_table(table, SPACE), table.accuracy("test")
    assert (found["architectures"], found["connected"]) == (45, 25)
    low, median, high = np.percentile(percent[:25], [5, 50, 95])
    assert found["test_percent"] == pytest.approx(
        {"p5": low, "median": median, "p95": high, "best": 95.0}
    )
    assert low > 50
    best = {"percent": 95.0, "arch": table.archs[30], "row": 30}
    assert found["best"] == best["arch"] and found["maxima"] == {"test.5": best}
    everything = describe_table(table, None)
    assert everything["connected"] == 45 and everything["test_percent"]["p5"] == 10


def test_what_builders_note_is_at_the_resolution_of_one_image(table):
    halves = np.rint(table.accuracy("test") / 0.5) * 0.5
    low, median, high = np.percentile(halves[:25], [5, 50, 95]).round(3)
    assert measure(table, SPACE)["test_percent"] == pytest.approx(
        {"p5": low, "median": median, "p95": high, "best": 95.0}
    )
