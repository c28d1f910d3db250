"""The evolutionary search."""

import numpy as np
import pytest
from planted import PlantedSpace

from methods.options import SearchLimits
from methods.search.evolution import Evolution
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


def test_evolution_beats_random_search():
    truth = PlantedSpace().truth
    _, asked = evolve()
    last, first = (np.mean([truth(arch) for arch in asked[i]]) for i in (3, 0))
    assert last > first


def test_a_small_space_is_exhausted_without_complaint():
    evolution, asked = evolve(limits=SearchLimits(population=60, parents=5), generations=4)
    assert sum(map(len, asked)) == len(evolution.seen) == 81


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
