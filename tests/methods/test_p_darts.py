"""P-DARTS: searches that get deeper with fewer operators, and skip connections held back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from optimisers import steps_taken
from relaxed import make_setting

from harness.conformance.noise import Noise
from methods.options import Recipe
from methods.p_darts.method import PDARTS, PDARTSOptions
from methods.skips import dropped_out, with_few_skips
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

IMAGE = ImageSpec(1, 8, 5)


def made(space="nb201", cells=0, steps=9, **options):
    where = make_setting(SPACES[space]("compact", 8, cells), Noise(IMAGE))
    where = replace(where, recipe=Recipe(steps=steps, batch_size=8))
    return PDARTS(where, PDARTSOptions(**options))


def set_alphas(method, rows):
    with torch.no_grad():
        for alpha, row in zip(method.alphas, rows, strict=True):
            alpha.copy_(torch.tensor(row))


def cells(network):
    return sum(map(len, network.stages))


def test_networks_get_deeper_and_operators_fewer():
    """Five operators: of 5, 4 and 2 those with the largest weights; cells: 5, 11, 17 of 17."""
    method, seen = made(cells=6, alone=0.0), []
    set_alphas(method, [[0.0, 4.0, 3.0, 2.0, 1.0]] * 6)
    for step in range(9):
        method.train_step(step)
        seen.append((cells(method.supernet), len(method.kept[0])))
        if step == 5:
            set_alphas(method, [[9.0, 0.0, 1.0, 3.0, 2.0]] * 6)
    assert seen == [(4, 5)] * 3 + [(8, 4)] * 3 + [(12, 2)] * 3
    assert method.kept == [[3, 4]] * 6  # 0 had gone before


def test_what_operators_are_worth_adds_up_and_the_dropped_are_never_best():
    rng, method = np.random.default_rng(0), made()
    for search in range(3):
        set_alphas(method, rng.normal(size=(6, 5)).tolist())
        shares = np.array([share.detach().exp().numpy() for share in method.log_shares()])
        np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
        assert all(shares[site].argmax() in kept for site, kept in enumerate(method.kept))
        if search < 2:
            method.drop()
            method.begin(search + 1)
            left = np.array([shares[site][kept].sum() for site, kept in enumerate(method.kept)])
            shares = np.array([share.detach().exp().numpy() for share in method.log_shares()])
            again = [shares[site][kept].sum() for site, kept in enumerate(method.kept)]
            np.testing.assert_allclose(again, left, rtol=1e-5)


def test_a_search_begins_anew():
    method = made(alone=0.0)
    with steps_taken() as taken:
        for step in range(4):
            method.train_step(step)
            if step == 2:
                before = method.supernet.classifier.weight.clone()
    rates = [step.rate for step in taken if isinstance(step.optimizer, torch.optim.SGD)]
    assert rates == pytest.approx([0.1, 0.075, 0.025, 0.1])  # a cosine of three steps, and again
    assert not torch.equal(method.supernet.classifier.weight, before)
    assert all(alpha.abs().max() < 1e-3 for alpha in method.alphas)  # one step from 0


def test_a_new_search_trains_its_own_network_with_optimisers_that_remember_nothing():
    method = made(alone=0.0)
    recipe = replace(method.setting.recipe, clip=1e-3)
    method.setting = replace(method.setting, recipe=recipe)
    for step in range(3):
        method.train_step(step)
    with steps_taken() as taken:
        method.train_step(3)
    (step,) = (step for step in taken if isinstance(step.optimizer, torch.optim.SGD))
    assert set(step.gradients) == set(method.supernet.parameters())
    norms = [gradient.norm() for gradient in step.gradients.values() if gradient is not None]
    assert torch.stack(norms).norm().item() == pytest.approx(1e-3, rel=0.01)
    assert [method.arch_optimizer.state[alpha]["step"] for alpha in method.alphas] == [1] * 6


def test_what_is_kept_is_all_that_runs():
    method = made()
    method.kept = [[1, 3]] * 6
    set_alphas(method, [[9.0, 0.0, 9.0, 1.0, 9.0]] * 6)
    operators = [lambda x, k=k: 10**k * x for k in range(5)]
    expected = (10 + np.e * 1000) / (1 + np.e)
    assert method.mixture(0)(0, operators, torch.ones(())).item() == pytest.approx(expected)


def test_dropout_fades_while_weights_learn_alone_and_anew_with_the_architecture():
    method = made(steps=30, dropout=0.3, last_dropout=0.6)
    found = []
    for search, first in enumerate((0, 10, 20)):
        method.search = search
        found.append([method.dropout(first + number) for number in (0, 2, 4, 6)])
    fading = np.array([1, 0.8, 1, np.exp(-0.2 * 5)])  # a fifth of 25 epochs later
    np.testing.assert_allclose(found, np.outer([0.0, 0.3, 0.6], fading))


def test_only_the_skip_connection_is_dropped_out():
    method = made(steps=9, last_dropout=0.5)
    method.search = 2
    x = torch.ones(2000)
    for number in range(5):
        operators = [torch.zeros_like] * 5
        operators[number] = lambda x: 5 * x
        out = method.mixture(6)(0, operators, x)
        values = sorted(set(out.detach().round(decimals=4).tolist()))
        assert values == ([0, 2] if number == 1 else [1])
    kept = dropped_out(x, 0.25, torch.Generator().manual_seed(0))
    assert kept.mean().item() == pytest.approx(1, abs=6 * (1 / 3 / 2000) ** 0.5)


def test_the_passes_of_a_step_are_dropped_out_apart_and_the_same_in_each_training():
    def passed(method, step):
        return method.mixture(step)(0, [torch.zeros_like, torch.clone] + [torch.zeros_like] * 3, x)

    x, (method, other) = torch.ones(200), (made(), made())
    method.search = other.search = 2
    first, second, later = (passed(method, step) for step in (6, 6, 7))
    assert torch.equal(passed(other, 6), first) and torch.equal(passed(other, 6), second)
    dropped = [out == 0 for out in (first, second, later)]
    assert all(not torch.equal(a, b) for a, b in zip(dropped, dropped[1:], strict=False))


def test_the_weakest_skip_connections_go():
    method = made(skips=2)
    rows = [[0.0, 4.0 + site, 3.0, 0.0, 0.0] for site in range(6)]
    set_alphas(method, rows)
    assert method.found() == (2, 2, 2, 2, 1, 1)
    relaxation = SPACES["darts"]("compact").relaxation()
    logs = [np.array([0.0, 0, 9 + site / 100, 1, 0, 0, 0, 0]) for site in range(28)]
    chosen = relaxation.chosen(with_few_skips(relaxation, logs, 2))
    normal = [op for site, op in chosen if site < 14]
    assert normal.count(2) == 2 and [op for site, op in chosen if site >= 14] == [2] * 8


def test_where_the_derived_cell_is_infeasible_the_best_of_the_others_has_few_skips_too():
    """The derived one would be dead; of those seen the best has three skip connections."""
    method = made(skips=2)
    set_alphas(method, [[9.0, 4.0, 0.0, 0.0, 0.0]] * 6)
    seen = [((1, 1, 1, 2, 2, 2), 3.0), ((1, 2, 3, 2, 1, 2), 2.0), ((2, 2, 3, 2, 2, 2), 1.0)]
    method.evolution.tell(seen)
    assert method.found() == (1, 2, 3, 2, 1, 2)
    method.evolution.seen = dict(seen[:1])  # none has so few
    assert method.found() == (1, 1, 1, 2, 2, 2)


def test_gradients_of_the_architecture_are_clipped():
    method = made()
    for alpha in method.alphas:
        alpha.grad = torch.full_like(alpha, 100.0)
    method.update_alphas()
    norms = [alpha.grad.norm() for alpha in method.alphas]
    assert torch.stack(norms).norm().item() == pytest.approx(5.0, rel=1e-4)


def test_chains_have_no_skip_connections_to_hold_back():
    method = made("macro")
    assert any("no skip connections of a cell" in note for note in method.notes())
    assert not any("skip connections" in note for note in made().notes())
    for options in ({"skips": 1}, {"dropout": 0.3}, {"last_dropout": 0.3}):
        with pytest.raises(UsageError, match="macro has no skip connections.*leave it out"):
            made("macro", **options)


def test_costs_count_cells_and_operators():
    """On one cell a stage: (5 + 4 + 2) / 3 operators; both halves in 6 of 10 steps."""
    method = made()
    paths = method.paths_per_step(method.options, method.space)["forwards"]
    assert paths == pytest.approx(1.6 * 11 / 3)
    deeper = SPACES["nb201"]("compact", 8, 6)
    paths = method.paths_per_step(method.options, deeper)["forwards"]
    assert paths == pytest.approx(1.6 * (5 * 2 / 6 + 4 * 4 / 6 + 2) / 3)
    shallow, share = SPACES["darts"]("cifar").shallower(11 / 17)
    assert len(shallow.supernet(IMAGE).cells) == 5 and share == 5 / 8
    assert SPACES["macro"]("compact").shallower(0.1)[1] == 1
    for step in range(3):
        method.train_step(step)
    assert method.costs["image_passes"] == (1 + 2 + 2) * 5 * 8


@pytest.mark.parametrize("wrong", [{"alone": 1.0}, {"dropout": -0.1}, {"skips": -1}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError, match="from 0 to below 1, skips at least 0"):
        PDARTSOptions(**wrong)
