"""BOHB: the sizes of Hyperband's brackets, who goes on, and whom the model proposes."""

import math
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searched import ARCHS, SPACE

from methods.search.bohb import BOHB, BOHBOptions, brackets, spaced
from methods.search.candidates import Candidates
from searchspaces.errors import UsageError

TRUTH = np.array([SPACE.truth(SPACE.decode(text)) for text in ARCHS])
EPOCHS = (1, 3, 9)


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna", reason="Optuna is the extra 'optuna'")


def made(seed=0, epochs=EPOCHS, archs=ARCHS, **options):
    some = Candidates(SPACE, archs, epochs=epochs)
    return BOHB(some, BOHBOptions(**options), 100, np.random.default_rng(seed))


def watched(search):
    """Rungs whose models are asked, as they are."""
    asks = []
    for rung, model in enumerate(search.models):
        ask = model.ask
        model.ask = lambda rung=rung, ask=ask: (asks.append(rung), ask())[1]
    return asks


def run(search, trainings):
    """``(epochs, row)`` of each; what is trained longer is better known."""
    noise = np.random.default_rng(1).normal(size=(10, len(ARCHS)))
    asked = []
    for _ in range(trainings):
        row = search.ask()
        epochs = search.candidates.epochs[search.length]
        asked.append((epochs, row, TRUTH[row] + noise[epochs, row] / epochs))
        search.tell(row, asked[-1][2])
    return asked


def test_brackets_of_hyperband():
    """Table 1 of Li et al. (JMLR 2018), R = 81 and η = 3; NAS-Bench-101's; NAS-Bench-201's two."""
    assert brackets([1, 3, 9, 27, 81]) == [
        *([81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]),
    ]
    assert brackets([4, 12, 36, 108]) == [[27, 9, 3, 1], [12, 4, 1], [6, 2], [4]]
    assert brackets([12, 200]) == [[17, 1], [2]]


@settings(max_examples=30)
@given(st.integers(2, 5), st.integers(1, 5), st.integers(1, 4))
def test_a_bracket_is_algorithm_1(eta, most, least):
    found = brackets([least * eta**power for power in range(most + 1)])
    for s, sizes in zip(range(most, -1, -1), found, strict=True):
        n = math.ceil(Fraction(most + 1, s + 1) * eta**s)
        assert sizes == [math.floor(Fraction(n, eta**i)) for i in range(s + 1)]
        assert sizes[-1] >= 1


def test_lengths_are_a_factor_apart():
    assert spaced([12, 200], 3) == [0, 1] and spaced([12, 200], 20) == [1]
    assert [range(1, 82)[place] for place in spaced(range(1, 82), 3)] == [1, 3, 9, 27, 81]
    assert spaced([1, 2, 3, 10], 2) == [0, 2, 3] and spaced([], 3) == []


def test_the_best_of_a_rung_go_on_and_brackets_take_turns(optuna):
    """Sizes 9, 3, 1; then 5, 1; then 3; and again. Without a model."""
    search, sizes = made(random=1.0), [[9, 3, 1], [5, 1], [3]]
    assert search.brackets == sizes
    asked = run(search, 2 * sum(map(sum, sizes)))
    for turn in (*sizes, *sizes):
        epochs, before = list(EPOCHS[-len(turn) :]), None
        for number, size in enumerate(turn):
            rung, asked = asked[:size], asked[size:]
            assert {length for length, *_ in rung} == {epochs[number]}
            if before is not None:
                best = sorted(before, key=lambda one: -one[2])[:size]
                assert [row for _, row, _ in rung] == [row for _, row, _ in best]
            else:
                assert len({row for _, row, _ in rung}) == size
            before = rung
    assert not asked


def test_no_architecture_stands_twice_in_a_first_rung_though_candidates_are_few(optuna):
    asked = run(made(random=1.0, archs=ARCHS[:12]), 2 * 22)
    rungs = [asked[first : first + size] for first, size in ((0, 9), (13, 5), (19, 3), (22, 9))]
    assert all(len({row for _, row, _ in rung}) == len(rung) for rung in rungs)


