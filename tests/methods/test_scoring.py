"""BN policies at scoring time."""

import math

import pytest
import torch
from torch import nn

from methods.options import Scoring
from methods.scoring import accuracy, recalibrate, score


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


def used():
    """The network after some training, whose statistics are not those of a fresh one."""
    net = network()
    net[0].running_mean.fill_(99)
    net[0].running_var.fill_(77)
    net[0].num_batches_tracked.fill_(13)
    return net


def statistics(net):
    return {name: t.clone() for name, t in net.named_buffers() if "running" in name}


@pytest.mark.parametrize("images", [200, 150, 64])
@pytest.mark.parametrize("batch", [0, 200, 50, 37, 63])
def test_recalibrated_statistics_are_those_of_all_images(images, batch):
    """Whatever the batches: here 64 images in batches of 63 are not one half each."""
    net, data = used(), Data()
    recalibrate(net, data, images, batch)
    seen = data.train[:images]
    torch.testing.assert_close(net[0].running_mean[0], seen.mean())
    torch.testing.assert_close(net[0].running_var[0], seen.var())
    assert net[0].momentum == 0.1


@pytest.mark.parametrize(
    ("images", "batch", "sizes"),
    [(1024, 250, [200]), (1024, 120, [100, 100]), (201, 67, [67, 67, 66]), (150, 0, [150])],
)
def test_images_go_in_as_few_equal_batches_as_may_be_of_those_there_are(images, batch, sizes):
    seen = []
    recalibrate(network(), Data(), images, batch, lambda x: seen.append(len(x)))
    assert seen == sizes


def deep():
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 2, 2),
        nn.BatchNorm2d(2),
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2, 2))


@pytest.mark.parametrize("size", [200, 60, 41, 7])
def test_what_is_scored_at_a_time_does_not_move_the_statistics(size):
    """In every BN, to the bit: the calibration images go through the network at once."""
    nets = deep(), deep()
    accuracy(nets[0], Data(), Scoring(calibration_images=150, batch_size=size))
    accuracy(nets[1], Data(), Scoring(calibration_images=150, batch_size=1000))
    first, second = map(statistics, nets)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("batch", [100, 64, 150])
