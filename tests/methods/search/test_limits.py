"""Searches keep to limits where they begin, mutate and cross over, whatever the limits are."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import PlantedSpace

from methods.options import SearchLimits
from methods.search.candidates import Candidates
from methods.search.drawn import Drawn
from methods.search.evolution import Evolution
from methods.search.nsga2 import NSGA2
from searchspaces.base import Cost
from searchspaces.errors import UsageError

SPACE = PlantedSpace()
ALL = [arch for arch in itertools.product(range(3), repeat=4)]
VALID = [arch for arch in ALL if SPACE.is_valid(arch)]
SEARCHES = {
    "evolution": Evolution,
    "nsga2": lambda *given: NSGA2(*given, cost=cost_of),
    "drawn": lambda *given: Drawn(*given, draw=SPACE.sample),
}


def cost_of(arch):
    """Parameters that fall where multiply-adds rise, in millions."""
    return Cost(1_000_000 * (9 - sum(arch) + arch[0]), 1_000_000 * (1 + sum(arch)))


def latency_of(arch):
    return 1.0 + arch[0] + 0.5 * arch[3]


def limits(draw):
    bounds = {}
    for name in ("madds", "params", "cost"):
        low, high = draw(st.tuples(st.integers(0, 9), st.integers(0, 10)))
        bounds |= {f"min_{name}": float(low), f"max_{name}": float(max(low, high) if high else 0)}
    cost = "latency_ms" if bounds["min_cost"] or bounds["max_cost"] else ""
    return SearchLimits(population=8, parents=4, mutation_rate=0.3, cost=cost, **bounds)


@pytest.mark.parametrize("name", SEARCHES)
@settings(max_examples=25)
@given(st.data())
def test_whatever_is_asked_for_is_within(name, data):
    bounds = limits(data.draw)

    def within(arch):
        cost = cost_of(arch)
        known = latency_of(arch) if bounds.cost else float("nan")
        return SPACE.is_valid(arch) and bounds.admits(cost.madds, cost.params, known)

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    possible = {arch for arch in VALID if within(arch)}
    search = SEARCHES[name](SPACE, bounds, within)
    if not possible:
        with pytest.raises(UsageError, match="widen the limits"):
            search.ask(0, rng)
        return
    seen = set()
    for generation in range(4):
        asked = search.ask(generation, rng)
        assert set(asked) <= possible - seen
        search.tell([(arch, SPACE.truth(arch)) for arch in asked])
        seen |= set(asked)
    assert search.best() in possible and set(search.front()) <= possible


@settings(max_examples=25)
@given(st.data())
def test_candidates_of_a_table_are_within(data):
    bounds = limits(data.draw)
    allowed = np.array(
        [bounds.admits(cost_of(a).madds, cost_of(a).params, latency_of(a)) for a in ALL]
    )
    names = [SPACE.encode(arch) for arch in ALL]
    if allowed.sum() < 2:
        with pytest.raises(UsageError, match="a search needs two"):
            Candidates(SPACE, names, allowed)
        return
    rng, candidates = np.random.default_rng(0), Candidates(SPACE, names, allowed)
    row = candidates.sample(rng)
    assert allowed[row] and allowed[candidates.closest((0, 0, 0, 0), rng)]
    assert all(allowed[other] for other in candidates.neighbours(row))
    try:
        assert allowed[candidates.neighbour(row, rng)]
    except UsageError as error:  # where one gene is not enough
        assert not candidates.neighbours(row), error


def test_the_front_is_what_nothing_seen_dominates():
    search = NSGA2(SPACE, SearchLimits(population=8), SPACE.is_valid, cost_of)
    assert search.front() == []
    rng = np.random.default_rng(0)
    scored = [(arch, float(rng.integers(50, 60))) for arch in VALID]
    search.tell(scored)
    goals = {arch: (-score, *(cost_of(arch).madds, cost_of(arch).params)) for arch, score in scored}
    front = search.front()
    for arch in VALID:
        better = [
            other
            for other in VALID
            if goals[other] != goals[arch]
            and all(a <= b for a, b in zip(goals[other], goals[arch], strict=True))
        ]
        assert (arch in front) is not bool(better)
    scores = [search.seen[arch] for arch in front]
    assert scores == sorted(scores, reverse=True) and front[0] == search.best()
    assert Evolution(SPACE, SearchLimits(), SPACE.is_valid).front() == []
