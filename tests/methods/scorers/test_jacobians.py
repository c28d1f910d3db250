"""jacov and EPE-NAS against Jacobians image by image and their formulas."""

import math

import numpy as np
import pytest
import torch
from scorers import IMAGE, drawn, measured, small
from torch import nn

from searchspaces.base import ImageSpec


def rows(network, images):
    """The gradient of each image's own logits; without BN images do not meet."""
    found = []
    for image in images:
        image = image[None].clone().requires_grad_()
        network(image).sum().backward()
        found.append(image.grad.flatten().numpy())
    return np.array(found)


def pearson(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a @ b) / math.sqrt((a @ a) * (b @ b))


def matrix(found):
    return np.array([[pearson(a, b) for b in found] for a in found])


@pytest.mark.parametrize("seed", range(3))
def test_jacov_is_the_sum_over_eigenvalues_of_the_correlations(seed):
    network, (images, _) = small(seed), drawn(5, 2, 4, 4, seed=seed)
    values = np.linalg.eigvals(matrix(rows(network, images))).real
    expected = -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)
    assert measured("jacov", network, images) == pytest.approx(expected, rel=1e-5)


def test_jacov_is_highest_where_gradients_are_uncorrelated_and_lowest_where_they_are_equal():
    """Of n images: -n (log(1 + k) + 1 / (1 + k)), and that of eigenvalues n, 0, 0 …"""
    images, k = drawn(4, 2, 4, 4)[0], 1e-5
    same = nn.Sequential(nn.Flatten(), nn.Linear(32, 3)).double()
    lowest = -(math.log(4 + k) + 1 / (4 + k) + 3 * (math.log(k) + 1 / k))
    assert measured("jacov", same, images) == pytest.approx(lowest, rel=1e-6)
    assert lowest < measured("jacov", small(), images) < -4 * (math.log(1 + k) + 1 / (1 + k))


def test_jacov_of_gradients_that_are_zero_is_not_a_number():
    network = nn.Sequential(nn.Flatten(), nn.Linear(32, 3)).double()
    nn.init.zeros_(network[1].weight)
    assert math.isnan(measured("jacov", network, drawn(4, 2, 4, 4)[0]))


@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 1, 2], [0] * 6, [0, 1, 2, 3, 4, 5]])
def test_epe_adds_the_log_correlations_within_classes(labels, classes):
    network, (images, _) = small(), drawn(6, 2, 4, 4)
    found, labels = rows(network, images), np.array(labels)
    expected = 0.0
    for label in sorted(set(labels)):
        within = matrix(found[labels == label])
        expected += abs(np.log(np.abs(within) + 1e-5).sum())
    few = ImageSpec(IMAGE.channels, IMAGE.size, classes)
    scored = measured("epe", network, images, torch.tensor(labels), image=few)
    assert scored == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("classes", [101, 120])
def test_epe_of_many_classes_compares_them_with_one_another(classes):
    network, (images, _) = small(), drawn(6, 2, 4, 4)
    found, labels = rows(network, images), np.array([0, 0, 7, 7, 7, 101])
    sums = []
    for label in (0, 7, 101):
        within = matrix(found[labels == label])
        sums.append(np.log(np.abs(within) + 1e-5).sum() / len(within))
    expected = sum(abs(a - b) for a in sums for b in sums) / 3
    many = ImageSpec(IMAGE.channels, IMAGE.size, classes)
    scored = measured("epe", network, images, torch.tensor(labels), image=many)
    assert scored == pytest.approx(expected, rel=1e-6)
