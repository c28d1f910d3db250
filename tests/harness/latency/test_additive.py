"""The sum of operators: what it recovers, what is held out, how far predictions are off."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.latency.additive import AdditiveModel, Networks, errors, held_out, terms
from searchspaces.registry import SPACES

SIZES = (2, 3, 4)
ALL = np.array(list(np.ndindex(*SIZES)))


def fitted(genes, values):
    return AdditiveModel.fitted(networks(genes), values)


def networks(genes, sizes=SIZES):
    """Which run all their sites."""
    return Networks(genes, np.ones(genes.shape, dtype=bool), sizes)


def predictions(model, genes):
    return np.array([model.predict(arch, range(len(arch))) for arch in genes.tolist()])


def planted(rng):
    """A constant, and terms of which the cheapest of each site is 0."""
    sites = [np.round(rng.uniform(0, 5, size), 3) for size in SIZES]
    return float(rng.uniform(0, 2)), [site - site.min() for site in sites]


def values_of(constant, sites, genes):
    return constant + sum(site[genes[:, place]] for place, site in enumerate(sites))


@given(st.integers(0, 2**32 - 1), st.integers(16, 24))
def test_planted_terms_come_back(seed, number):
    rng = np.random.default_rng(seed)
    constant, sites = planted(rng)
    genes = ALL[rng.permutation(len(ALL))[:number]]
    model = fitted(genes, values_of(constant, sites, genes))
    seen = [set(genes[:, place].tolist()) for place in range(len(SIZES))]
    if all(len(own) == size for own, size in zip(seen, SIZES, strict=True)):
        assert model.constant == pytest.approx(constant, abs=1e-7)
        for found, own in zip(model.sites, sites, strict=True):
            assert found == pytest.approx(own, abs=1e-7)
    predicted = predictions(model, genes)
    assert predicted.tolist() == pytest.approx(values_of(constant, sites, genes), abs=1e-7)


@given(st.integers(0, 2**32 - 1))
def test_terms_are_least_squares_that_nothing_makes_negative(seed):
    """Above the cheapest operator; the fit is that of the normal equations where that is allowed."""
    rng = np.random.default_rng(seed)
    constant, sites = planted(rng)
    values = values_of(constant + 5, sites, ALL) + rng.normal(size=len(ALL))
    model = fitted(ALL, values)
    assert model.constant >= 0 and all(min(site) == 0 for site in model.sites)
    design = np.concatenate(
        [np.eye(size)[ALL[:, place]] for place, size in enumerate(SIZES)], axis=1
    )
    free = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    predicted = predictions(model, ALL)
    if free.min() >= 0:
        assert predicted == pytest.approx(free, abs=1e-6)
    assert ((values - predicted) ** 2).sum() >= ((values - free) ** 2).sum() - 1e-9


def test_no_sum_is_below_zero():
    values = np.where(ALL[:, 0] == 0, -3.0, 1.0)
    model = fitted(ALL, values)
    assert predictions(model, ALL).min() == pytest.approx(0.0, abs=1e-12)


def test_an_operator_that_no_network_had_is_not_known():
    genes = ALL[ALL[:, 1] != 2]
    model = fitted(genes, np.full(len(genes), 4.0))
    known, unknown = predictions(model, np.array([[1, 1, 3], [0, 2, 0]]))
    assert math.isnan(model.sites[1][2]) and math.isnan(unknown)
    assert known == pytest.approx(4.0)
    assert math.isnan(model.predict((0, 1, 0), (0, 1)))  # no network has left a site out


def test_terms_of_sites_that_do_not_always_run_come_back():
    """Of NAS-Bench-201, where only edges that lead to the output cost anything."""
    space, rng = SPACES["nb201"]("compact"), np.random.default_rng(0)
    archs = list(dict.fromkeys(space.sample(rng) for _ in range(200)))
    planted = rng.uniform(0.1, 5, (6, 5))

    def ms(arch):
        return 2.5 + sum(planted[site][arch[site]] for site in space.active_sites(arch))

    model = AdditiveModel.fitted(Networks.of(space, archs[:100]), np.array([*map(ms, archs[:100])]))
    assert model.constant == pytest.approx(2.5) and model.idle == frozenset(range(6))
    for site in range(6):
        assert math.isnan(model.sites[site][0])  # the operator none runs nowhere
        assert model.sites[site][1:] == pytest.approx(planted[site][1:])
    predict = model.of_space(space)
    assert [*map(predict, archs)] == pytest.approx([*map(ms, archs)])


@pytest.mark.parametrize("name", ["nb101", "nb201", "macro"])
def test_a_space_runs_the_sites_that_change_its_network(name):
    """Another operator at a site that does not run gives a network of the same canonical form."""
    space, rng, idle = SPACES[name]("compact"), np.random.default_rng(1), 0
    for _ in range(60):
        arch = space.sample(rng)
        runs = space.active_sites(arch)
        assert list(runs) == sorted(set(runs))
        for site in {*range(len(space.sites))} - {*runs}:
            if name == "nb201" and arch[site] == 0:
                continue  # another operator may lead to the output
            others = [gene for gene in range(1, len(space.sites[site].operators))]
            changed = (*arch[:site], int(rng.choice(others)), *arch[site + 1 :])
            assert space.canonical(changed) == space.canonical(arch)
            idle += 1
    assert (idle > 0) is (name != "macro")


def test_terms_are_counted_once():
    assert terms(SIZES) == 1 + 1 + 2 + 3
    design = np.concatenate([np.eye(s)[ALL[:, p]] for p, s in enumerate(SIZES)], axis=1)
    assert np.linalg.matrix_rank(design) == terms(SIZES)


def test_what_is_held_out_is_predicted_by_the_others_as_by_hand():
    """Of one site a prediction is the mean of the others with that operator."""
    genes, values = np.array([[0], [0], [0], [1], [1], [1]]), np.array([1, 2, 6, 10, 20, 60.0])
    order = np.random.default_rng(0).permutation(6)
    predicted = held_out(networks(genes, (2,)), values, folds=3)
    for fold in range(3):
        left_out = order[fold::3]
        for place in left_out:
            same = [
                v for p, v in enumerate(values) if genes[p] == genes[place] and p not in left_out
            ]
            assert predicted[place] == pytest.approx(np.mean(same))
    alone = held_out(networks(genes, (2,)), values, folds=6)
    assert alone == pytest.approx([4.0, 3.5, 1.5, 40.0, 35.0, 15.0])


def test_errors_are_as_by_hand():
    predicted, values = np.array([1.0, 3.0, 2.0, np.nan, 8.0]), np.array([2.0, 2.0, 4.0, 5.0, 8.0])
    found = errors(predicted, values)
    assert found["n"] == 4
    assert found["rmse_ms"] == pytest.approx(math.sqrt((1 + 1 + 4 + 0) / 4))
    assert found["relative"] == pytest.approx((1 / 2 + 1 / 2 + 2 / 4 + 0) / 4)
    kept = [0, 1, 2, 4]
    expected = kendalltau(predicted[kept], values[kept]).statistic
    assert found["kendall_tau"]["value"] == pytest.approx(expected)


def test_a_model_that_saw_what_it_predicts_would_look_better():
    """Noise alone: in the sample a fit takes some of it, held out it has none to take."""
    rng = np.random.default_rng(0)
    values = 5 + rng.normal(size=len(ALL))
    model = fitted(ALL, values)
    seen = predictions(model, ALL)
    unseen = held_out(networks(ALL), values)
    assert errors(unseen, values)["rmse_ms"] > 1.05 * values.std() > errors(seen, values)["rmse_ms"]
