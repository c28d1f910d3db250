"""Scores that are means over snapshots of the training."""

import numpy as np
import pytest
import scored
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.base import Method
from methods.options import Recipe
from methods.registry import METHODS, options_class
from methods.snapshots import Snapshots
from searchspaces.errors import UsageError

STEPS = 8


def built(name="spos", snapshots=1, by="loss", **options):
    recipe = Recipe(steps=STEPS, batch_size=8, lr=0.05, schedule="constant")
    setting = scored.setting_of("macro", recipe, by=by, snapshots=snapshots)
    return METHODS[name](setting, options_class(name)(**options))


def trained(method, steps=range(STEPS)):
    for step in steps:
        method.train_step(step)
        method.snapshots.take(method.supernet, step + 1)
    return method


def draw(method, number=6):
    rng = np.random.default_rng(0)
    return [method.space.sample(rng) for _ in range(number)]


@given(st.integers(1, 50), st.integers(100, 20_000))
def test_snapshots_lie_evenly_over_the_second_half(number, steps):
    due = sorted(Snapshots(number, steps).due | {steps})
    assert len(due) == number and due[0] > steps / 2 - 1
    assert set(np.diff([steps / 2, *due]).round() // 1) <= {
        steps // (2 * number) + more for more in (-1, 0, 1, 2)
    }


def test_four_of_sixteen_thousand_steps():
    assert Snapshots(4, 16_000).due == {10_000, 12_000, 14_000}
    assert Snapshots(1, 16_000).due == set()


@pytest.mark.parametrize("name", ["spos", "cream"])
def test_a_score_is_the_mean_of_those_of_trainings_that_ended_there(name):
    """Four looks at eight steps: after 5, 6, 7 and 8."""
    options = {"slice": 2, "update_share": 0.5} if name == "cream" else {}
    method = trained(built(name, snapshots=4, **options))
    archs = draw(method)
    ends = [trained(built(name, **options), range(end)).score(archs) for end in (5, 6, 7, 8)]
    assert min(np.abs(ends[0] - other).max() for other in ends[1:]) > 1e-3
    np.testing.assert_allclose(method.score(archs), np.mean(ends, 0), rtol=0, atol=1e-12)
    again = built(name, snapshots=4, **options)
    again.load_trained_state(method.trained_state())
    assert (again.score(archs) == method.score(archs)).all()
    again = built(name, snapshots=4, **options)
    again.load_state_dict(method.state_dict())
    assert (again.score(archs) == method.score(archs)).all()


def test_few_shots_first_snapshot_may_be_of_the_supernet_before_it_is_split():
    method = trained(built("few-shot", snapshots=4, tuning=0.1))
    archs = draw(method)
    assert method.joint == 6 and method.supernet.divided
    ends = [trained(built("few-shot", tuning=0.1), range(end)).score(archs) for end in (5, 6, 7, 8)]
    np.testing.assert_allclose(method.score(archs), np.mean(ends, 0), rtol=0, atol=1e-12)
    assert method.supernet.divided


def test_scoring_leaves_the_supernet_as_it_was_trained():
    method, alone = trained(built(snapshots=3)), trained(built())
    weights = {name: p.clone() for name, p in method.supernet.named_parameters()}
    method.score(draw(method))
    for name, parameter in alone.supernet.named_parameters():
        assert torch.equal(weights[name], parameter)
        assert torch.equal(method.supernet.get_parameter(name), parameter)


def test_every_look_costs_what_one_does():
    method = trained(built(snapshots=3))
    method.score(draw(method))
    assert method.costs["scoring_image_passes"] == 3 * 6 * scored.PASSES


def test_before_the_end_scores_are_of_what_there_is():
    """What a watch sees: at first of the supernet alone, as without snapshots."""
    early, archs = trained(built(snapshots=2), range(6)), draw(built())
    assert list(early.snapshots.kept) == [6]
    early.snapshots.kept.clear()
    assert (early.score(archs) == trained(built(), range(6)).score(archs)).all()


def test_where_nothing_is_kept_a_state_is_as_ever():
    assert "snapshots" not in built().trained_state().keys() | built().state_dict().keys()
    method = trained(built(snapshots=2))
    method.load_trained_state(built().trained_state())
    assert method.snapshots.kept == {}


def test_who_scores_otherwise_refuses_them():
    others = {name for name in METHODS if METHODS[name].score is not Method.score}
    assert {"mngnas", "darts", "rlnas", "dna", "bossnas"} < others
    for name in ("mngnas", "darts"):
        with pytest.raises(UsageError, match="leave --score.snapshots 2 out"):
            built(name, 2, "accuracy")


def test_a_look_in_between_is_before_the_end():
    with pytest.raises(UsageError, match="--score.snapshots 2 do not lie in the second half of 2"):
        Snapshots(2, 2)
    assert Snapshots(2, 3).due == {2} and Snapshots(1, 0).due == set()


def test_more_looks_than_steps_are_refused():
    with pytest.raises(UsageError, match="--score.snapshots 9 do not lie in the second half of 8"):
        built(snapshots=9)
