"""How many steps a method may take, and what is said of one that spends more afterwards."""

import re
from dataclasses import replace

import pytest

from harness.config.config import Config, with_values
from harness.running.assembly import training_identity
from harness.running.budget import declared_compute, equalised, over_budget, unlike_declared
from methods.registry import METHODS
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE, IMAGES = NASBench201("compact"), 3000


def config(method, equalise, **values):
    made = Config(method=method, equalise=equalise)
    return with_values(made, {"train.steps": 4000, "train.batch_size": 64, **values})


# Steps of 4,000 by one path of an operator each: by hand from what a step of each passes.
@pytest.mark.parametrize(
    ("method", "equalise", "steps"),
    [
        ("spos", "compute", 4000),
        ("fairnas", "compute", 800),  # five paths, forward and back
        ("gdas", "compute", 2000),
        ("darts", "compute", 400),
        ("dna", "compute", 3200),  # a quarter of the steps are the teacher's, 3; the others 4
        ("cream", "compute", 2581),  # 3; for the last five sixths 1 + 40/64 + (40 + 4 * 7)/64/3
        ("mngnas", "compute", 4000),  # as its base
        ("few-shot", "compute", 4000),  # one path, of whichever supernet
        ("sandwich", "compute", 1000),  # four paths, forward and back
        ("dna", "images", 2286),
        ("dna", "backwards", 4000),
        ("cream", "images", 2182),
        ("cream", "backwards", 4000),
        ("cream", "steps", 4000),
        ("cream", "seconds", 4000),  # replaced by what was measured
        ("fairnas", "images", 800),
        ("fairnas", "backwards", 800),
    ],
)
def test_steps(method, equalise, steps):
    assert equalised(config(method, equalise), SPACE, IMAGES).steps == steps


@pytest.mark.parametrize("constraints", [8, 50, 100, 1000, 10_000])
def test_where_first_steps_cost_less_all_cost_no_more_than_due(constraints):
    nsas = config("nsas", "compute", **{"options.constraints": constraints})
    steps = equalised(nsas, SPACE, IMAGES).steps
    per_step = METHODS["nsas"].compute_per_step

    def cost(number):
        recipe = replace(nsas.train, steps=number)
        return number * per_step(nsas.options, SPACE, recipe, IMAGES)

    due = 3 * nsas.train.steps
    assert abs(cost(steps) - due) <= max(0.05 * due, cost(steps + 1) - cost(steps))


@pytest.mark.parametrize("paths", [{"forwards": 0, "backwards": 1}, {"forwards": 1}, {}, 2])
@pytest.mark.parametrize("equalise", ["compute", "steps"])
def test_steps_of_no_declared_cost_are_refused(monkeypatch, paths, equalise):
    monkeypatch.setattr(METHODS["spos"], "paths_per_step", lambda options, space: paths)
    with pytest.raises(UsageError, match=re.escape(f"paths_per_step of spos is {paths} with")):
        equalised(config("spos", equalise), SPACE, IMAGES)


def test_a_shared_supernet_has_the_same_identity():
    arms = [config("mngnas", "compute", **{"options.kd": kd}) for kd in ("none", "full")]
    first, second = (training_identity(arm, SPACE, IMAGES) for arm in arms)
    spos = training_identity(config("spos", "compute"), SPACE, IMAGES)
    assert first == second == spos


def test_what_costs_more_than_its_budget_is_said_to():
    budget = 4000 * 64 * 3
    mngnas = config("mngnas", "compute")
    (note,) = over_budget(mngnas, 2.5 * budget, IMAGES)
    assert "2.5 times the compute of 4,000 steps" in note and "10,000 such steps" in note
    assert over_budget(mngnas, 1.04 * budget, IMAGES) == []
    assert over_budget(mngnas, 1.06 * budget, IMAGES) != []
    assert over_budget(config("mngnas", "steps"), 9 * budget, IMAGES) == []
    (note,) = over_budget(mngnas, 2.5 * budget / 2, 32)  # images, half of a batch
    assert "2.5 times the compute of 4,000 steps" in note and "10,000 such steps" in note


@pytest.mark.parametrize("equalise", ["compute", "images", "backwards", "steps", "seconds"])
def test_what_costs_other_than_declared_is_said_where_steps_follow_from_that(equalise):
    spos = config("spos", equalise)
    assert declared_compute(spos, SPACE, IMAGES) == 4000 * 64 * 3
    assert declared_compute(spos, SPACE, 32) == 4000 * 32 * 3
    notes = unlike_declared(spos, 1000.0, 2000.0) + unlike_declared(spos, 1000.0, 500.0)
    if equalise in ("steps", "seconds"):
        assert notes == []
    else:
        assert [note.startswith(f"its training cost {how} times") for note, how in
                zip(notes, ("2", "0.5"), strict=True)] == [True, True]  # fmt: skip
    assert unlike_declared(spos, 1000.0, 1049.0) == unlike_declared(spos, 1000.0, 953.0) == []
    assert unlike_declared(spos, 0.0, 0.0) == []  # nothing was trained


@pytest.mark.parametrize("spent", [1_000_001, 2_859_888, 7_654_321])
def test_so_many_steps_of_spos_cost_as_much(spent):
    """What the sentence says to compare with, to half a step: the row of SPOS at equal cost."""
    (note,) = over_budget(config("mngnas", "compute"), spent, IMAGES)
    steps = int(re.search(r"takes ([\d,]+) such steps", note)[1].replace(",", ""))
    spos = config("spos", "compute", **{"train.steps": steps})
    recipe = equalised(spos, SPACE, IMAGES)
    step = 64 * METHODS["spos"].compute_per_step(spos.options, SPACE, recipe, IMAGES)
    assert recipe.steps == steps and abs(steps * step - spent) <= step / 2