def test_the_longest_trainings_of_which_there_are_enough_make_the_model(optuna):
    search = made(random=0.0, least=4)
    asks = watched(search)
    run(search, 4)
    assert asks == []
    run(search, 5)  # the first rung's others
    assert asks and set(asks) == {0}
    run(search, 3 + 1)  # go on, nobody is proposed
    before = len(asks)
    run(search, 1)  # three trainings of the second length, none yet of the next bracket
    assert asks[before:] and set(asks[before:]) == {0}
    before = len(asks)
    run(search, 1)
    assert set(asks[before:]) == {1}
    assert [model.known for model in search.models] == [9, 5, 1]


def test_there_is_a_model_of_three_trainings_more_than_sites(optuna):
    search = made(random=0.0)
    asks = watched(search)
    run(search, len(SPACE.sites) + 3)
    assert asks == []
    run(search, 1)
    assert asks and set(asks) == {0}


def test_the_model_is_of_all_sites_at_once_and_shuns_what_is_being_trained(optuna, monkeypatch):
    given, sampler = [], optuna.samplers.TPESampler

    def spied(**options):
        given.append(options)
        return sampler(**options)

    monkeypatch.setattr(optuna.samplers, "TPESampler", spied)
    made(samples=17)
    seeds = {options.pop("seed") for options in given}
    expected = {"n_startup_trials": 0, "n_ei_candidates": 17}
    expected |= {"multivariate": True, "constant_liar": True}
    assert given == [expected] * len(EPOCHS) and len(seeds) == len(EPOCHS)


def test_what_was_proposed_to_a_rung_is_shunned_until_the_next(optuna):
    search = made(random=0.0, least=2)

    def proposed():
        running = optuna.trial.TrialState.RUNNING
        return len(search.models[0].study.get_trials(states=[running]))

    run(search, 9)
    assert proposed() >= 7
    run(search, 1)
    assert proposed() == 0


def test_models_learn_what_was_trained_for_so_long(optuna):
    search = made()
    asked = run(search, 18)
    for rung, model in enumerate(search.models):
        told = [one for one in model.study.trials if one.value is not None]
        own = [(row, seen) for epochs, row, seen in asked if epochs == EPOCHS[rung]]
        assert [one.value for one in told] == [seen for _, seen in own]
        arch = SPACE.decode(ARCHS[own[0][0]])
        names = [site.operators[gene] for site, gene in zip(SPACE.sites, arch, strict=True)]
        assert list(told[0].params.values()) == names


@pytest.mark.slow
def test_it_learns_what_is_good_from_its_seed_alone(optuna):
    """Behind a turn of all brackets, of what is trained for one epoch; at random it would be the mean."""
    asked = run(made(random=0.0), 132)
    fresh = np.array([TRUTH[row] for epochs, row, _ in asked[22:] if epochs == 1])
    assert fresh.mean() > TRUTH.mean() + 0.4
    assert run(made(random=0.0), 40) == asked[:40] != run(made(1, random=0.0), 40)


@pytest.mark.parametrize(
    "epochs, words", [((), "one number of"), ((5,), "5"), ((200, 250), "200 and 250")]
)
def test_one_length_is_refused(optuna, epochs, words):
    with pytest.raises(UsageError, match=f"after {words} epochs only; take a table of more"):
        made(epochs=epochs)


@pytest.mark.parametrize("wrong", [{"eta": 1.0}, {"random": 1.5}, {"least": -1}, {"samples": 0}])
def test_options_out_of_bounds_are_refused(wrong):
    with pytest.raises(UsageError, match=f"--bohb.{next(iter(wrong))} takes"):
        BOHBOptions(**wrong)


def test_without_optuna_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match="bohb needs Optuna.*pip install optuna"):
        made()