def test_calibration_in_batches_pools_what_each_norm_sees(batch):
    """Against sums by hand over equal batches, the inputs of the second BN included."""
    net, data = deep(), Data()
    recalibrate(net, data, 150, batch)
    parts = 150 // -(-150 // batch)
    inputs = []
    with torch.no_grad():
        for x in data.train[:150].split(parts):
            x = net[0](x)
            centred = x - x.mean((0, 2, 3), keepdim=True)
            scaled = centred / (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
            scaled = scaled * net[1].weight.view(1, -1, 1, 1) + net[1].bias.view(1, -1, 1, 1)
            inputs.append(net[3](scaled.relu()))
    seen = torch.cat(inputs)
    torch.testing.assert_close(net[4].running_mean, seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net[4].running_var, seen.var((0, 2, 3)), rtol=1e-4, atol=1e-5)


def test_a_score_calibrates_in_the_batches_of_its_options():
    nets = deep(), deep(), deep()
    accuracy(nets[0], Data(), Scoring(calibration_images=150, calibration_batch=64))
    recalibrate(nets[1], Data(), 150, 64)
    recalibrate(nets[2], Data(), 150)
    first, second, whole = map(statistics, nets)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.allclose(first["4.running_var"], whole["4.running_var"], rtol=1e-4)


def test_a_norm_that_nothing_reaches_keeps_neutral_statistics():
    net = nn.ModuleList([network(), nn.BatchNorm2d(1)])
    net.forward = lambda x: net[0](x)
    for batch in (0, 50):
        recalibrate(net, Data(), 100, batch)
        assert net[1].running_mean.item() == 0 and net[1].running_var.item() == 1


def counted(logits, labels):
    """Percent of rows whose largest entry is that of the label."""
    right = [max(range(2), key=row.__getitem__) == y for row, y in zip(logits, labels, strict=True)]
    return 100 * sum(right) / len(right)


def normalised(images, mean, variance):
    """What the network makes of images under these statistics."""
    net = network()
    with torch.no_grad():
        return net[2](((images - mean) / (variance + net[0].eps).sqrt()).flatten(1)).tolist()


@pytest.mark.parametrize("part", ["val", "train"])
def test_accuracy_is_counted_by_hand(part):
    """Of the part asked for, under the statistics of the training images."""
    data = Data()
    data.train, data.val = data.train + 3, data.val - 1
    images, labels = (data.val, data.labels) if part == "val" else (data.train, torch.zeros(200))
    scored = accuracy(used(), data, Scoring(calibration_images=100, batch_size=100), part)
    known = data.train[:100]
    expected = counted(normalised(images, known.mean(), known.var()), labels.long().tolist())
    assert 10 < scored < 90
    assert scored == pytest.approx(expected)


@pytest.mark.parametrize("by", ["accuracy", "loss"])
def test_in_bfloat16_scores_are_near_and_weights_stay_as_they_are(by):
    seen, nets = [], {precision: deep() for precision in ("float32", "bfloat16")}
    before = {name: weight.clone() for name, weight in nets["bfloat16"].named_parameters()}
    nets["bfloat16"][0].register_forward_hook(lambda net, given, made: seen.append(made.dtype))
    scores = {
        precision: score(net, Data(), Scoring(by=by, batch_size=30, precision=precision))
        for precision, net in nets.items()
    }
    assert seen == [torch.bfloat16] * 3  # recalibrated, and 60 images scored
    assert scores["bfloat16"] == pytest.approx(scores["float32"], rel=0.05)
    assert by == "accuracy" or scores["bfloat16"] != scores["float32"]
    for name, weight in nets["bfloat16"].named_parameters():
        assert torch.equal(weight, before[name])
    for own, other in zip(*(net.buffers() for net in nets.values()), strict=True):
        assert own.dtype == other.dtype
        torch.testing.assert_close(own, other, rtol=0.02, atol=0.02)


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
    same = pytest.approx(accuracy(network(), shifted, scoring), abs=100 / 60 + 1e-6)  # an image
    assert accuracy(net, data, scoring) == same
    logits = [
        row
        for batch in data.val.split(7)
        for row in normalised(batch, batch.mean(), batch.var(correction=0))
    ]
    scored = accuracy(used(), data, Scoring(bn="batchstat", batch_size=7))
    assert scored == pytest.approx(counted(logits, data.labels.tolist()))


@pytest.mark.parametrize("part", ["val", "train"])
@pytest.mark.parametrize("images", [0, 25])
def test_the_loss_is_minus_the_mean_cross_entropy_by_hand(part, images):
    """Whatever the batches, under the statistics of the training images."""
    data = Data()
    seen, labels = (data.val, data.labels) if part == "val" else (data.train, torch.zeros(200))
    seen, labels = seen[: images or None], labels[: images or None].long().tolist()
    known, losses = data.train[:100], []
    for row, label in zip(normalised(seen, known.mean(), known.var()), labels, strict=True):
        losses.append(math.log(sum(map(math.exp, row))) - row[label])
    scoring = Scoring(calibration_images=100, batch_size=40, images=images, by="loss")
    scored = score(used(), data, scoring, part)
    assert scored == pytest.approx(-sum(losses) / len(losses), rel=1e-5)
    assert scored < -0.01


def test_an_accuracy_is_one_whatever_scores_are():
    by = {by: Scoring(bn="running", batch_size=60, by=by) for by in ("accuracy", "loss")}
    found = {name: accuracy(network(), Data(), scoring) for name, scoring in by.items()}
    assert found["loss"] == found["accuracy"] == score(network(), Data(), by["accuracy"]) > 0
    assert score(network(), Data(), by["loss"]) < 0


@pytest.mark.parametrize("images", [7, 20, 60, 1000])
def test_only_the_first_images_are_scored(images):
    net, data = network(), Data()
    scored = accuracy(net, data, Scoring(bn="running", images=images, batch_size=20))
    with torch.no_grad():
        right = net.eval()(data.val).argmax(1) == data.labels
    assert scored == pytest.approx(100 * right[:images].float().mean().item())
