"""A run in one row: what its numbers are, and between which bounds."""

import pytest

from reports.runs.record import load
from reports.runs.row import describe, frame


def test_a_row_has_the_numbers_of_the_record(write_run, make_record, make_interval):
    content = make_record("mngnas", 3, 0.6, n=500, n_table=700)
    content["floors"] = {
        "params": make_interval(0.3), "flops": make_interval(0.5), "random": make_interval(0.0),
    }  # fmt: skip
    row = describe(load(write_run("a", content)))
    assert (row["floor"], row["ceiling"]) == (0.3, 0.9)
    assert row["over_floor"] == pytest.approx(0.6 - 0.5)  # the highest of all
    assert row["over_floor_low"] is None  # of records from before it was measured
    content["over_floors"] = {"flops": make_interval(0.1, 0.02), "params": make_interval(0.3)}
    row = describe(load(write_run("c", content)))
    assert (row["over_floor_low"], row["over_floor_high"]) == pytest.approx((0.08, 0.12))
    assert (row["found_truth"], row["regret"]) == (91.0, 1.5)
    assert (row["seed"], row["n"], row["n_table"]) == (3, 500, 700)
    assert (row["method"], row["arm"], row["preset"]) == ("mngnas", "full", "laptop")
    assert row["by"] == "accuracy"  # of records from before it was noted
    content["scoring"]["by"] = "loss"
    assert describe(load(write_run("b", content)))["by"] == "loss"


def test_a_frame_has_a_row_for_each_run(write_run, make_record):
    folders = [
        write_run(f"nb201-digits-{method}-0123abcd-s{seed}", make_record(method, seed, tau))
        for method, seed, tau in (("spos", 1, 0.4), ("mngnas", 0, 0.7), ("mngnas", 1, 0.5))
    ]
    rows = frame(folders).set_index("run")
    assert list(rows.index) == sorted(folder.name for folder in folders)
    assert rows.loc[folders[1].name, "tau"] == 0.7
    assert set(rows["configuration"]) == {"0123abcd"}
    counts = rows[["epochs", "truth_seeds", "architectures", "seed"]]
    assert counts.to_numpy().tolist() == [[4, 3, 600, seed] for seed in (0, 1, 1)]
