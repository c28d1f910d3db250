"""RSPS: SPOS's supernet, and a search that draws at random."""

import numpy as np
import pytest
from blobs import setting
from planted import PlantedData, PlantedSpace

from methods.nsas import NSAS, NSASOptions
from methods.options import SearchLimits
from methods.rsps import RSPS, RSPSOptions
from methods.search.drawn import Drawn
from methods.setn import SETN, SETNOptions
from methods.spos import SPOS, SPOSOptions
from searchspaces.errors import UsageError


def test_its_supernet_is_spos_s():
    mine, theirs = RSPS(setting(), RSPSOptions()), SPOS(setting(), SPOSOptions())
    assert RSPS.training_identity(RSPSOptions()) == SPOS.training_identity(SPOSOptions())
    for step in range(2):
        assert mine.train_step(step)["loss"] == theirs.train_step(step)["loss"]
    weights = theirs.supernet.state_dict()
    assert all(tensor.equal(weights[name]) for name, tensor in mine.supernet.state_dict().items())


def test_it_finds_the_best_of_what_it_draws_and_learns_nothing():
    limits = SearchLimits(population=10, generations=4, parents=2)
    method = RSPS(setting(PlantedSpace(), PlantedData(60), search=limits), RSPSOptions())
    truth = {}
    method.score = lambda archs: np.array([-float(sum(arch)) for arch in archs])
    drawn = []
    for epoch in range(method.search_epochs):
        scored = method.search_epoch(epoch)
        drawn.append([arch for arch, _ in scored])
        truth.update(scored)
    assert len(truth) == 40  # none twice
    assert method.found() == max(truth, key=truth.get)
    sums = [np.mean([sum(arch) for arch in archs]) for archs in drawn]  # 4 operators of 0, 1 or 2
    assert all(abs(mean - 4) < 4 * np.sqrt(4 * 2 / 3 / 10) for mean in sums)


def test_what_it_draws_does_not_follow_from_scores():
    limits, asked = SearchLimits(population=10, generations=4, parents=2), []
    for sign in (1, -1):
        method = RSPS(setting(PlantedSpace(), PlantedData(60), search=limits), RSPSOptions())
        method.score = lambda archs, sign=sign: np.array([sign * float(sum(a)) for a in archs])
        asked.append([[arch for arch, _ in method.search_epoch(epoch)] for epoch in range(4)])
    assert asked[0] == asked[1]


def test_what_is_drawn_again_and_again_gives_way_to_random_ones():
    space = PlantedSpace()
    limits = SearchLimits(population=5)
    search = Drawn(space, limits, space.is_valid, lambda rng: (0, 0, 0, 1))
    first = search.ask(0, np.random.default_rng(0))
    assert first[0] == (0, 0, 0, 1) and len(set(first)) == 5
    search.tell([(arch, 0.0) for arch in first])
    second = search.ask(1, np.random.default_rng(1))
    assert len(second) == 5 and not set(first) & set(second)


@pytest.mark.parametrize(
    ("method", "options"), [(RSPS, RSPSOptions), (NSAS, NSASOptions), (SETN, SETNOptions)]
)
def test_what_is_drawn_is_within_the_limits(method, options):
    """A cost of a million multiply-adds, and one for each operator by its number."""
    limits = SearchLimits(population=8, generations=1, parents=2, max_madds=4)
    made = method(setting(PlantedSpace(), PlantedData(60), search=limits), options())
    made.score = lambda archs: np.zeros(len(archs))
    drawn = [arch for arch, _ in made.search_epoch(0)]
    assert len(drawn) == 8 and all(sum(arch) <= 3 for arch in drawn)


def test_nothing_within_the_limits_is_said_at_once():
    space = PlantedSpace()
    search = Drawn(space, SearchLimits(max_madds=1), lambda arch: False, space.sample)
    with pytest.raises(UsageError, match="widen the limits"):
        search.ask(0, np.random.default_rng(0))
    assert search.ask(1, np.random.default_rng(0)) == []
