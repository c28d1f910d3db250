"""What is said of scores and of intervals: which sentence where, and every number in it."""

import numpy as np
import pytest

from harness.metrics.caveats import notes_on_intervals, notes_on_scores, score_words


def result_of(tau=0.5, high=0.6, floors=(0.1, 0.1), over=None, task="another"):
    interval = {"value": tau, "low": None if tau is None else tau - 0.1, "high": high, "n": 9}
    return {
        "metrics": {"all": {"kendall_tau": interval}},
        "floors": {"params": {"value": floors[0]}, "flops": {"value": floors[1]}},
        "over_floors": over or {},
        "task": task,
    }


SCORES = np.arange(20.0)


def of_difference(value, low, high):
    return {"value": value, "low": low, "high": high, "n": 9}


def test_what_is_not_shown_to_beat_a_floor():
    over = {"params": of_difference(0.02, -0.125, 0.17), "flops": of_difference(0.1, 0.001, 0.2)}
    assert notes_on_scores(result_of(over=over), SCORES) == [
        "That these scores (τ = 0.5000) beat ranking by parameters (+0.0200 [-0.1250, +0.1700]) "
        "is not shown."
    ]
    over["flops"] = of_difference(0.25, 0.0, 0.5)
    (note,) = notes_on_scores(result_of(over=over), SCORES)
    assert note.endswith("+0.1700]), by FLOPs (+0.2500 [+0.0000, +0.5000]) is not shown.")
    for other in (of_difference(-0.1, -0.2, 0.1), of_difference(0.1, None, None),
                  of_difference(0.0, -0.1, 0.1)):  # fmt: skip
        assert notes_on_scores(result_of(over={"params": other}), SCORES) == []


@pytest.mark.parametrize(("n", "said"), [(20, None), (19, "have wide intervals"), (2, "none")])
def test_few_architectures_are_warned_of(n, said):
    result = result_of()
    if said == "none":
        result["metrics"]["all"]["kendall_tau"]["low"] = None
        said = "allow no interval"
        result["floors"]["params"]["value"] = 0.9  # of so few that is no finding
    notes = notes_on_scores(result, np.arange(float(n)))
    assert notes == ([f"{n} architectures are few and {said}; score 20 or more."] if said else [])


def test_nothing_is_said_of_intervals_that_there_are_not():
    assert notes_on_intervals(0.1, True, True, there=False) == []
    (keys,) = notes_on_intervals(1, True, False, there=False)
    assert keys.startswith("Every architecture was counted as unique")


def test_floors_that_are_not_beaten_stand_in_one_sentence():
    (note,) = notes_on_scores(result_of(floors=(0.55, 0.65)), SCORES)
    assert note == (
        "These scores (τ = 0.5000) do not beat ranking by parameters (0.5500), by FLOPs (0.6500)."
    )
    assert notes_on_scores(result_of(floors=(None, None)), SCORES) == []
    (note,) = notes_on_scores(result_of(floors=(0.5, 0.4)), SCORES)
    assert note.endswith("do not beat ranking by parameters (0.5000).")  # as good is not better


def test_a_floor_that_ranks_alike_is_not_one_to_beat():
    result = result_of(floors=(0.5, 0.6))
    same, unbeaten = notes_on_scores(result, SCORES, alike=["params"])
    assert same == "These scores give the same ranking as parameters."
    assert unbeaten.endswith("do not beat ranking by FLOPs (0.6000).")
    assert notes_on_scores(result, SCORES, alike=["params", "flops"]) == [
        "These scores give the same ranking as parameters and FLOPs."
    ]


@pytest.mark.parametrize("lower", [False, True])
def test_a_negative_correlation_has_a_way_out(lower):
    (*first, note) = notes_on_scores(result_of(-0.5, -0.1, (-0.6, -0.7)), SCORES, lower)
    assert note.startswith("τ is significantly negative (-0.5000)")
    assert ("--lower-is-better" in note) is not lower
    assert ("although smaller scores count as better" in note) is lower
    assert first == ["Smaller scores count as better."] * lower
    for high in (0.0, 0.01):
        assert notes_on_scores(result_of(-0.05, high, (-0.6, -0.7)), SCORES) == []
    (undefined,) = notes_on_scores(result_of(None, None), SCORES)
    assert undefined == (
        "The scores (or the truths) are all equal: correlations are undefined, and P@top, best rank "
        "and regret are those of architectures drawn at random."
    )


