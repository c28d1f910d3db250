"""What a recipe adds to a stand-alone training: heads, drops, cutout, averages, and their limits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import PlantedSpace
from torch import nn
from torch.nn import functional

from harness.standalone.images import first, joined
from harness.standalone.recipe import TrainingRecipe
from harness.standalone.training import (
    StandaloneTraining,
    build_network,
    make_optimizer,
    top_accuracies,
    with_cutout,
)
from harness.tasks import load_task
from harness.tasks.base import Split
from harness.tasks.photos import Photos, RandomResizedCrop
from searchspaces.darts.space import DARTS
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = DARTS("compact", width=4)
ARCH = SPACE.sample(np.random.default_rng(1))
PLAIN = TrainingRecipe(epochs=2, batch_size=32, lr=0.05)


@pytest.fixture(scope="module")
def task():
    whole = load_task("digits")
    parts = {part: first(getattr(whole, part), 96) for part in ("train", "val", "test")}
    return replace(whole, **parts)


def trained(task, steps=4, disturb=False, **changes):
    training = StandaloneTraining(SPACE, ARCH, task, replace(PLAIN, **changes), 0)
    losses = []
    for step in range(steps):
        if disturb:
            torch.manual_seed(1000 + step)
        losses.append(training.step(step).item())
    return training, losses


@pytest.fixture(scope="module")
def plain(task):
    return trained(task)[1]


@pytest.mark.parametrize(
    ("option", "value", "from_step"),
    [
        ("auxiliary", 0.4, 0),
        ("dropout", 0.5, 0),
        ("drop_path", 0.9, 3),  # nothing in the first epoch
        ("label_smoothing", 0.1, 0),
        ("cutout", 6, 0),
        ("clip", 0.01, 1),
        ("optimizer", "rmsprop", 1),
        ("decay_all", False, 1),  # BN begins with weights of one
        ("warmup", 1.0, 1),
    ],
)
def test_every_part_counts_from_where_it_should(task, plain, option, value, from_step):
    _, losses = trained(task, **{option: value, "weight_decay": 0.05})
    base = trained(task, weight_decay=0.05)[1]
    assert losses[:from_step] == base[:from_step]
    assert losses[from_step:] != base[from_step:]
    assert np.isfinite(losses).all()
    again = trained(task, disturb=True, **{option: value, "weight_decay": 0.05})[1]
    assert again == losses  # whatever else draws random numbers


def test_the_auxiliary_loss_is_added_with_its_weight(task):
    _, losses = trained(task, 1, auxiliary=0.4)
    torch.manual_seed(0)
    network = SPACE.standalone(ARCH, task.image, auxiliary=True).train()
    x, y = task.train_batch(0, 32, 0)
    main, auxiliary = (functional.cross_entropy(z, y) for z in network.logits_and_auxiliary(x))
    assert losses[0] == pytest.approx((main + 0.4 * auxiliary).item(), rel=1e-6)


def test_what_drops_in_training_does_not_in_measuring(task):
    training, _ = trained(task, dropout=0.5, drop_path=0.5)
    assert training.measure("val") == training.measure("val")
    assert training.network.training  # and goes on training


def test_the_average_is_measured_and_the_weights_are_trained_on(task, plain):
    training, losses = trained(task, ema=0.9)
    assert losses == plain
    assert training.network is training.average.network
    weights = dict(training._network.named_parameters())
    assert any(not torch.equal(w, weights[n]) for n, w in training.network.named_parameters())


def test_biases_and_bn_can_be_left_unpenalised():
    network = SPACE.standalone(ARCH, load_task("digits").image)
    optimizer = make_optimizer(network, replace(PLAIN, decay_all=False, weight_decay=0.1))
    decayed, free = optimizer.param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert all(p.dim() > 1 for p in decayed["params"])
    assert all(p.dim() == 1 for p in free["params"])
    assert len(decayed["params"]) + len(free["params"]) == len(list(network.parameters()))


def test_top_five_are_counted(task):
    class Known(nn.Module):
        """The right class in place ``rank`` of each image's guesses."""

        def forward(self, x):
            return scores[: len(x)]

    rng = np.random.default_rng(0)
    scores = torch.from_numpy(rng.random((96, 10)))
    ranks = (scores > scores.gather(1, task.val.labels[:, None])).sum(1)
    found = top_accuracies(Known(), task, "val")
    assert found["top1"] == pytest.approx(100 * (ranks < 1).double().mean().item())
    assert found["top5"] == pytest.approx(100 * (ranks < 5).double().mean().item())
    few = replace(task, image=replace(task.image, classes=5))
    assert top_accuracies(Known(), few, "val")["top5"] is None


# Images -------------------------------------------------------------------------------------------


def test_parts_are_joined_in_memory_and_as_files(task):
    both = joined(task.train, task.val)
    assert len(both) == 192
    assert torch.equal(both.images[96:], task.val.images)
    assert torch.equal(both.labels[:96], task.train.labels)
    photos = [Split(Photos("root", np.array([name])), torch.tensor([0])) for name in (b"a", b"b")]
    assert joined(*photos).images.paths.tolist() == [b"a", b"b"]
    assert len(first(joined(*photos), 1)) == 1


def test_cutout_needs_room_and_images_in_memory(task):
    assert with_cutout(task, 0) is task
    assert with_cutout(task, 6).augmentation.cutout == 6
    with pytest.raises(UsageError, match="--train.cutout 12 can cover images of 12x12"):
        with_cutout(task, 12)
    with pytest.raises(UsageError, match="cannot be cut out"):
        with_cutout(replace(task, augmentation=RandomResizedCrop()), 16)


# What a space does not have -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"auxiliary": 0.4}, "of nb201 have no auxiliary head; use --train.auxiliary 0"),
        ({"drop_path": 0.2}, "of nb201 drop no paths; use --train.drop-path 0"),
    ],
)
def test_what_the_networks_of_a_space_lack_is_refused(task, changes, message):
    space = NASBench201("compact", width=2)
    with pytest.raises(UsageError, match=message):
        build_network(space, (1,) * 6, task.image, replace(PLAIN, **changes))


def test_dropout_needs_a_classifier(task):
    space = PlantedSpace()
    arch = space.sample(np.random.default_rng(0))
    with pytest.raises(UsageError, match="no classifier to put dropout in front of"):
        build_network(space, arch, task.image, replace(PLAIN, dropout=0.2))
