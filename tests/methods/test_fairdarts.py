"""FairDARTS: operators weighed each by itself, and driven to be taken or left."""

import numpy as np
import pytest
import torch
from relaxed import make_setting, with_alphas

from methods.fairdarts import FairDARTS, FairDARTSOptions, zero_one_loss
from searchspaces.errors import UsageError


def made(values=(-1.0, 0.0, 2.0), **options):
    return with_alphas(FairDARTS(make_setting(), FairDARTSOptions(**options)), values)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.array(x)))


def test_an_operator_is_weighed_by_its_own_sigmoid():
    method, operators = made(), [lambda x, k=k: 10**k * x for k in range(3)]
    out = method.mixture(0)(1, operators, torch.ones(()))
    assert out.item() == pytest.approx(float(sigmoid([-1, 0, 2]) @ [1, 10, 100]), rel=1e-5)
    with torch.no_grad():
        method.alphas[1][2] = 5.0
    others = [w.tolist()[:2] for w in method.weights(0)]
    assert others[1] == pytest.approx(sigmoid([-1, 0]).tolist()) == others[0]


def test_the_zero_one_loss_drives_from_the_middle():
    alphas = [torch.tensor([-1.0, 0.0]), torch.tensor([2.0])]
    alphas = [alpha.requires_grad_() for alpha in alphas]
    loss = zero_one_loss(alphas)
    s = sigmoid([-1, 0, 2])
    assert loss.item() == pytest.approx(-np.mean((s - 0.5) ** 2))
    loss.backward()
    slopes = torch.cat([alpha.grad for alpha in alphas])
    np.testing.assert_allclose(slopes, -2 / 3 * (s - 0.5) * s * (1 - s), atol=1e-7)
    assert slopes[0] > 0 == slopes[1] and slopes[2] < 0  # a descent parts them
    assert zero_one_loss([torch.tensor([-50.0, 50.0])]).item() == pytest.approx(-0.25)


def test_only_the_architecture_parameters_descend_it():
    method, without = made(zero_one=7.0), made(zero_one=0.0)
    batch = method.arch_data.train_batch(0, 64, 0)
    more = method.arch_loss(batch, 0) - without.arch_loss(batch, 0)
    s = sigmoid([-1, 0, 2])
    assert more.item() == pytest.approx(-7 * np.mean((s - 0.5) ** 2), rel=1e-4)
    torch.testing.assert_close(method.mixture_loss(batch, 0), without.mixture_loss(batch, 0))
    with pytest.raises(UsageError, match="zero-one must not be negative"):
        FairDARTSOptions(zero_one=-1.0)


def test_scores_are_geometric_means_of_sigmoids():
    arch, s = (2, 2, 1, 0), sigmoid([-1, 0, 2])
    expected = 100 * np.prod(s[list(arch)]) ** 0.25
    np.testing.assert_allclose(made().score([arch]), [expected], rtol=1e-5)
    assert made().found() == (2, 2, 2, 2)


def test_its_parameters_learn_as_in_the_released_search():
    group = made().arch_optimizer.param_groups[0]
    assert (group["lr"], group["betas"]) == (3e-3, (0.9, 0.999))
