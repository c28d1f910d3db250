import numpy as np
import pytest
from scipy import stats

from reports.runs.paired import is_shown, mean_interval, paired_difference


def test_difference_is_the_paired_t_test_of_scipy():
    rng = np.random.default_rng(0)
    own, other = rng.normal(0.6, 0.02, 5), rng.normal(0.55, 0.02, 5)
    found = paired_difference(dict(enumerate(own)), dict(enumerate(other)))
    test = stats.ttest_rel(own, other)
    expected = test.confidence_interval(0.95)
    assert found["value"] == pytest.approx(np.mean(own - other))
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))
    assert is_shown(found) == (test.pvalue < 0.05)
    assert found["n"] == 5


def test_only_shared_seeds_are_paired():
    found = paired_difference({0: 0.6, 1: 0.7, 5: 0.9}, {1: 0.5, 0: 0.5, 7: 0.1})
    assert found["value"] == pytest.approx(0.15)
    assert found["n"] == 2
    assert paired_difference({0: 0.6}, {1: 0.5}) == {
        "value": None, "low": None, "high": None, "n": 0,
    }  # fmt: skip


def test_one_pair_shows_nothing():
    found = paired_difference({3: 0.9}, {3: 0.1})
    assert found == {"value": pytest.approx(0.8), "low": None, "high": None, "n": 1}
    assert not is_shown(found)


def test_an_undefined_value_is_not_left_out():
    assert mean_interval([0.5, None, 0.6])["value"] is None
    assert paired_difference({0: 0.5, 1: None}, {0: 0.4, 1: 0.4})["value"] is None


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(0.01, 0.03, True), (-0.2, -0.1, True), (-0.1, 0.1, False)]
)
def test_a_difference_is_shown_when_its_interval_excludes_zero(low, high, shown):
    assert is_shown({"value": (low + high) / 2, "low": low, "high": high, "n": 3}) is shown
    assert not is_shown({"value": 0.0, "low": 0.0, "high": 0.0, "n": 3})
