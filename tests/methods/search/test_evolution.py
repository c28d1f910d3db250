"""The evolutionary search."""

import numpy as np
import pytest
from planted import PlantedSpace
from scipy.stats import chisquare

from methods.options import SearchLimits
from methods.search.evolution import Evolution
from searchspaces.base import Site
from searchspaces.errors import UsageError

LIMITS = SearchLimits(population=10, generations=5, parents=4)


def evolve(feasible=lambda arch: True, limits=LIMITS, generations=5):
    space = PlantedSpace()
    evolution = Evolution(space, limits, feasible)
    asked = []
    for generation in range(generations):
        archs = evolution.ask(generation, np.random.default_rng(generation))
        asked.append(archs)
        evolution.tell([(arch, space.truth(arch)) for arch in archs])
    return evolution, asked


def test_no_architecture_is_asked_for_twice():
    _, asked = evolve()
    everything = [arch for archs in asked for arch in archs]
    assert len(everything) == len(set(everything)) == 50


def test_parents_are_the_best_of_everything_seen():
    evolution, asked = evolve()
    truth = PlantedSpace().truth
    ranked = sorted((a for archs in asked for a in archs), key=truth, reverse=True)
    assert evolution.parents() == ranked[:4]
    assert evolution.best() == ranked[0]


def test_of_equal_scores_the_one_seen_first_is_first():
    evolution = Evolution(PlantedSpace(), SearchLimits(parents=3), lambda arch: True)
    evolution.tell([((0, 1, 0, 0), 50.0), ((2, 0, 0, 0), 50.0), ((1, 0, 0, 0), 70.0)])
    evolution.tell([((0, 0, 0, 1), 50.0)])
    assert evolution.parents() == [(1, 0, 0, 0), (0, 1, 0, 0), (2, 0, 0, 0)]


def test_evolution_beats_random_search():
    truth = PlantedSpace().truth
    _, asked = evolve()
    last, first = (np.mean([truth(arch) for arch in asked[i]]) for i in (3, 0))
    assert last > first


class Wide(PlantedSpace):
    """Many sites, so that no child is there twice."""

    sites = tuple(Site(f"site {s}", tuple("abcde")) for s in range(40))


def children(rate, parents, population=200):
    """The children of these parents: those of mutation, those of crossover."""
    limits = SearchLimits(population=population, parents=len(parents), mutation_rate=rate)
    evolution = Evolution(Wide(), limits, lambda arch: True)
    evolution.tell([(parent, 1.0) for parent in parents])
    archs = evolution.ask(1, np.random.default_rng(0))
    return np.array(archs[: population // 2]), np.array(archs[population // 2 :])


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0])
def test_a_mutation_resamples_so_many_genes(rate):
    """One in five of which draw their old value; no child is its parent."""
    mutated, _ = children(rate, [(0,) * 40])
    changed = (mutated != 0).sum(1)
    chance = rate * 4 / 5
    expected = 40 * chance / (1 - (1 - chance) ** 40)
    error = np.sqrt(40 * chance * (1 - chance) / len(mutated))
    assert changed.mean() == pytest.approx(expected, abs=4 * error)
    assert chisquare(np.bincount(mutated[mutated != 0])[1:]).pvalue > 1e-3


def test_half_of_a_generation_is_mutated_and_half_crossed_over():
    mutated, crossed = children(0.5, [(0,) * 40, (1,) * 40])
    assert (np.isin(mutated, (2, 3, 4)).any(1)).all()
    assert set(np.unique(crossed)) == {0, 1}
    assert crossed.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(crossed.size))


def test_a_small_space_is_exhausted_without_complaint():
    evolution, asked = evolve(limits=SearchLimits(population=60, parents=5), generations=4)
    assert sum(map(len, asked)) == len(evolution.seen) == 81


def test_a_first_generation_is_drawn_for_long_where_little_is_feasible():
    evolution = Evolution(
        PlantedSpace(), SearchLimits(population=2), lambda arch: arch == (2, 1, 0, 2)
    )
    assert evolution.ask(0, np.random.default_rng(0)) == [(2, 1, 0, 2)]


def test_constraint_holds_or_is_refused():
    _, asked = evolve(feasible=lambda arch: sum(arch) <= 4)
    assert all(sum(arch) <= 4 for archs in asked for arch in archs)
    with pytest.raises(UsageError, match="max-madds"):
        evolve(feasible=lambda arch: False)


def test_state_goes_through_plain_containers():
    evolution, _ = evolve(generations=2)
    other = Evolution(PlantedSpace(), LIMITS, lambda arch: True)
    other.load_state_dict(evolution.state_dict())
    assert other.seen == evolution.seen
    rngs = np.random.default_rng(7), np.random.default_rng(7)
    assert other.ask(2, rngs[0]) == evolution.ask(2, rngs[1])
