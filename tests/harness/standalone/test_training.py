"""What a recipe adds to a stand-alone training: heads, drops, cutout, averages, and their limits."""

import math
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from optimisers import penalties, steps_taken
from planted import PlantedSpace
from torch import nn
from torch.nn import functional

from harness.standalone.images import first, joined, with_cutout
from harness.tasks import load_task
from harness.tasks.base import Split
from harness.tasks.photos import Photos, RandomResizedCrop
from methods.standalone.optimizer import learning_rate
from methods.standalone.recipe import TrainingRecipe
from methods.standalone.training import (
    StandaloneTraining,
    build_network,
    make_optimizer,
    top_accuracies,
)
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
    data = with_cutout(task, changes.get("cutout", 0))
    training = StandaloneTraining(SPACE, ARCH, data, replace(PLAIN, **changes), 0)
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
    assert all(a != b for a, b in zip(losses[from_step:], base[from_step:], strict=True))
    assert np.isfinite(losses).all()
    again = trained(task, disturb=True, **{option: value, "weight_decay": 0.05})[1]
    assert again == losses  # whatever else draws random numbers


def test_what_drops_is_drawn_anew_by_every_step_and_seed(task):
    space, recipe = NASBench201("compact", width=2), replace(PLAIN, dropout=0.5)

    def drawn(seed, steps):
        training = StandaloneTraining(space, (1,) * 6, task, recipe, seed)
        for step in steps:
            training.step(step)
            yield torch.initial_seed()  # what the generator was set to for the step

    first, other = ([*drawn(seed, range(3))] for seed in (0, 1))
    assert len({*first, *other}) == 6
    assert [*drawn(0, (2,))] == first[2:]


def test_dropout_takes_its_share_in_front_of_the_classifier_and_makes_up_for_it(task):
    space, recipe, seen = NASBench201("compact", width=2), replace(PLAIN, dropout=0.3), []
    classifier = build_network(space, (1,) * 6, task.image, recipe).classifier
    classifier.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    x = torch.ones(500, classifier.in_features)
    classifier.train()(x)
    classifier.eval()(x)
    assert torch.equal(seen[1], x)
    assert seen[0].unique().tolist() == [0, pytest.approx(1 / 0.7)]
    assert (seen[0] == 0).double().mean().item() == pytest.approx(0.3, abs=0.03)


def test_labels_are_smoothed_and_gradients_clipped_by_their_norm(task):
    space, recipe = NASBench201("compact", width=2), replace(PLAIN, label_smoothing=0.2, clip=0.01)
    training = StandaloneTraining(space, (1,) * 6, task, recipe, 0)
    x, y = task.train_batch(0, 32, 0)
    logits = deepcopy(training.network)(x)
    smoothed = 0.8 * functional.one_hot(y, 10) + 0.02
    expected = -(smoothed * logits.log_softmax(1)).sum(1).mean()
    assert training.step(0).item() == pytest.approx(expected.item(), rel=1e-5)
    gradients = [tensor.grad.flatten() for tensor in training.network.parameters()]
    assert torch.cat(gradients).norm().item() == pytest.approx(0.01, rel=1e-3)


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
    torch.manual_seed(0)
    own = StandaloneTraining(SPACE, ARCH, task, PLAIN, 0)
    average = {name: value.clone() for name, value in own._network.named_parameters()}
    for step in range(4):
        own.step(step)
        kept = min(0.9, (1 + step) / (10 + step))
        for name, value in own._network.named_parameters():
            average[name] = kept * average[name] + (1 - kept) * value.detach()
    for name, value in training.network.named_parameters():
        torch.testing.assert_close(value, average[name].detach())


def rate(schedule, every, warmup, step):
    """Of 12 steps in 4 epochs: from 0.2, the first ``warmup`` epochs rising from 0.01."""
    at = step if every == "step" else step // 3 * 3
    if at < 3 * warmup:
        return 0.01 + (0.2 - 0.01) * at / (3 * warmup)
    return {
        "cosine": 0.2 * (1 + math.cos(math.pi * at / 12)) / 2,
        "linear": 0.2 * (12 - at) / 12,
        "exponential": 0.2 * 0.5 ** (at // 6),
    }[schedule]


@pytest.mark.parametrize("warmup", [0.0, 2.0])
@pytest.mark.parametrize(
    "every", TrainingRecipe.__dataclass_fields__["lr_every"].metadata["choices"]
)
@pytest.mark.parametrize(
    "schedule", TrainingRecipe.__dataclass_fields__["schedule"].metadata["choices"]
)
def test_the_rate_of_the_first_the_middle_and_the_last_step(task, schedule, every, warmup):
    recipe = replace(
        PLAIN, epochs=4, lr=0.2, schedule=schedule, lr_every=every, decay=0.5, decay_epochs=2.0
    )
    recipe = replace(recipe, warmup=warmup, warmup_lr=0.01)
    space = NASBench201("compact", width=2)
    training = StandaloneTraining(space, (1,) * 6, task, recipe, 0)
    steps = (0, 1, 4, 6, 7, 11)
    with steps_taken() as taken:
        for step in steps:
            training.step(step)
    expected = [rate(schedule, every, warmup, step) for step in steps]
    assert [step.rate for step in taken] == pytest.approx(expected)


@pytest.mark.parametrize("epochs", ["0.1", "1.1", "2.4"])
def test_a_rate_decays_at_the_end_of_an_interval_that_has_no_whole_steps(epochs):
    """In fractions: 132 steps of 5 an epoch are 11 times 2.4 epochs."""
    recipe = replace(
        PLAIN, epochs=60, lr=1.0, schedule="exponential", decay=0.5, decay_epochs=float(epochs)
    )
    for step in range(300):
        decays = math.floor(Fraction(step, 5) / Fraction(epochs))
        assert learning_rate(recipe, step, 5) == 0.5**decays


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
@pytest.mark.parametrize("everything", [False, True])
def test_biases_and_bn_can_be_left_unpenalised(optimizer, everything):
    network = SPACE.standalone(ARCH, load_task("digits").image)
    recipe = replace(
        PLAIN, decay_all=everything, weight_decay=0.1, momentum=0.7, optimizer=optimizer
    )
    recipe = replace(recipe, rmsprop_decay=0.8, rmsprop_eps=0.03)
    groups = make_optimizer(network, recipe).param_groups
    dims = {name: tensor.dim() for name, tensor in network.named_parameters()}
    assert {1, 2, 4} <= set(dims.values())
    expected = {name: 0.1 if dim > 1 or everything else 0.0 for name, dim in dims.items()}
    assert penalties(network, groups) == expected
    own = {"decay": 0.8, "eps": 0.03} if optimizer == "rmsprop" else {"nesterov": False}
    for group in groups:
        assert group["momentum"] == 0.7
        assert {name: group[name] for name in own} == own


def test_nesterov_is_the_recipes():
    network = SPACE.standalone(ARCH, load_task("digits").image)
    (group,) = make_optimizer(network, replace(PLAIN, nesterov=True)).param_groups
    assert group["nesterov"] and group["momentum"] == 0.9


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
    assert with_cutout(task, 11).augmentation.cutout == 11
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