@pytest.mark.parametrize(
    ("task", "scores", "said"),
    [
        ("cifar10", (7, 13), "All scores, 7 to 13, are as of guessing among 10 classes"),
        ("cifar10", (6.99, 13), ""),
        ("cifar10", (7, 13.01), ""),
        ("cifar10", (0.07, 0.13), "All scores, 0.07 to 0.13, are as of guessing among 10 classes"),
        ("cifar100", (0.7, 1.3), "All scores, 0.7 to 1.3, are as of guessing among 100 classes"),
        ("cifar100", (7, 13), ""),
        ("another", (7, 13), ""),
        ("another", (500, 500.5), "The scores hardly differ, 500 to 500.5"),
        ("another", (-500.5, -500), "The scores hardly differ, -500.5 to -500"),
        ("another", (500, 500.51), ""),
        ("another", (7, 7), ""),
    ],
)
def test_scores_at_chance_and_scores_that_are_all_but_equal(task, scores, said):
    found = notes_on_scores(result_of(task=task), np.linspace(*scores, 20))
    assert [note[: len(said)] for note in found] == [said] * bool(said)


def test_scores_of_a_method_are_neither_accuracies_nor_turned_round():
    scores = np.linspace(7, 13, 20)
    assert notes_on_scores(result_of(task="cifar10"), scores, of_method=True) == []
    (*_, note) = notes_on_scores(result_of(-0.5, -0.4), SCORES, of_method=True)
    assert note == "τ is significantly negative (-0.5000): what the method prefers is worse."


@pytest.mark.parametrize(
    ("sizes", "share"),
    [
        ((8, 4), "52%"),  # (8 · 7 + 4 · 3) / (12 · 11)
        ((15, 6), "57%"),  # (15 · 14 + 6 · 5) / (21 · 20)
        ((10, 6), "50%"),  # (10 · 9 + 6 · 5) / (16 · 15)
        ((8, 2), "64%"),  # of ten
        ((6, 6), ""),  # 60 / 132
        ((7, 2), ""),  # 44 / 72, but of nine
    ],
)
def test_scores_of_few_values(sizes, share):
    found = notes_on_scores(result_of(), np.repeat([1.0, 5.0], sizes))
    assert [note for note in found if "are few" not in note] == [
        f"{sum(sizes)} scores have only 2 different values, and {share} of the pairs are equal: "
        "the ranking says little."
    ] * bool(share)


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize(
    ("fraction", "noise", "first", "ranges"),
    [
        (0.3, True, "what other architectures, each trained anew, would give.", True),
        (0.0, False, "what other architectures, each trained anew, would give.", True),
        (1.0, True, "what other trainings of the ground truth would give; every", True),
        (1.0, False, "Intervals have no width: every architecture of the space was scored.", False),
    ],
)
def test_what_intervals_hold(fraction, noise, first, ranges, keyed):
    notes = notes_on_intervals(fraction, noise, keyed)
    assert first in notes[0]
    assert [note.split(",")[0] for note in notes[1:]] == [
        *["Ranges"] * ranges,
        "Another supernet seed is not in the intervals of one run.",
        *["Every architecture was counted as unique: no canonical keys were given."] * (not keyed),
    ]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("accuracy", "on the val split, BN running"),
        ("loss", "by loss on the val split, BN running"),
        ("method", "of the method's own, on the val split, BN running"),
    ],
)
def test_where_scores_come_from(by, words):
    assert score_words({"by": by, "split": "val", "bn": "running"}) == words
    nothing = {"by": by, "split": "none", "bn": "none"}
    assert score_words(nothing) == "as the method gives them, nothing trained"
