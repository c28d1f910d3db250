"""What is told of a table: which architectures it is of."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tables import made_meta

from harness.metrics import ceiling
from harness.metrics.describe_table import describe_table, measure, overview, render_description
from harness.tabular.locate import Listed
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


def test_builders_note_floors_and_ceilings_to_four_decimals_where_there_are_any(table, monkeypatch):
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)
    assert measure(table, SPACE)["floors"] == {"params": None, "flops": None}
    assert measure(table, SPACE)["ceiling"] == {"single_seed": None, "seed_mean": None}
    rng = np.random.default_rng(0)
    mean, sizes = table.accuracy("test").clip(2, 98), rng.integers(0, 99, (2, 45))
    mean = (mean + rng.uniform(0, 1, 45)).clip(2, 98)
    runs = {f"test.5.{seed}": mean + rng.uniform(-2, 2, 45) for seed in range(3)}
    meta = replace(table.meta, resolution={"test": 0.025})
    seeded = Table(meta, table.archs, {"test.5.mean": mean, **runs}, *sizes)
    whole, noted = describe_table(seeded, SPACE), measure(seeded, SPACE)
    for part, names in (("floors", ("params", "flops")), ("ceiling", ("single_seed", "seed_mean"))):
        values = {name: round(whole[part][name]["value"], 4) for name in names}
        assert noted[part] == values and len(set(values.values())) == 2
    spread = np.percentile(seeded.truth("test")[:25], [5, 50, 95])
    found = [noted["test_percent"][name] for name in ("p5", "median", "p95")]
    assert found == spread.round(3).tolist()
    assert (spread.round(3) != spread.round(2)).any()


def test_maxima_are_of_whole_columns_of_means_of_the_table_s_own_training(table):
    rng = np.random.default_rng(1)
    columns = {f"{name}.mean": rng.uniform(10, 90, 45) for name in ("val.5", "test.5", "train.3")}
    gap = np.where(np.arange(45) == 7, np.nan, columns["test.5.mean"])
    others = {"test.3.mean": gap, "half:test.5.mean": np.full(45, 99.0), "val.5.0": gap + 5}
    found = describe_table(Table(table.meta, table.archs, columns | others), SPACE)
    assert found["seeds"] == {"val": 1, "test": 0}
    rows = {name: int(columns[f"{name}.mean"].argmax()) for name in ("val.5", "test.5", "train.3")}
    assert found["maxima"] == {
        name: {"percent": columns[f"{name}.mean"][row], "arch": table.archs[row], "row": row}
        for name, row in rows.items()
    }
    assert len(set(rows.values())) == 3


def interval(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 1500}


def test_a_description_in_words():
    meta = made_meta(
        space="toy",
        epochs=40,
        training={"truth": "whole", "truth_images": {"whole": 5000, "half": 2500}},
        authors="Some People",
        notes="A remark.",
        measured={"cpu_seconds": 12.5},
    )
    description = {
        "table": "toy-small-digits",
        "truth": meta.truth,
        "truths": meta.truths,
        "architectures": 1500,
        "connected": 1400,
        "seeds": {"val": 2, "test": 3},
        "test_percent": {"p5": 20.125, "median": 50.375, "p95": 80.625, "best": 90.5},
        "best": "a",
        "maxima": {"val.20": {"percent": 88.0, "arch": "b", "row": 7}},
        "floors": {"params": interval(0.4), "flops": interval(0.5), "random": interval(0.0)},
        "ceiling": {"single_seed": None, "seed_mean": None, "validation": interval(0.9)},
    }
    lines = render_description(description | {"meta": asdict(meta)}).splitlines()
    words = [" ".join(line.split()) for line in lines]
    assert words[:4] == [
        "toy-small-digits: 1,500 architectures (1,400 join input to output), 3 test seeds, 40 epochs",
        "test accuracy 5 % 20.12 median 50.38 95 % 80.62 of the 1,400 that join input to output",
        "of the training whole, on 5,000 images; there is also --truth half (2,500 images)",
        "best of all validation 88.0000 after 20 epochs: row 7, b",
    ]
    assert words[-6:] == [
        "floors and ceiling are of all 1,500",
        "source made by a test (1, Apache-2.0)",
        "authors Some People",
        "made by pytest",
        "training 12.5 CPU-seconds each",
        "notes A remark.",
    ]
    bare = replace(meta, training={"epochs_known": False}, authors="", notes="", measured={})
    alone = description | {"truth": bare.truth, "truths": bare.truths, "meta": asdict(bare)}
    words = [" ".join(line.split()) for line in render_description(alone).splitlines()]
    assert words[0].endswith("3 test seeds, epochs not known")
    assert words[2] == "of the training digits" and words[-1] == "made by pytest"


def test_tables_whose_builders_measured_something_side_by_side():
    measured = {
        "ceiling": {"seed_mean": 0.93456, "single_seed": None},
        "floors": {"params": 0.41234, "flops": 0.52345},
        "test_percent": {"p5": 20.12, "median": 50.34, "p95": 80.56, "best": 90.78},
        "cpu_seconds": 12.5,
    }
    made = made_meta(created_by="nas-harness table --seeds 3 --more", measured=measured)
    untimed = {name: value for name, value in measured.items() if name != "cpu_seconds"}
    listed = [
        Listed("one", "package", Path("one"), 1500, made),
        Listed("two", "package", Path("two"), 20, replace(made, measured=untimed)),
        Listed("three", "package", Path("three"), 30, replace(made, measured={})),
        Listed("four", "source", Path("four")),
    ]
    rows = overview(listed).splitlines()[2:]
    cells = "0.935 (–) | 0.412 | 0.523 | 20.1, 50.3, 80.6, 90.8"
    assert rows == [f"| `one` | 1500 × 3 | {cells} | 12.5 |", f"| `two` | 20 × 3 | {cells} | – |"]
