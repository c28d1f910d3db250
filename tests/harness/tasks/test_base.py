"""Tasks: batches as a function of their arguments, epochs, normalisation, fingerprints."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.tasks import IMAGES
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task, averaged
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError


def numbered(count: int, seed: int) -> Split:
    """Random images whose labels are their own numbers."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 3, 6, 6), dtype=np.uint8)
    return Split(torch.from_numpy(images), torch.arange(count))


def make_task(train: int = 50) -> Task:
    return Task(
        name="noise",
        image=ImageSpec(channels=3, size=6, classes=train),
        train=numbered(train, 1),
        val=numbered(20, 2),
        test=numbered(30, 3),
        mean=(127.5, 100.0, 90.0),
        std=(73.9, 60.0, 50.0),
        augmentation=Augmentation(flip=True, crop=1, cutout=2),
    )


def test_train_batch_depends_on_its_arguments_alone():
    task, again = make_task(), make_task()
    forwards = [task.train_batch(step, 8, seed=4) for step in range(15)]
    torch.manual_seed(99)
    np.random.default_rng().random()
    backwards = [again.train_batch(step, 8, seed=4) for step in reversed(range(15))][::-1]
    for (images, labels), (other_images, other_labels) in zip(forwards, backwards, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


def test_train_batch_changes_with_step_and_seed():
    task = make_task()
    first = task.train_batch(0, 8, seed=4)[1]
    assert not torch.equal(first, task.train_batch(1, 8, seed=4)[1])
    assert not torch.equal(first, task.train_batch(0, 8, seed=5)[1])


def test_augmentation_is_drawn_anew_for_every_step_and_seed():
    task = make_task(train=1)
    drawn = [task.train_batch(step, 1, seed)[0] for step in range(20) for seed in range(2)]
    assert len({images.numpy().tobytes() for images in drawn}) > 20


def test_no_step_of_an_epoch_augments_as_another():
    drawn = []

    def note(images, rng):
        drawn.append(rng.random())
        return images

    task = replace(make_task(), augmentation=note)
    for seed in (0, 1):
        for step in range(12):  # six of an epoch
            task.train_batch(step, 8, seed)
    assert len(set(drawn)) == 24


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 3), st.integers(0, 1000))
def test_epoch_takes_each_image_at_most_once(train, batch_size, epoch, seed):
    task = make_task(train)
    size = min(batch_size, train)
    per_epoch = train // size
    steps = range(epoch * per_epoch, (epoch + 1) * per_epoch)
    seen = torch.cat([task.train_batch(step, batch_size, seed)[1] for step in steps])
    assert len(seen) == len(seen.unique()) == per_epoch * size > train - size


def test_epochs_differ_in_order():
    task = make_task()
    first, second = (task.train_batch(step, 50, seed=0)[1] for step in (0, 1))
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, second.sort().values)


def test_train_batch_without_augmentation_is_normalised_training_images():
    task = replace(make_task(), augmentation=Augmentation())
    images, labels = task.train_batch(3, 16, seed=0)
    assert torch.equal(images, task.normalise(task.train.images[labels]))


def test_views_are_the_images_of_a_batch_augmented_twice():
    """The first as in the batch; without augmentation both are."""
    task = replace(make_task(), augmentation=Augmentation(crop=2))
    first, second = task.views(3, 8, seed=1)
    assert torch.equal(first, task.train_batch(3, 8, seed=1)[0]) and not torch.equal(first, second)
    again = task.views(3, 8, seed=1)
    assert torch.equal(again[0], first) and torch.equal(again[1], second)
    plain = replace(task, augmentation=Augmentation())
    first, second = plain.views(3, 8, seed=1)
    assert torch.equal(first, plain.train_batch(3, 8, seed=1)[0]) and torch.equal(first, second)


def test_train_batch_leaves_the_stored_images_alone():
    task, before = make_task(), make_task().fingerprint()
    for step in range(10):
        task.train_batch(step, 16, seed=0)
    assert task.fingerprint() == before


def test_normalise_takes_mean_and_deviation_per_channel_away():
    images = numbered(40, 0).images
    pixels = images.double().transpose(0, 1).flatten(1)
    task = replace(
        make_task(),
        mean=tuple(pixels.mean(1).tolist()),
        std=tuple(pixels.std(1, correction=0).tolist()),
    )
    normal = task.normalise(images)
    assert normal.dtype == torch.float32
    flat = normal.transpose(0, 1).flatten(1)
    assert flat.mean(1).numpy() == pytest.approx(0, abs=1e-5)
    assert flat.std(1, correction=0).numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_are_the_whole_part_in_stored_order(part, batch_size):
    task = make_task()
    images, labels = zip(*task.batches(part, batch_size), strict=True)
    assert torch.equal(torch.cat(images), task.normalise(getattr(task, part).images))
    assert torch.equal(torch.cat(labels), getattr(task, part).labels)
    assert max(map(len, labels)) <= batch_size


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_fingerprint_changes_with_any_pixel_or_label(part):
    task = make_task()
    split = getattr(task, part)
    images, labels = split.images.clone(), split.labels.clone()
    images[5, 2, 3, 1] ^= 1
    labels[7] += 1
    assert replace(task).fingerprint() == make_task().fingerprint() == task.fingerprint()
    pixel = replace(task, **{part: Split(images, split.labels)})
    label = replace(task, **{part: Split(split.images, labels)})
    assert len({task.fingerprint(), pixel.fingerprint(), label.fingerprint()}) == 3


