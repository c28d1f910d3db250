"""Every rival of the papers' methods trains, ranks and finds something, from its name alone."""

import math

import pytest

from harness.api import run_method
from searchspaces.nb201.space import NASBench201

RIVALS = [
    "snas",
    "darts-",
    "pc-darts",
    "fairdarts",
    "p-darts",
    "setn",
    "nsas",
    "proxylessnas",
    "fbnet",
    "enas",
    "rsps",
    "rlnas",
    "greedynas",
    "mct-nas",
    "pa-da",
    "sumnas",
    "bossnas",
]


@pytest.mark.parametrize("method", RIVALS)
def test_a_rival_runs_in_the_preset_smoke(tmp_path, method):
    record = run_method(method, preset="smoke", runs=tmp_path, workers=1)
    assert 0.9 < record["costs"]["compute"] / (200 * 64 * 3) < 1.1
    assert record["n"] == 60 and math.isfinite(record["metrics"]["all"]["kendall_tau"]["value"])
    assert NASBench201().is_valid(NASBench201().decode(record["found"]["arch"]))
    assert (tmp_path / record["run"] / "scores.parquet").is_file()
