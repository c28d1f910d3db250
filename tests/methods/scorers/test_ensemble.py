"""Ensembles of scores: mean ranks, of the architectures that all parts know."""

import numpy as np
import pytest
from blobs import setting
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from methods.options import SearchLimits
from methods.scorers.ensemble import Ensemble, EnsembleOptions, mean_ranks, ranked
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201("compact", width=4)
ARCHS = [(3, 3, 3, 3, 3, 3), (1, 0, 2, 3, 4, 1), (0, 0, 0, 1, 0, 0), (2, 2, 2, 2, 2, 2)]
NAMES = [SPACE.encode(arch) for arch in ARCHS]
PARTS = {
    "spos-12345678": dict(zip(NAMES, [70.0, 60.0, 10.0, 80.0], strict=True)),
    "synflow-12345678": dict(zip(NAMES, [9e9, 2.0, -1e9, 2.0], strict=True)),
}


def made(parts=PARTS, **search):
    method = Ensemble(setting(SPACE, search=SearchLimits(**search)), EnsembleOptions())
    method.take(parts, {"compute": 7, "image_passes": 5})
    return method


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=30))
def test_ranks_are_shares_and_equal_values_have_the_mean_of_theirs(values):
    n = len(values)
    expected = (rankdata(values) - 1) / (n - 1)
    np.testing.assert_allclose(ranked(np.array(values, float)), expected)


def test_a_score_is_the_mean_rank_by_hand():
    scores = made().score(ARCHS)
    first, second = np.array([2, 1, 0, 3]) / 3, np.array([3, 1.5, 0, 1.5]) / 3
    np.testing.assert_allclose(scores, (first + second) / 2)
    assert made().score(ARCHS[::-1])[::-1].tolist() == scores.tolist()
    assert made().chunks(ARCHS) == [[0, 1, 2, 3]]
    (note,) = made().notes()
    assert note.startswith(
        "mean rank in the scores of spos-12345678 and synflow-12345678 among 4 architectures;"
    )


def test_a_weight_says_how_much_the_ranks_in_a_part_count():
    first, second = np.array([2, 1, 0, 3]) / 3, np.array([3, 1.5, 0, 1.5]) / 3
    method = Ensemble(setting(SPACE), EnsembleOptions(weights=" 1, 4"))
    method.take(PARTS, {})
    np.testing.assert_allclose(method.score(ARCHS), (first + 4 * second) / 5)
    assert "spos-12345678 and synflow-12345678, weighed 1, 4, among" in method.notes()[0]
    restored = Ensemble(setting(SPACE), EnsembleOptions(weights=" 1, 4"))
    restored.load_state_dict(method.state_dict())
    assert restored.score(ARCHS).tolist() == method.score(ARCHS).tolist()


@pytest.mark.parametrize("weights", ["1", "1,2,3", "1,0", "1,-2", "1,nan", "1,inf", "1,heavy", ","])
def test_weights_that_are_not_of_the_parts_are_refused(weights):
    with pytest.raises(UsageError, match=r"does not weigh spos,synflow: give a number above 0 for"):
        EnsembleOptions(weights=weights)


def test_any_growing_function_of_a_parts_scores_is_the_same_to_it():
    changed = PARTS | {
        "synflow-12345678": {n: np.arctan(v) for n, v in PARTS["synflow-12345678"].items()}
    }
    assert mean_ranks(changed) == mean_ranks(PARTS)


def test_architectures_that_one_part_lacks_are_out():
    few = PARTS | {"flops-12345678": dict.fromkeys(NAMES[:2], 1.0)}
    assert list(mean_ranks(few)) == NAMES[:2]
    assert mean_ranks({name: {NAMES[0]: 7.0} for name in PARTS}) == {NAMES[0]: 0.0}
    with pytest.raises(UsageError, match=r"was not ranked by all of .*--rank.arch") as raised:
        made(few).score(ARCHS[2:])
    assert str(raised.value).startswith(NAMES[2])


def test_it_finds_the_best_within_the_limits_and_costs_what_its_parts_cost():
    assert made().found() == ARCHS[0]
    costs = [SPACE.cost(arch, setting().data.image).madds for arch in ARCHS]
    within = made(max_madds=(costs[0] - 1) / 1e6)
    assert within.found() == ARCHS[3]
    with pytest.raises(UsageError, match="none of the architectures that spos,synflow ranked"):
        made(max_madds=1e-6).found()
    method = made()
    assert (method.costs["compute"], method.costs["image_passes"]) == (7, 5)
    again = Ensemble(setting(SPACE), EnsembleOptions())
    again.load_state_dict(method.state_dict())
    assert again.score(ARCHS).tolist() == method.score(ARCHS).tolist()
    assert again.costs == method.costs and method.search_epochs == 0


@pytest.mark.parametrize("of", ["", "spos", "spos,spos", " , synflow"])
def test_less_than_two_parts_are_refused(of):
    with pytest.raises(UsageError, match="names no ensemble: give two different methods"):
        EnsembleOptions(of=of)
