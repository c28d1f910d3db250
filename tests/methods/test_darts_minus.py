"""DARTS-: what the auxiliary skip adds to a mixture, where it is, and how it fades."""

import numpy as np
import pytest
import torch
from relaxed import make_setting

from harness.conformance.noise import Noise
from methods.darts import DARTS, DARTSOptions
from methods.darts_minus import DARTSMinus, DARTSMinusOptions
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def made(space="nb201", beta=0.8, **scale):
    where = make_setting(SPACES[space]("compact", **scale), Noise(ImageSpec(1, 12, 10)))
    return DARTSMinus(where, DARTSMinusOptions(beta=beta))


def test_a_mixture_has_the_skip_beside_it_until_the_last_step():
    method = made()
    operators = [lambda x, k=k: k * x for k in range(5)]
    x = torch.tensor([3.0])
    outs = [method.mixture(step)(2, operators, x).item() for step in range(4)]
    # the mean of the operators, and 0.8 x that falls to 0
    assert outs == pytest.approx([3 * (2 + beta) for beta in (0.8, 1.6 / 3, 0.8 / 3, 0.0)])
    assert method.mixture(0)(2, [lambda x: x[:1]] * 5, torch.ones(2)).tolist() == [1.0]


def test_in_the_last_step_it_is_darts():
    method = made()
    plain = DARTS(method.setting, DARTSOptions())
    batch = method.arch_data.train_batch(0, 8, 0)
    torch.testing.assert_close(method.mixture_loss(batch, 3), plain.mixture_loss(batch, 3))
    assert abs(method.mixture_loss(batch, 0) - plain.mixture_loss(batch, 0)).item() > 1e-3


def test_where_sides_are_halved_the_skip_is_a_reduction_of_its_own():
    """Eight edges from the two inputs of a reduction cell."""
    method = made("darts", width=4)
    found = list(method.supernet.auxiliary_skips)
    assert len(found) == 8
    reduction = next(cell for cell in method.supernet.cells if cell.shape.reduces)
    cell = reduction.edges["2<-0"]
    own = method._auxiliary[id(cell["skip_connect"])]
    assert torch.equal(found[own].even.weight, cell["skip_connect"].even.weight)
    assert found[own].even.weight is not cell["skip_connect"].even.weight
    before = [skip.even.weight.clone() for skip in found]
    channels = reduction.shape.channels
    x = torch.randn(2, channels, 6, 6, generator=torch.manual_seed(0))
    operators = [*cell.values(), lambda x: torch.zeros(2, channels, 3, 3)]
    site = 14  # the first of the reduction cell
    mixed = method.mixture(0)(site, operators, x) - DARTS.mixture(method, 0)(site, operators, x)
    torch.testing.assert_close(mixed, 0.8 * found[own](x), rtol=1e-3, atol=1e-4)
    method.train_step(0)
    assert all(not torch.equal(skip.even.weight, b) for skip, b in zip(found, before, strict=True))


def test_it_costs_what_darts_does_and_scores_alike():
    method = made()
    cost = DARTS.paths_per_step(None, method.space)
    assert DARTSMinus.paths_per_step(method.options, method.space) == cost
    np.testing.assert_allclose(method.score([(1, 0, 2, 3, 4, 1)]), [20.0])
    with pytest.raises(UsageError, match="beta must not be negative"):
        DARTSMinusOptions(beta=-0.1)
