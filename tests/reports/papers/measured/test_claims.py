"""What runs say of a claim: paired by seed, in the claimed direction, in one sentence."""

import pytest

from reports.papers.measured.claims import outcomes


@pytest.fixture
def outcome(make_item, record_run, measured):
    """``outcome(own, others)``: of the claim MNGNAS > SPOS on runs with these τ by seed."""

    def call(own, others, changes=None):
        item = make_item({"seeds = [0, 1]": "seeds = [0, 1, 2]"} | (changes or {}))
        taus = {"mngnas": own, "spos": others}
        for row, config in item.configs():
            if config.seed in taus[row.id]:
                record_run(config, taus[row.id][config.seed])
        return outcomes(measured(item))[0]

    return call


def test_a_clear_difference_is_shown(outcome):
    found = outcome({0: 0.60, 1: 0.61, 2: 0.66}, {0: 0.50, 1: 0.52, 2: 0.54})
    # Differences 10, 9, 12: mean 10.33, standard deviation 1.528, t(2) = 4.303.
    assert found.sentence == (
        "MNGNAS (S) > SPOS: +10.3 τ × 100, 95 % [+6.5, +14.1], n=3: shown "
        "(trained-reduced, digits); in print +0.9."
    )
    assert (found.verdict, found.printed) == ("shown", pytest.approx(0.9))


def test_an_unclear_difference_is_not_shown(outcome):
    found = outcome({0: 0.60, 1: 0.50, 2: 0.60}, {0: 0.50, 1: 0.52, 2: 0.58})
    assert found.verdict == "not shown"
    assert found.difference["low"] < 0 < found.difference["high"]


def test_the_opposite_is_contradicted(outcome):
    found = outcome({0: 0.40, 1: 0.41, 2: 0.45}, {0: 0.50, 1: 0.52, 2: 0.54})
    assert found.verdict == "contradicted"
    assert "−10.0 τ × 100" in found.sentence


def test_less_may_be_better(outcome):
    changes = {'better = "higher"': 'better = "lower"'}
    found = outcome({0: 0.40, 1: 0.41, 2: 0.45}, {0: 0.50, 1: 0.52, 2: 0.54}, changes)
    assert found.verdict == "shown"
    assert found.sentence.startswith("MNGNAS (S) < SPOS: −10.0")


def test_only_common_seeds_are_paired_and_one_pair_shows_nothing(outcome):
    found = outcome({0: 0.60, 1: 0.61}, {1: 0.50, 2: 0.52})
    assert (found.difference["n"], found.verdict) == (1, "not shown")
    assert "+11.0 τ × 100, n=1: not shown" in found.sentence
    assert "one pair of runs allows no interval" in found.sentence


@pytest.mark.parametrize(
    "own, others, why",
    [
        ({}, {}, "no runs of MNGNAS (S) and SPOS"),
        ({0: 0.5}, {}, "no runs of SPOS"),
        ({0: 0.5}, {1: 0.5}, "no seeds in common"),
    ],
)
def test_without_runs_nothing_is_tested(outcome, own, others, why):
    found = outcome(own, others)
    assert found.verdict == "not tested"
    assert found.sentence == f"MNGNAS (S) > SPOS, τ × 100: not tested ({why}); in print +0.9."


def test_of_finished_runs_what_they_lack_is_said(make_item, record_run, measured):
    changes = {'column = "tau"': 'column = "error"', "seeds = [0, 1]": "seeds = [0]"}
    item = make_item(changes)
    lost = {"arch": "a7", "truth": None, "regret": None, "how": "not measured: not in the table"}
    said = []
    for _, config in item.configs():
        record_run(config, found=lost)
        said.append(outcomes(measured(item))[0].sentence)
    begins = "MNGNAS (S) < SPOS, test error: not tested "
    assert [sentence.removesuffix(".") for sentence in said] == [
        f"{begins}(no runs of MNGNAS (S), not measured in runs of SPOS)",
        f"{begins}(not measured in runs of MNGNAS (S) and SPOS)",
    ]


def test_rows_of_one_label_are_told_apart_by_their_groups(outcome):
    changes = {'label = "SPOS"': 'label = "MNGNAS (S)"\ngroup = "theirs"'}
    found = outcome({}, {}, changes)
    assert found.sentence.startswith("ours MNGNAS (S) > theirs MNGNAS (S), τ")


@pytest.mark.parametrize(
    "by, text", [(9.5, "in print +9.5, inside"), (4.0, "in print +4.0, outside")]
)
def test_what_the_text_claims_is_held_against_the_interval(outcome, by, text):
    changes = {'worse = "spos"': f'worse = "spos"\nby = {by}'}
    found = outcome({0: 0.60, 1: 0.61, 2: 0.66}, {0: 0.50, 1: 0.52, 2: 0.54}, changes)
    assert (found.verdict, found.printed) == ("shown", by)
    assert found.sentence.endswith(f"; {text} this interval.")


def test_the_print_is_as_precise_as_its_more_precise_number(outcome):
    found = outcome({0: 0.60}, {0: 0.50}, {'tau = "57.3"': 'tau = "57"'})
    assert found.sentence.endswith("in print +0.6.") and found.printed == pytest.approx(0.6)


def test_what_is_trained_in_full_is_not_held_against_what_is_not(make_item, record_run, measured):
    study = {"seeds = [0, 1]": 'task = "cifar10"\nseeds = [0, 1]'}
    item = make_item(study | {'options.kd = "full"': "train_images = 500"})
    for row, config in item.configs("paper"):
        record_run(config, {"spos": 0.5, "mngnas": 0.6}[row.id] + 0.01 * config.seed)
    (found,) = outcomes(measured(item, preset="paper"))
    assert found.verdict == "not tested" and found.difference["n"] == 2
    assert "(one is trained-full, the other trained-reduced)" in found.sentence


def test_a_claim_may_be_of_one_row(outcome):
    changes = {'worse = "spos"\n': "by = 60.0\n"}
    found = outcome({0: 0.60, 1: 0.61, 2: 0.66}, {}, changes)
    # Mean 62.33, standard deviation 3.215, t(2) = 4.303.
    assert found.sentence == (
        "MNGNAS (S) > 0: +62.3 τ × 100, 95 % [+54.3, +70.3], n=3: shown "
        "(trained-reduced, digits); in print +60.0, inside this interval."
    )


def test_a_claim_of_one_row_is_contradicted_below_zero(outcome):
    found = outcome({0: -0.60, 1: -0.61, 2: -0.66}, {}, {'worse = "spos"\n': ""})
    assert found.verdict == "contradicted"


def test_a_claim_of_one_row_needs_runs_of_it_alone(outcome):
    changes = {'worse = "spos"\n': "by = 60.0\n"}
    assert outcome({}, {0: 0.5}, changes).sentence == (
        "MNGNAS (S) > 0, τ × 100: not tested (no runs of MNGNAS (S)); in print +60.0."
    )
    assert "one run allows no interval" in outcome({1: 0.6}, {}, changes).sentence
