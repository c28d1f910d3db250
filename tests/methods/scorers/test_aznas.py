"""AZ-NAS: each of its four scores by its definition, and ranks that depend on nobody else."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scorers import IMAGE, scorer
from torch import nn

from methods.scorers.aznas import block_outputs, expressivity, share, trainability
from searchspaces.base import Cost
from searchspaces.registry import SPACES


def test_expressivity_of_independent_channels_is_the_entropy_of_their_variances():
    torch.manual_seed(0)
    scales = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    features = torch.linalg.qr(torch.randn(4096, 4, dtype=torch.float64))[0]
    features = (features - features.mean(0)) * scales
    variances = np.linalg.eigvals(np.cov(features.numpy().T))
    parts = variances / variances.sum()
    expected = -(parts * np.log(parts)).sum()
    images = features.T.reshape(4, 16, 16, 16).movedim(0, 1)
    assert expressivity(images) == pytest.approx(expected, abs=1e-6)
    assert expressivity(7 * images + 3) == pytest.approx(expected, abs=1e-6)


def test_expressivity_is_greatest_for_equal_variances_and_zero_for_one_component():
    torch.manual_seed(0)
    white = torch.randn(512, 8, 8, 8, dtype=torch.float64)
    assert expressivity(white) == pytest.approx(math.log(8), abs=1e-3)
    assert expressivity(white[:, :1].expand(-1, 8, -1, -1)) == pytest.approx(0, abs=1e-6)
    assert math.isnan(expressivity(torch.full((2, 3, 4, 4), math.inf)))
    assert math.isnan(expressivity(torch.zeros(2, 3, 4, 4)))
    assert math.isnan(
        expressivity(torch.linspace(0.1, 3, 8).reshape(1, 8, 1, 1).expand(4, 8, 5, 5))
    )


@pytest.mark.parametrize("gain", [0.25, 1.0, 4.0])
def test_trainability_of_an_orthogonal_map_is_two_less_its_gain_and_the_inverse(gain):
    """g_in = gain Qᵀ g_out, and E[g_out g_outᵀ] is the identity: σ is the gain."""
    torch.manual_seed(0)
    given = torch.randn(400, 6, 8, 8, dtype=torch.float64, requires_grad=True)
    turn = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    output = nn.functional.conv2d(given, gain * turn[..., None, None])
    found = trainability(given, output)
    assert found == pytest.approx(2 - gain - 1 / gain, abs=0.1)
    assert found <= 1e-9  # at most 0, where gradients keep their length


@pytest.mark.parametrize("stride", [1, 2])
def test_trainability_is_that_of_the_definition(stride):
    """Its matrix summed up image by image and pixel by pixel, for the same signs."""
    torch.manual_seed(0)
    given = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    output = nn.functional.conv2d(given, torch.randn(5, 2, 3, 3).double(), None, stride, 1)
    torch.manual_seed(7)
    found = trainability(given, output)
    torch.manual_seed(7)
    signs = torch.randint(0, 2, output.shape).double() * 2 - 1
    (back,) = torch.autograd.grad(output, given, signs)
    total = np.zeros((2 * stride**2, 5))
    for image, row, column in np.ndindex(3, 4 // stride, 4 // stride):
        rows, columns = (slice(stride * at, stride * (at + 1)) for at in (row, column))
        total += np.outer(back[image, :, rows, columns], signs[image, :, row, column])
    norm = np.linalg.svd(total / (3 * (4 // stride) ** 2))[1].max()
    assert found == pytest.approx(2 - norm - 1 / (norm + 1e-6), rel=1e-9)


@pytest.mark.parametrize("side", [8, 7])
def test_trainability_of_a_block_that_halves_the_resolution_sees_each_of_its_pixels(side):
    """Average pooling gives a quarter to each of four pixels: σ = ¼ √4."""
    torch.manual_seed(0)
    given = torch.randn(400, 2, side, side, dtype=torch.float64, requires_grad=True)
    found = trainability(given, nn.functional.avg_pool2d(given, 2, ceil_mode=True))
    if side == 8:
        assert found == pytest.approx(2 - 0.5 - 2, abs=0.05)
    assert math.isfinite(found)


def test_an_identity_and_a_block_that_is_cut_off_cannot_be_trained():
    given = torch.randn(4, 2, 4, 4, requires_grad=True)
    assert trainability(given, given * 1) == -math.inf
    assert trainability(given, torch.randn(4, 2, 4, 4, requires_grad=True) * 1) == -math.inf


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=30), st.integers(-25, 25))
def test_shares_are_mean_ranks_of_what_is_in_the_reference_and_ascend_between(others, value):
    others = np.array(others, float)
    ranks = stats.rankdata(others) / (len(others) + 1)
    for other, rank in zip(others, ranks, strict=True):
        assert share(other, others) == pytest.approx(rank)
    found = share(float(value), others)
    assert 0 < found < 1
    assert share(value - 0.5, others) <= found <= share(value + 0.5, others)


def test_the_score_adds_the_logs_of_the_shares_of_four_indicators():
    made = scorer("az-nas", images=8, reference=5)
    arch = (3, 1, 2, 3, 4, 3)
    own, reference = made.components(arch), made.reference()
    assert reference.shape == (5, 4)
    expected = sum(math.log(share(v, c)) for v, c in zip(own, reference.T, strict=True))
    assert made.score([arch]).item() == pytest.approx(expected)
    assert own[3] == made.space.cost(arch, IMAGE).madds


def indicated(made, repeat):
    """What a repetition finds of one architecture."""
    with made.drawn(repeat):
        return made.indicators(made.network((3, 1, 2, 3, 4, 3), repeat), made.batch(repeat)[0])


def test_indicators_are_the_sum_the_least_step_and_the_mean_over_blocks():
    """Entropies of three blocks, and two passages between these."""
    made = scorer("az-nas", images=8, reference=1)
    with made.drawn(0):
        outputs = block_outputs(made.network((3, 1, 2, 3, 4, 3), 0), made.batch(0)[0])
        one, two, three = (expressivity(output.detach()) for output in outputs)
        passed = [trainability(*pair) for pair in (outputs[:2], outputs[1:])]
    expected = one + two + three, min(two - one, three - two), sum(passed) / 2
    assert indicated(made, 0) == pytest.approx(expected, rel=1e-6)
    assert abs(passed[0] - passed[1]) > 1e-4 and abs(three - 2 * two + one) > 0.01


def test_components_are_means_over_initialisations(monkeypatch):
    """And multiply-adds of the network that stands alone."""
    made = scorer("az-nas", images=8, reference=1, repeats=2)
    each = [indicated(made, repeat) for repeat in range(2)]
    assert not np.isclose(*each).any()
    monkeypatch.setattr(made, "cost_of", lambda arch: Cost(5, 77))
    components = made.components((3, 1, 2, 3, 4, 3))
    assert components[3] == 77
    np.testing.assert_allclose(components[:3], np.mean(each, axis=0), rtol=1e-6)


def test_the_reference_is_the_first_valid_draws_whatever_the_seed():
    rng, valid = np.random.default_rng(0), SPACES["nb201"]("compact").is_valid
    drawn = [tuple(rng.integers(5) for _ in range(6)) for _ in range(700)]
    for seed in (0, 3):
        made = scorer("az-nas", seed=seed, images=8, reference=600)
        assert made._drawn() == list(filter(valid, drawn))[:600]
    assert not all(map(valid, drawn[:600]))


def test_the_reference_goes_into_the_state_and_is_not_worked_out_again(monkeypatch):
    made = scorer("az-nas", images=8, reference=5)
    arch = (3, 1, 2, 3, 4, 3)
    score, state = made.score([arch]).item(), made.state_dict()
    again = scorer("az-nas", images=8, reference=5)
    again.load_state_dict(state)
    monkeypatch.setattr(again, "_drawn", lambda: pytest.fail("drawn again"))
    assert again.score([arch]).item() == score
    fresh = scorer("az-nas", images=8, reference=5)
    fresh.load_state_dict(fresh.state_dict())
    assert fresh.score([arch]).item() == score


@pytest.mark.parametrize(("space", "blocks"), [("nb201", 2), ("nb101", None), ("macro", None)])
def test_blocks_are_cells_or_else_stages_and_end_with_the_last_stage(space, blocks):
    made = SPACES[space]("compact")
    rng = np.random.default_rng(0)
    arch = next(a for a in (made.sample(rng) for _ in range(99)) if made.is_valid(a))
    torch.manual_seed(0)
    network = made.standalone(arch, IMAGE).train()
    images = torch.randn(4, 1, 12, 12)
    outputs = block_outputs(network, images)
    stages, _ = network.features(images)
    assert len(outputs) > len(stages) if blocks is None else len(outputs) == blocks + 1
    assert torch.equal(outputs[0], network.begin(images)[-1])
    assert torch.equal(outputs[-1], stages[-1])
    hooks = [module for module in network.modules() if module._forward_hooks]
    assert not hooks
