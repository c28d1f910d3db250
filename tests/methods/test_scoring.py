"""BN policies at scoring time."""

import pytest
import torch
from torch import nn

from methods.options import Scoring
from methods.scoring import accuracy, recalibrate


class Data:
    """200 training and 60 validation images of one channel."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.train = torch.randn(200, 1, 4, 4, generator=generator) * 3 + 2
        self.val = torch.randn(60, 1, 4, 4, generator=generator) * 3 + 2
        self.labels = (self.val.mean((1, 2, 3)) > 2).long()

    def batches(self, part, batch_size):
        images = getattr(self, part)
        labels = self.labels if part == "val" else torch.zeros(len(images), dtype=torch.long)
        yield from zip(images.split(batch_size), labels.split(batch_size), strict=True)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(16, 2))


@pytest.mark.parametrize("images", [200, 150, 64])
def test_recalibration_is_the_mean_over_equal_batches(images):
    net, data = network(), Data()
    net[0].running_mean.fill_(99)
    recalibrate(net, data, images, batch_size=50)
    batches = data.train[:images].split(50)
    expected = torch.stack([batch.mean() for batch in batches]).mean()
    variance = torch.stack([batch.var() for batch in batches]).mean()
    torch.testing.assert_close(net[0].running_mean[0], expected)
    torch.testing.assert_close(net[0].running_var[0], variance)
    assert net[0].momentum == 0.1


def test_validation_images_never_enter_the_statistics():
    net, data = network(), Data()
    other = Data()
    other.val = other.val * 100
    first = {k: v.clone() for k, v in _after(net, data).items()}
    assert all(torch.equal(v, first[k]) for k, v in _after(network(), other).items())


def _after(net, data):
    accuracy(net, data, Scoring(calibration_images=100, batch_size=50))
    return net.state_dict()


def test_running_uses_and_keeps_the_buffers():
    net, data = network(), Data()
    net[0].running_mean.fill_(2.0)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    scored = accuracy(net, data, Scoring(bn="running", batch_size=60))
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    with torch.no_grad():
        expected = 100 * (net.eval()(data.val).argmax(1) == data.labels).float().mean()
    assert scored == pytest.approx(expected.item())


def test_batchstat_normalises_with_the_batch_it_scores():
    net, data = network(), Data()
    shifted = Data()
    shifted.val = shifted.val + 1000  # the batch's own statistics take it away
    scoring = Scoring(bn="batchstat", batch_size=60)
    assert accuracy(net, data, scoring) == pytest.approx(accuracy(network(), shifted, scoring), 2)
    assert accuracy(network(), data, Scoring(bn="batchstat", batch_size=7)) >= 0


@pytest.mark.parametrize("images", [7, 20, 60, 1000])
def test_only_the_first_images_are_scored(images):
    net, data = network(), Data()
    scored = accuracy(net, data, Scoring(bn="running", images=images, batch_size=20))
    with torch.no_grad():
        right = net.eval()(data.val).argmax(1) == data.labels
    assert scored == pytest.approx(100 * right[:images].float().mean().item())
