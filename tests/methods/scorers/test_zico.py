"""ZiCo against means and deviations of gradients by hand."""

import math

import numpy as np
import pytest
import torch
from scorers import drawn, measured, scorer, small
from torch.nn import functional


@pytest.mark.parametrize("batches", [2, 3])
def test_it_is_the_log_of_summed_means_over_deviations_layer_by_layer(batches):
    network, (images, labels) = small(), drawn(4 * batches, 2, 4, 4)
    found = {0: [], 4: []}
    for part in range(batches):
        own = slice(4 * part, 4 * part + 4)
        network.zero_grad()
        functional.cross_entropy(network(images[own]), labels[own]).backward()
        for layer in found:
            found[layer].append(network[layer].weight.grad.numpy().ravel().copy())
    expected = 0.0
    for values in found.values():
        ratios = [
            np.mean([abs(v) for v in column]) / np.std(column)
            for column in np.array(values).T
            if np.std(column) > 0
        ]
        expected += math.log(sum(ratios))
    options = {"images": 4, "batches": batches}
    assert measured("zico", network, images, labels, **options) == pytest.approx(expected, rel=1e-9)


def test_weights_whose_gradients_do_not_vary_are_left_out_and_so_are_layers_of_these():
    images, labels = drawn(4, 2, 4, 4)
    images, labels = torch.cat([images, images]), torch.cat([labels, labels])
    assert measured("zico", small(), images, labels, images=4) == 0  # no layer is left
    dead = small()
    with torch.no_grad():
        dead[0].weight[1] = 0  # of a channel of zeros no weight of its own has a gradient
        dead[4].weight[:, 1] = 0
    images, labels = drawn(8, 2, 4, 4)
    assert math.isfinite(measured("zico", dead, images, labels, images=4))


def test_two_different_batches_are_drawn():
    made = scorer("zico", images=16)
    images, labels = made.batch(0)
    assert len(images) == len(labels) == 32
    assert not torch.equal(images[:16], images[16:])
