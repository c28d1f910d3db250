"""Local search: all neighbours, then the best of them, then anew."""

import itertools

import numpy as np
from planted import PlantedSpace

from methods.search.candidates import Candidates
from methods.search.local_search import LocalSearch
from methods.search.table_search import NoOptions

SPACE = PlantedSpace()
ALL = [SPACE.encode(arch) for arch in itertools.product(range(3), repeat=4)]
GENES = np.array(list(itertools.product(range(3), repeat=4)))
SMOOTH = GENES @ [1.0, 2.0, 4.0, 8.0]  # one optimum, 2222


def run(candidates, truth, queries, seed=0):
    search, asked = LocalSearch(candidates, NoOptions(), queries, np.random.default_rng(seed)), []
    for _ in range(queries):
        asked.append(search.ask())
        search.tell(asked[-1], truth[asked[-1]])
    return asked


def test_neighbours_differ_in_one_gene():
    candidates = Candidates(SPACE, ALL)
    for row in (1, 40, 80):
        expected = np.flatnonzero((GENES[row] != GENES).sum(1) == 1)
        valid = [r for r in expected if candidates.find(tuple(GENES[r].tolist())) >= 0]
        assert sorted(candidates.neighbours(row)) == valid
    some = Candidates(SPACE, ["0000", "1100", "0022", "1111"])
    assert sorted(some.neighbours(0)) == [1, 2]


def test_it_trains_all_neighbours_and_goes_to_the_best():
    asked = run(Candidates(SPACE, ALL), SMOOTH, 60)
    at, trained, place = asked[0], {asked[0]}, 1
    while place < 60 and at != 80:
        around = set(np.flatnonzero((GENES[at] != GENES).sum(1) == 1).tolist())
        fresh = around - trained
        assert set(asked[place : place + len(fresh)]) <= fresh
        place += len(fresh)
        trained |= fresh
        at = max(around, key=lambda row: SMOOTH[row])
    assert at == 80 and place < 45


def test_it_begins_anew_at_an_optimum_and_trains_nothing_twice():
    rugged = np.random.default_rng(1).permutation(81).astype(float)
    asked = run(Candidates(SPACE, ALL), rugged, 81)
    assert sorted(asked) == list(range(81))
    assert run(Candidates(SPACE, ALL), rugged, 90)[81:] != []
