"""BANANAS: what an architecture is encoded as, what is predicted, which trainings follow."""

import itertools
from statistics import NormalDist

import numpy as np
import pytest
from planted import PlantedSpace

from methods.search.bananas import BANANAS, BANANASOptions, encoding
from methods.search.candidates import Candidates
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = PlantedSpace()
ALL = [SPACE.encode(arch) for arch in itertools.product(range(3), repeat=4)]
GENES = np.array(list(itertools.product(range(3), repeat=4)))


def test_a_cell_is_the_set_of_its_paths():
    """Of one edge 4, of two 16, of three 64: what of them the cell has, as often as it may."""
    space = NASBench201()
    code = encoding(space, (3, 0, 2, 1, 4, 3))  # ways: 1; none; 3-4; 3-2-3
    assert len(code) == 4 + 16 + 64 and sum(code) == 3
    assert code[:4] == [1, 0, 0, 0]  # skip
    real = [1, 2, 3, 4]
    assert code[4 + real.index(3) * 4 + real.index(4)] == 1
    assert code[20 + real.index(3) * 16 + real.index(2) * 4 + real.index(3)] == 1
    assert encoding(SPACE, (0, 2, 1, 0)) == [1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0]


def made(seed=0, **options):
    chosen = BANANASOptions(**({"initial": 12, "every": 4, "networks": 3} | options))
    return BANANAS(Candidates(SPACE, ALL), chosen, 60, np.random.default_rng(seed))


@pytest.mark.slow
def test_the_best_samples_of_unknown_mutations_are_trained():
    search, truth = made(), GENES @ [1.0, 2.0, 4.0, 8.0]
    for _ in range(12):
        row = search.ask()
        search.tell(row, truth[row])
    known = dict(search.known)
    search.predicted = lambda rows: np.array([truth[rows]] * 3)  # all networks agree: no spread
    search._mutations, mutations = (lambda: mutations), search._mutations()
    assert not set(mutations) & set(known)
    expected = sorted(mutations, key=lambda row: -truth[row])[:4]
    asked = [search.ask() for _ in range(4)]
    assert asked == expected


def test_a_candidate_is_first_as_often_as_its_sample_is_the_best():
    """Of laws with means 1 and 0 and the spread √2: with the probability Φ(1/2)."""
    search, draws = made(every=1), 2000
    search._mutations = lambda: [5, 3]
    search.predicted = lambda rows: np.array([[0.0, -1.0], [2.0, 1.0]])
    chance = NormalDist().cdf(0.5)
    share = np.mean([search._next() == [5] for _ in range(draws)])
    assert abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / draws)


@pytest.mark.slow
def test_networks_of_the_ensemble_begin_at_different_weights():
    search = made()
    for row in range(0, 81, 10):
        search.tell(row, float(GENES[row].sum()))
    first, *others = search.predicted([1, 5, 44])
    assert len(others) == 2
    assert all(np.abs(predicted - first).max() > 1e-3 for predicted in others)


@pytest.mark.slow
def test_it_learns_what_is_good():
    truth, search, asked = GENES @ [1.0, 2.0, 4.0, 8.0], made(), []
    for _ in range(28):
        asked.append(search.ask())
        search.tell(asked[-1], truth[asked[-1]])
    assert truth[asked[12:]].mean() > truth.mean() + truth.std()
    assert len(set(asked[12:])) == 16
    predicted = search.predicted(list(range(81))).mean(axis=0)
    assert np.corrcoef(predicted, truth)[0, 1] > 0.8


def test_options_below_one_are_refused():
    with pytest.raises(UsageError, match="bananas.networks takes"):
        BANANASOptions(networks=0)


def test_mutations_are_of_the_best():
    search, truth = made(parents=2), GENES @ [1.0, 2.0, 4.0, 8.0]
    for row in range(0, 81, 7):
        search.tell(row, truth[row])
    best = GENES[sorted(search.known, key=lambda row: -truth[row])[:2]]
    mutations = search._mutations()
    changed = (GENES[mutations][:, None] != best).sum(2)
    assert mutations and (changed.min(1) == 1).all()
