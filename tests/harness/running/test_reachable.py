"""Limits that nothing meets are refused before a training, and such that everything meets are told."""

from dataclasses import replace

import pytest
import torch
from latencies import FakeClock, measured, planted_ms
from scored import setting_of

from harness.running.reachable import check_reachable
from methods.options import SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.errors import UsageError


def made(method="spos", costs=None, latency=None, options=None, **limits):
    setting = setting_of("macro")
    setting = replace(setting, search=SearchLimits(**limits), costs=costs or {}, latency=latency)
    return METHODS[method](setting, options or options_class(method)())


@pytest.fixture(scope="module")
def ends():
    """Of multiply-adds and parameters in millions: the smallest and the largest of the space."""
    method = made()
    costs = [method.cost_of(arch) for arch in method.space.extremes(method.data.image)]
    return [tuple(getattr(cost, name) / 1e6 for cost in costs) for name in ("madds", "params")]


def test_no_limits_are_no_question():
    assert check_reachable(made()) == []


def test_what_the_space_has_not_is_said_with_what_it_has(ends):
    (least, most), (few, many) = ends
    with pytest.raises(UsageError) as error:
        check_reachable(made(max_madds=least / 2))
    assert str(error.value) == (
        f"no architecture of macro with at most {least / 2:g} million multiply-adds was found among "
        f"2,000 random ones; widen the limits: it has multiply-adds from {least:.4g} to {most:.4g} "
        "million."
    )
    with pytest.raises(UsageError, match=f"has parameters from {few:.4g} to {many:.4g} million"):
        check_reachable(made(min_params=2 * many))
    with pytest.raises(UsageError, match="multiply-adds from .* and parameters from"):
        check_reachable(made(max_madds=1.01 * least, min_params=0.99 * many))  # not both at once


def test_what_leaves_everything_in_is_told(ends):
    (least, most), _ = ends
    (note,) = check_reachable(made(max_madds=1e6 * most, min_params=1e-6))[:1]
    assert note.startswith("all that macro has is within the limits on multiply-adds: it has")
    assert check_reachable(made(max_madds=(least + most) / 2)) == []
    assert len(check_reachable(made(max_madds=1e6 * most, min_params=1e-6))) == 2


def test_predicted_latencies_and_known_costs():
    def latency(arch):
        return 1.0 + sum(arch)

    assert check_reachable(made(cost="latency_ms", max_cost=9.0, latency=latency)) == []
    with pytest.raises(UsageError, match="at most 0.5 latency_ms .* has latency_ms from 1 to "):
        check_reachable(made(cost="latency_ms", max_cost=0.5, latency=latency))
    method = made()
    costs = {method.space.encode((2,) * len(method.space.sites)): 3.0}
    with pytest.raises(UsageError, match="has joule from 3 to 3"):
        check_reachable(made(cost="joule", max_cost=2.0, costs=costs))


def test_a_search_by_latency_stays_within(tmp_path):
    from planted import PlantedData, PlantedSpace

    predict = measured(tmp_path / "l.json", FakeClock()).predictor(PlantedSpace(), None)
    setting = replace(
        setting_of("macro"), space=PlantedSpace(), data=PlantedData(size=64), latency=predict,
        search=SearchLimits(population=10, cost="latency_ms", min_cost=4.0, max_cost=7.0),
        device=torch.device("cpu"),
    )  # fmt: skip
    for method, options in (("spos", {}), ("fairnas", {"search": "nsga2"})):
        searched = METHODS[method](setting, options_class(method)(**options))
        assert check_reachable(searched) == []
        for generation in range(3):
            archs = searched.asked(generation)
            assert archs and all(4 - 1e-3 <= planted_ms(arch) <= 7 + 1e-3 for arch in archs)
            searched.evolution.tell([(arch, float(sum(arch))) for arch in archs])
        assert 4 - 1e-3 <= planted_ms(searched.found()) <= 7 + 1e-3
