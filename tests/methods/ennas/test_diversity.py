"""The table of how much operators differ."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from methods.ennas.diversity import balanced, dissimilarity, diversity_tables
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES
from searchspaces.supernet import Supernet

IMAGE = ImageSpec(1, 12, 10)


class TwoCells(Supernet):
    """Two cells of one site: identity, minus, none, and a BN of its own for each cell."""

    stages_number = 2

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(2), nn.BatchNorm2d(2)])
        self.inputs = []

    def begin(self, x):
        return (x,)

    def stage(self, index, state, path=None, hook=None):
        self.inputs.append(state[0])
        operators = [lambda x: x, torch.neg, torch.zeros_like, self.norms[index]]
        return (hook(0, operators, state[0]),)

    def finish(self, state):
        return state[0].flatten(1)

    def subnet(self, arch):
        return self


def images(count=8, channels=2, size=3):
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0))


def by_hand(outputs):
    """1 - mean cosine, image by image."""
    table = np.zeros((len(outputs), len(outputs)))
    for a, first in enumerate(outputs):
        for b, second in enumerate(outputs):
            cosines = []
            for u, v in zip(first, second, strict=True):
                u, v = u.flatten().double().numpy(), v.flatten().double().numpy()
                lengths = np.linalg.norm(u) * np.linalg.norm(v)
                cosines.append(u @ v / lengths if lengths else 0.0)
            table[a, b] = 0 if a == b else 1 - np.mean(cosines)
    return table


def test_dissimilarity_is_one_minus_the_mean_cosine():
    x = images()
    outputs = torch.stack([x, -x, torch.zeros_like(x), x.relu(), 3 * x])
    table = dissimilarity(outputs)
    np.testing.assert_allclose(table, by_hand(outputs), atol=1e-6)
    assert table[0, 1] == pytest.approx(2, abs=1e-6)
    assert table[0, 4] == pytest.approx(0, abs=1e-6)
    assert (table[2] == torch.tensor([1, 1, 0, 1, 1])).all()
    assert torch.equal(table, table.T)


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_assignments_are_balanced(count, operators, seed):
    counts = np.bincount(
        balanced(count, operators, np.random.default_rng(seed)), minlength=operators
    )
    assert counts.sum() == count
    assert len(counts) == operators
    assert counts.max() - counts.min() <= 1


def test_what_is_left_over_falls_to_every_operator_alike():
    """Of 5 images and 3 operators one has an image less; each in a third of 600 assignments."""
    drawn = [balanced(5, 3, np.random.default_rng(seed)) for seed in range(600)]
    fewest = [np.bincount(assigned, minlength=3).argmin() for assigned in drawn]
    assert np.bincount(fewest, minlength=3) == pytest.approx(
        [200] * 3, abs=5 * (600 * 2 / 9) ** 0.5
    )


def test_tables_average_over_cells_and_pass_on_assigned_outputs():
    torch.manual_seed(0)
    network, x = TwoCells(), images()
    (table,) = diversity_tables(network, x, (0,), np.random.default_rng(0)).values()
    norm, cells = nn.BatchNorm2d(2), []
    for u in network.inputs:
        outputs = torch.stack([u, -u, torch.zeros_like(u), norm(u).detach()])
        cells.append(by_hand(outputs))
    np.testing.assert_allclose(table, np.mean(cells, axis=0), atol=1e-6)
    rng = np.random.default_rng(0)
    assigned = balanced(len(x), 4, rng)
    first = torch.stack([x, -x, torch.zeros_like(x), norm(x).detach()])
    merged = torch.stack([first[op, i] for i, op in enumerate(assigned)])
    torch.testing.assert_close(network.inputs[1], merged)


def test_other_assignments_in_each_cell():
    network = TwoCells()
    network.norms[1] = network.norms[0]
    ones = torch.ones(64, 2, 1, 1)
    diversity_tables(network, ones, (0,), np.random.default_rng(0))
    values = torch.cat([network.inputs[1].flatten(1)[:, :1], ones.flatten(1)[:, :1]], 1)
    assert len({tuple(v) for v in values.tolist()}) == 3  # identity, minus, and zero twice


@pytest.mark.parametrize("training", [True, False])
def test_nothing_of_the_network_changes(training):
    space = SPACES["nb201"]("compact")
    torch.manual_seed(0)
    network = space.supernet(IMAGE).train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    tables = diversity_tables(
        network, images(10, 1, 12), space.sample(np.random.default_rng(1)), np.random.default_rng(0)
    )
    assert all(torch.equal(tensor, before[n]) for n, tensor in network.state_dict().items())
    assert network.training is training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert list(tables) == list(range(len(space.sites)))
    for site, table in tables.items():
        assert table.shape == (5, 5)
        none = [0 if other == 0 else 1 for other in range(5)]
        np.testing.assert_allclose(table[0], none, atol=1e-12)
        if site == 0:
            assert (table[~np.eye(5, dtype=bool)] > 1e-3).all()


def test_batch_statistics_are_used():
    space = SPACES["nb201"]("compact")
    torch.manual_seed(0)
    network = space.supernet(IMAGE).eval()

    def tables():
        wiring = (0,) * len(space.sites)
        return diversity_tables(network, images(10, 1, 12), wiring, np.random.default_rng(0))

    before = tables()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean += 5
            module.running_var *= 9
    after = tables()
    assert all(np.array_equal(before[site], after[site]) for site in before)


def test_only_sites_in_the_wiring_are_met():
    space = SPACES["nb101"]("compact")
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = space.supernet(IMAGE)
    wiring = next(
        arch
        for arch in (space.sample(np.random.default_rng(seed)) for seed in range(10_000))
        if len(space.cell(arch).vertices) < 5
    )
    tables = diversity_tables(network, images(6, 1, 12), wiring, rng)
    assert sorted(tables) == [vertex.slot - 1 for vertex in space.cell(wiring).vertices]
    assert all(table.shape == (3, 3) for table in tables.values())


def test_activations_that_overflowed_are_refused():
    network = TwoCells()
    with pytest.raises(UsageError, match="not finite"):
        diversity_tables(network, images() * torch.nan, (0,), np.random.default_rng(0))