def test_fingerprint_changes_when_parts_are_exchanged():
    task = make_task()
    assert replace(task, val=task.test, test=task.val).fingerprint() != task.fingerprint()


def test_to_moves_every_part_and_nothing_else():
    task = make_task()
    moved = task.to("meta")
    for part in ("train", "val", "test"):
        assert getattr(moved, part).images.device.type == "meta"
        assert getattr(moved, part).labels.device.type == "meta"
    assert replace(moved, train=task.train, val=task.val, test=task.test) == task


@pytest.mark.parametrize("every", [2, 5, 20])
@pytest.mark.parametrize("order", ["in turn", "sorted", "random"])
def test_images_are_parted_class_by_class_whatever_their_order(every, order):
    """Stored orders go through the classes in turn, so that every tenth image may be of one class."""
    labels = np.arange(1000) % 10
    if order != "in turn":
        labels = (
            np.sort(labels) if order == "sorted" else np.random.default_rng(0).permutation(labels)
        )
    task = replace(make_task(train=1000), train=Split(torch.arange(1000), torch.from_numpy(labels)))
    rest, part = task.apart(every)
    assert np.bincount(part.train.labels).tolist() == [100 // every] * 10
    assert np.bincount(rest.train.labels).tolist() == [100 - 100 // every] * 10
    both = torch.cat([rest.train.images, part.train.images])
    assert sorted(both.tolist()) == list(range(1000))
    for of in (rest, part):
        assert torch.equal(of.train.labels, task.train.labels[of.train.images])
        assert replace(of, train=task.train) == task


def test_few_images_are_parted_as_evenly_as_they_can_be():
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    task = replace(make_task(train=7), train=Split(torch.arange(7), labels))
    first, second = task.apart(2)
    assert abs(np.bincount(first.train.labels) - np.bincount(second.train.labels)).max() == 1
    with pytest.raises(UsageError, match="of 1 training images.*one part is empty"):
        make_task(train=1).apart(2)


def test_the_images_of_each_task_are_known_without_loading_it():
    known = {
        "digits": ImageSpec(channels=1, size=12, classes=10),
        "cifar10": ImageSpec(channels=3, size=32, classes=10),
        "cifar100": ImageSpec(channels=3, size=32, classes=100),
        "imagenet16-120": ImageSpec(channels=3, size=16, classes=120),
        "imagenet": ImageSpec(channels=3, size=224, classes=1000),
    }
    assert known == IMAGES


# Fewer pixels -------------------------------------------------------------------------------


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 1000))
def test_averaged_images_are_means_of_squares(factor, side, seed):
    shape = (3, 2, factor * side, factor * side)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    means = np.array(
        [
            [image[..., f * r : f * r + f, f * c : f * c + f].mean((1, 2)) for c in range(side)]
            for f in [factor]
            for image in images
            for r in range(side)
        ]
    ).reshape(3, side, side, 2)
    got = averaged(torch.from_numpy(images), factor).numpy().transpose(0, 2, 3, 1)
    assert got.dtype == np.uint8
    assert np.abs(got - means).max() <= 0.5


def test_every_part_of_a_task_is_averaged_and_nothing_else_changes():
    task = make_task()
    half = task.averaged(3)
    for part in ("train", "val", "test"):
        before, after = getattr(task, part), getattr(half, part)
        assert after.images.shape == (len(before), 3, 3, 3)
        assert torch.equal(after.images, averaged(before.images, 2))
        assert torch.equal(after.labels, before.labels)
    assert half.image == ImageSpec(3, 3, 50) and half.original == task.image
    assert (half.mean, half.std, half.name) == (task.mean, task.std, task.name)
    assert half.train_batch(0, 8, seed=1)[0].shape == (8, 3, 3, 3)
    assert task.averaged(6) is task and task.original is None
    assert half.averaged(1).original == task.image


def test_crop_and_cutout_shrink_with_the_images():
    task = replace(make_task(), augmentation=Augmentation(flip=True, crop=4, cutout=2, fill=(7,)))
    assert task.averaged(3).augmentation == Augmentation(flip=True, crop=2, cutout=1, fill=(7,))


@pytest.mark.parametrize("side", [4, 5, 7, 12])
def test_squares_that_do_not_fit_are_refused(side):
    with pytest.raises(UsageError, match="takes a divisor of 6: 1, 2, 3, 6"):
        make_task().averaged(side)


def test_images_can_be_selected_and_labelled():
    task = make_task(train=7)
    some = task.selected(np.array([5, 1, 1]))
    assert some.train.labels.tolist() == [5, 1, 1]
    assert torch.equal(some.train.images, task.train.images[[5, 1, 1]])
    other = task.labelled(np.arange(7)[::-1].copy())
    assert other.train.labels.tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert replace(some, train=task.train) == task == replace(other, train=task.train)
