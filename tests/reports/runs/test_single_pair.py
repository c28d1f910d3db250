"""The difference of two runs of which there is one seed each: over their architectures alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.measured import packaged
from harness.metrics.metrics import kendall_tau
from reports.runs.compare import compared
from reports.runs.record import load_all
from reports.runs.single_pair import over_architectures
from reports.text.comparison_table import to_markdown

PACKAGED = Path(packaged.__file__).parent / "runs"


@pytest.fixture(autouse=True)
def home():
    """The tables of the package, as they are."""


@pytest.fixture(scope="module")
def records():
    """SPOS, MixPath and FairNAS on CIFAR-10, the same 1,000 architectures, one seed; in this order."""
    names = ("spos-738de595", "mixpath-24a02c97", "fairnas-3fa3d4c0")
    return [load_all([PACKAGED / f"nb201-cifar10-{name}-s0"])[0] for name in names]


def test_it_is_paired_over_the_architectures(records):
    spos, mixpath, _ = records
    found = over_architectures(mixpath, spos)
    frames = [run.scores().set_index("arch") for run in (mixpath, spos)]
    score, other = frames[0]["score"], frames[1]["score"].loc[frames[0].index]
    truth = frames[0]["truth"].to_numpy()
    assert found["value"] == pytest.approx(
        kendall_tau(score.to_numpy(), truth) - kendall_tau(other.to_numpy(), truth)
    )
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(truth), size=len(truth)) for _ in range(200)]
    again = [
        kendall_tau(score.to_numpy()[d], truth[d]) - kendall_tau(other.to_numpy()[d], truth[d])
        for d in draws
    ]
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * np.std(again), rel=0.25)
    assert found["n"] == 1


def test_there_is_none_where_the_architectures_are_others_or_a_part(records):
    spos, mixpath, _ = records
    (everything,) = load_all([PACKAGED / "nb201-cifar10-spos-0f6f6477-s0"])
    assert over_architectures(everything, spos) is None
    top = replace(mixpath, content=mixpath.content | {"protocol": "top10"})
    assert over_architectures(top, spos) is None
    moved = mixpath.content["ground_truth"] | {"sha256": "0" * 64}
    other = replace(mixpath, content=mixpath.content | {"ground_truth": moved})
    assert over_architectures(other, spos) is None


def test_tables_say_that_it_is_of_one_seed(records):
    table = compared(records)
    rows = table.set_index("method").loc[["mixpath", "fairnas"]]
    assert not rows["shown"].any() and (rows["difference_n"] == 1).all()
    assert (rows["difference_low"] < rows["difference"]).all()
    text = to_markdown(table)
    (line,) = [line for line in text.splitlines() if line.startswith("| fairnas")]
    assert "], one seed |" in line
    assert '"one seed" those that another seed may not repeat' in text
    near = table.assign(difference_low=-0.5, difference_high=0.5)
    assert "], one seed" not in to_markdown(near) and "], not shown |" in to_markdown(near)
