"""Protocols: which architectures each leaves, and the floors that are measured on the same ones."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.evaluate import evaluate_scores
from harness.metrics.metrics import kendall_tau
from harness.metrics.protocols import protocol
from harness.metrics.rendering import render
from harness.tabular.ground_truth import known_table
from searchspaces.base import Site
from searchspaces.errors import UsageError

ARCHS = [f"a{i:04d}" for i in range(1000)]


def kept(name, truth, archs=None, space=None, seed=0):
    archs = ARCHS[: len(truth)] if archs is None else archs
    return protocol(name).choose(archs, np.asarray(truth, float), space, seed)


@pytest.mark.parametrize(("name", "left"), [("top10", 100), ("top5", 50), ("top1", 10)])
def test_the_best_by_truth_with_their_equals(name, left):
    truth = np.random.default_rng(0).permutation(1000.0 * np.arange(1000))
    mask = kept(name, truth)
    assert mask.sum() == left and truth[mask].min() > truth[~mask].max()
    truth[truth < np.sort(truth)[-left + 5]] = 0
    assert kept(name, truth).all()
    assert protocol(name).numbers == {"share": left / 1000}


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=200))
def test_of_each_of_400_intervals_the_best_is_left(values):
    truth = np.array(values) / 10
    mask = kept("stratified", truth)
    low, width = truth.min(), (truth.max() - truth.min()) / 400
    strata = {}
    for value in truth:
        stratum = min(int((value - low) // width), 399) if width else 0
        strata[stratum] = max(value, strata.get(stratum, value))
    assert sorted(truth[mask]) == sorted(strata.values())


def test_of_equals_in_an_interval_the_first_of_the_table_is_left():
    truth = [5.0, 0.0, 40.0, 0.0, 40.0, 5.0, 0.05, 5.0]
    assert np.flatnonzero(kept("stratified", truth)).tolist() == [0, 2, 6]


def test_no_none_leaves_the_cells_that_have_the_operator_on_no_edge():
    names = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
    archs = [*product(range(5), range(4))]
    sites = [Site("edge", names), Site("edge", names[1:])]
    space = SimpleNamespace(sites=sites, decode=lambda arch: arch)
    mask = kept("no-none", np.zeros(20), archs, space)
    assert mask.tolist() == [first > 0 for first, _ in archs]


def test_a_draw_is_of_so_many():
    first = kept("random-30", np.zeros(1000))
    assert first.sum() == 30
    drawn = np.random.default_rng(0).choice(1000, 30, replace=False)
    assert np.flatnonzero(first).tolist() == sorted(drawn.tolist())
    assert (kept("random-30", np.zeros(1000), seed=1) != first).any()
    with pytest.raises(UsageError, match="needs 30 scores, and there are 20"):
        kept("random-30", np.zeros(20))
    assert kept("random-20", np.zeros(20)).all() and kept("random-2", np.zeros(9)).sum() == 2


@pytest.mark.parametrize("name", ["", "top0", "top100", "random-1", "random-x", "best", "top-5"])
def test_unknown_protocols_are_refused(name):
    with pytest.raises(UsageError, match="unknown protocol .*stratified"):
        protocol(name)


@pytest.fixture(scope="module")
def nb201():
    return known_table("nb201", "cifar10", "", None, "")


@pytest.mark.slow
def test_published_subsets_of_the_benchmark(nb201):
    """By parameters: all 0.5777, and more where the accuracies are spread evenly."""
    space, table = nb201
    scores = dict(zip(table.archs, (-table.params).tolist(), strict=True))
    names = ("all", "unique", "top10", "top5", "no-none", "random-100", "stratified")
    options = {"space": space, "lower_is_better": True, "protocols": names}
    result = evaluate_scores(table, scores, "test", **options)
    found = result["protocols"]
    assert list(found) == list(names)
    counts = {name: each["n"] for name, each in found.items()}
    assert counts["all"] == 15_625 and counts["unique"] == 6_466
    assert counts["no-none"] == 4**6 and counts["random-100"] == 100
    assert counts["stratified"] == 199 and 782 <= counts["top5"] < counts["top10"] < 1600
    for name in ("all", "unique", "top10"):
        assert found[name]["metrics"] == result["metrics"][name]
    for each in found.values():
        assert each["floors"]["params"]["value"] == each["metrics"]["kendall_tau"]["value"]
    assert found["all"]["floors"]["params"] == result["floors"]["params"]
    assert found["all"]["floors"]["params"]["value"] == pytest.approx(0.5777, abs=5e-5)
    assert found["stratified"]["floors"]["params"]["value"] == pytest.approx(0.635, abs=5e-4)
    joined = np.array(["none" not in arch for arch in table.archs])
    tau = kendall_tau(table.params[joined].astype(float), table.truth("test")[joined])
    assert found["no-none"]["floors"]["params"]["value"] == pytest.approx(tau)
    backwards = dict(reversed(scores.items()))
    options["protocols"] = ["random-100", "stratified"]
    again = evaluate_scores(table, backwards, "test", **options)["protocols"]
    for name, each in again.items():
        assert each["metrics"]["kendall_tau"] == pytest.approx(
            found[name]["metrics"]["kendall_tau"], abs=1e-6
        )
    text = render(result)
    assert all(f"{name} ({count:,})" in text for name, count in counts.items())
    assert max(map(len, text.splitlines())) <= 100


def test_a_protocol_that_leaves_nothing_is_refused(nb201):
    space, table = nb201
    none = [arch for arch in table.archs if "none" in arch][:30]
    scores = dict(zip(none, range(30), strict=True))
    with pytest.raises(UsageError, match="no-none leaves fewer than two"):
        evaluate_scores(table, scores, "test", space=space, protocols=["no-none"])
    with pytest.raises(UsageError, match="operator none"):
        evaluate_scores(table, scores, "test", protocols=["no-none"])
