"""NSGA-II against brute force and pymoo's own survival."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from planted import PlantedSpace
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.dominator import Dominator
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from scipy.stats import chisquare

from methods.options import SearchLimits
from methods.search.nsga2 import NSGA2, crowding_distances, non_dominated_fronts
from searchspaces.base import Cost, Site
from searchspaces.errors import UsageError

OPERATORS = 8
ALL = list(np.ndindex(OPERATORS, OPERATORS, OPERATORS))
LIMITS = SearchLimits(population=40, generations=8, mutation_rate=0.2)


class Toy(PlantedSpace):
    """Three sites; accuracy, multiply-adds and parameters are sums of conflicting terms."""

    sites = tuple(Site(f"site {s}", tuple("abcdefgh")) for s in range(3))
    terms = np.round(np.random.default_rng(3).random((3, 3, OPERATORS)) ** 2, 2)
    terms[0] += 0.5 * terms[1] + 0.5 * terms[2]

    def is_valid(self, arch):
        return True

    def sums(self, arch):
        return self.terms[:, np.arange(3), arch].sum(1)

    def truth(self, arch):
        return float(self.sums(arch)[0])

    def cost(self, arch, image=None):
        _, madds, params = (100 * self.sums(arch)).round().astype(int).tolist()
        return Cost(params, madds)


def goals(arch):
    cost = Toy().cost(arch)
    return np.array([-Toy().truth(arch), cost.madds, cost.params])


def first_front(archs):
    """Brute force: those that no other dominates."""
    points = np.array([goals(arch) for arch in archs])
    below = (points[:, None] <= points).all(-1) & (points[:, None] < points).any(-1)
    return {tuple(arch) for arch, beaten in zip(archs, below.any(0), strict=True) if not beaten}


def begin(limits=LIMITS, feasible=lambda arch: True):
    return NSGA2(Toy(), limits, feasible, Toy().cost)


def evolve(search, first=0, last=8):
    asked = []
    for generation in range(first, last):
        archs = search.ask(generation, np.random.default_rng([9, generation]))
        asked.append(archs)
        search.tell([(arch, Toy().truth(arch)) for arch in archs])
    return asked


def test_the_front_of_a_small_space_is_the_one_of_brute_force():
    front = first_front(ALL)
    search = begin(SearchLimits(population=64, mutation_rate=0.2))
    assert 20 < len(front) < 64
    evolve(search, last=12)
    assert set(search.seen) == set(ALL)
    assert set(search.survivors[: len(front)]) == front


def test_most_of_the_front_is_found_in_part_of_the_space():
    front, search = first_front(ALL), begin()
    evolve(search, last=5)
    rng = np.random.default_rng(0)
    random = [len(front & {ALL[i] for i in rng.permutation(512)[:200]}) for _ in range(50)]
    assert len(search.seen) == 200
    assert len(front & set(search.seen)) > max(random)
    assert len(front & set(search.survivors)) > 0.6 * len(front)


def test_best_is_the_most_accurate_of_the_first_front():
    search = begin()
    evolve(search, last=3)
    best = search.best()
    assert best in first_front(list(search.seen))
    assert search.seen[best] == max(search.seen.values())
    cheap, dear = sorted(ALL, key=lambda arch: goals(arch)[1])[:: len(ALL) - 1]
    for order in ([(cheap, 40.0), (dear, 60.0)], [(dear, 60.0), (cheap, 40.0)]):
        both = begin()
        both.tell(order)
        assert both.best() == dear and set(both.survivors) == {cheap, dear}
    equal = begin()
    equal.tell([(arch, 50.0) for arch in ALL[:100]])
    assert equal.best() == min(ALL[:100], key=lambda arch: tuple(goals(arch)[1:]))


def test_equals_keep_the_order_they_came_in():
    """In a front, and where several would be the first or the last of a goal."""
    search = NSGA2(Toy(), LIMITS, lambda arch: True, lambda arch: Cost(1, 1))
    archs = [ALL[i] for i in np.random.default_rng(0).permutation(len(ALL))[:60]]
    search.tell([(arch, 50.0) for arch in archs])
    assert search.ranked(archs) == archs and search.survivors == archs[:40]
    traded = NSGA2(Toy(), LIMITS, lambda arch: True, lambda arch: Cost(1, archs.index(arch) % 3))
    traded.seen = {arch: 50.0 + place % 3 for place, arch in enumerate(archs)}  # one front
    own = crowding_distances(np.array([traded.objectives(arch) for arch in archs], float))
    assert traded.ranked(archs) == [archs[i] for i in sorted(range(60), key=lambda i: -own[i])]
    goals = np.repeat([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]], 20, axis=0)
    ends = np.isinf(crowding_distances(goals))
    assert np.flatnonzero(ends).tolist() == [0, 19, 40, 59]


def test_no_architecture_is_asked_for_twice_until_none_is_left():
    search = begin()
    asked = [arch for archs in evolve(search, last=20) for arch in archs]
    assert len(asked) == len(set(asked)) == len(ALL)
    assert search.parents() == search.survivors and len(search.survivors) == 40


class Wide(Toy):
    """Many sites, so that no child is there twice."""

    sites = tuple(Site(f"site {s}", tuple("abcdefgh")) for s in range(40))

    def cost(self, arch, image=None):
        return Cost(1, 1)


def test_children_have_each_gene_of_either_parent():
    search = NSGA2(Wide(), SearchLimits(population=60, mutation_rate=0.0), bool, Wide().cost)
    search.tell([((0,) * 40, 50.0), ((1,) * 40, 50.0)])
    children = np.array(search.ask(1, np.random.default_rng(0)))
    assert len(children) == 60 and set(np.unique(children)) == {0, 1}
    assert children.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(children.size))


def test_a_parent_is_the_better_of_two_drawn():
    """Of eight, one at each place: of 64 pairs (15 - 2 place) have it for their better.

    A child of two equal parents is no new one.
    """
    search = NSGA2(Wide(), SearchLimits(population=400, mutation_rate=0.0), bool, Wide().cost)
    search.tell([((gene,) * 40, 90.0 - gene) for gene in range(8)])
    children = search.ask(1, np.random.default_rng(0))
    parents = np.array([sorted(set(child)) for child in children])
    assert parents.shape == (400, 2)
    chances = (15 - 2 * np.arange(8)) / 64
    expected = chances * (1 - chances) / (1 - (chances**2).sum())
    assert chisquare(np.bincount(parents.ravel()), 800 * expected).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_children_are_mutated_at_the_rate(rate):
    search = NSGA2(Wide(), SearchLimits(population=100, mutation_rate=rate), bool, Wide().cost)
    search.tell([((1,) * 40, 50.0)])
    changed = (np.array(search.ask(1, np.random.default_rng(0))) != 1).sum(1)
    chance = rate * 7 / 8
    expected = 40 * chance / (1 - (1 - chance) ** 40)  # none is its parent
    error = np.sqrt(40 * chance * (1 - chance) / len(changed))
    assert changed.mean() == pytest.approx(expected, abs=4 * error)


def test_constraint_is_kept_or_refused():
    def light(arch):
        return Toy().cost(arch).madds <= 60

    search = begin(feasible=light)
    assert all(light(arch) for archs in evolve(search) for arch in archs)
    with pytest.raises(UsageError, match="max-madds"):
        begin(feasible=lambda arch: False).ask(0, np.random.default_rng(0))


@pytest.mark.parametrize("stop", [1, 4])
def test_a_search_resumed_midway_ends_the_same(stop):
    whole, part, resumed = begin(), begin(), begin()
    expected = evolve(whole)
    got = evolve(part, last=stop)
    resumed.load_state_dict(part.state_dict())
    got += evolve(resumed, first=stop)
    assert got == expected
    assert resumed.state_dict() == whole.state_dict()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_survival_agrees_with_pymoo(number, size, values, seed):
    """Few values make many ties, which pymoo breaks at random: what survives is compared."""
    rng = np.random.default_rng(seed)
    archs = [(i,) for i in range(number)]
    points = rng.integers(values, size=(number, 3))
    search = NSGA2(
        Toy(),
        SearchLimits(population=size),
        lambda arch: True,
        lambda arch: Cost(int(points[arch][2]), int(points[arch][1])),
    )
    search.tell([(arch, -float(points[arch][0])) for arch in archs])
    people = Population.new(F=points.astype(float))
    n_survive = min(size, number)
    RankAndCrowding().do(Problem(n_var=1, n_obj=3), people, n_survive=number)
    rank, crowding = people.get("rank"), people.get("crowding")
    kept = [i for (i,) in search.survivors]
    best = sorted(range(number), key=lambda i: (rank[i], -crowding[i]))[:n_survive]
    assert [rank[i] for i in kept] == [rank[i] for i in best]
    if number > 2:
        assert [crowding[i] for i in kept] == [crowding[i] for i in best]


def fronts(*elements):
    """Arrays of one to 30 rows and one to four goals."""
    shapes = array_shapes(min_dims=2, max_dims=2, max_side=30).map(lambda s: (s[0], 1 + s[1] % 4))
    return arrays(float, shapes, elements=st.one_of(*elements))


FEW = st.integers(-2, 2).map(float)  # ties and duplicates
ANY = st.floats(allow_nan=False, width=32)  # infinite ones too


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.one_of(fronts(FEW), fronts(ANY), fronts(FEW, ANY)))
@example(np.zeros((5, 3)))
@example(np.array([[np.inf, 0.0], [0.0, np.inf], [np.inf, np.inf], [0.0, np.inf]]))
def test_fronts_are_those_of_pymoo(goals):
    """As written out there: the library that it sorts by otherwise dies of infinite goals."""
    theirs = NonDominatedSorting(dominator=Dominator()).do(goals)
    ours = [front.tolist() for front in non_dominated_fronts(goals)]
    assert ours == [sorted(front.tolist()) for front in theirs]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.one_of(fronts(FEW), fronts(ANY), fronts(FEW, ANY)))
@example(np.zeros((5, 3)))
@example(np.array([[1.0, 2.0]]))
@example(np.array([[np.inf, 0.0], [0.0, np.inf], [-np.inf, 3.0], [-np.inf, 3.0]]))
def test_crowding_distances_are_those_of_pymoo(goals):
    with np.errstate(invalid="ignore", over="ignore"):
        theirs = calc_crowding_distance(goals)
    assert crowding_distances(goals).tolist() == theirs.tolist()
