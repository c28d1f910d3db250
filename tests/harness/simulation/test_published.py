"""Simulated searches beside what the authors of a benchmark report of theirs."""

import json

import pytest
from searched import options

from harness.simulation.published import beside
from harness.simulation.rendering import render
from harness.simulation.searches import compare_searches, flat_rows


@pytest.fixture(scope="module")
def protocol(published):
    """The protocol of NAS-Bench-201's authors, 200 searches each."""
    space, table = published("cifar10")
    chosen = options("random", "rea", "reinforce", rea={"population": 10, "sample": 3})
    return compare_searches(
        table, space, chosen, repeats=200, signal="val.12", budget_seconds=12_000
    )


@pytest.mark.slow
def test_random_search_and_evolution_find_what_is_published(protocol):
    """Random search has nothing to tune: it tells whether seconds are estimated well."""
    last = {name: rows[-1] for name, rows in protocol["curves"].items()}
    printed = protocol["published"]["searches"]
    assert printed["rea"] == {"test": 93.92, "test_sd": 0.30}
    for name, row in last.items():
        assert row["seconds"] == 12_000 and 100 < row["queries"] < 115
        assert row["test"] == pytest.approx(printed[name]["test"], abs=0.15)
        assert row["test_sd"] == pytest.approx(printed[name]["test_sd"], abs=0.2)  # long tails
    assert last["rea"]["test"] > last["random"]["test"] + 0.1


def test_the_text_has_both_beside_each_other_and_says_what_is_estimated(protocol):
    text = render(protocol)
    beside_each_other = next(line for line in text.splitlines() if line.startswith("rea   "))
    ours = protocol["curves"]["rea"][-1]
    assert beside_each_other.split("  ")[-1].strip() == "93.92 ± 0.30"
    assert f"{ours['test']:.2f} ± {ours['test_sd']:.2f}" in beside_each_other
    assert "ESTIMATED" in text and "NAS-Bench-201, ICLR 2020" in text
    assert "validation (12 epochs) accuracy of the incumbent" in text
    assert text.splitlines()[-1].endswith("queries on average")
    assert json.loads(json.dumps(protocol, allow_nan=False)) == protocol
    assert {row["signal"] for row in flat_rows(protocol)} == {"val.12"}


@pytest.mark.parametrize(
    "change",
    [
        {"signal": "val.200"},
        {"budget_seconds": 20_000},
        {"truth": "cifar10-valid"},
        {"max_madds": 100.0},
        {"options": {"rea": {"population": 100, "sample": 10}}},
    ],
)
def test_what_another_protocol_found_stands_beside_nothing(protocol, change):
    assert beside(protocol) == protocol["published"]
    assert beside(protocol | change) == {}
