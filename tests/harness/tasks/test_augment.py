"""Augmentations: what each may do to an image, how often, and from which draws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.tasks.augment import Augmentation

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]

sizes = st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(2, 9), st.integers(2, 9))
seeds = st.integers(0, 2**32 - 1)


def noise(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return torch.from_numpy(pixels)


def augmented(augmentation: Augmentation, images: torch.Tensor, seed: int) -> np.ndarray:
    return augmentation(images, np.random.default_rng(seed)).numpy()


def windows(image: np.ndarray, pad: int) -> list[np.ndarray]:
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
    reach = range(2 * pad + 1)
    return [padded[:, y : y + height, x : x + width] for y in reach for x in reach]


def within_five_sigma(hits: np.ndarray, trials: int, chance: float) -> bool:
    sigma = np.sqrt(trials * chance * (1 - chance))
    return bool(np.all(np.abs(hits - trials * chance) < 5 * sigma))


@given(sizes, st.integers(1, 5), seeds)
def test_crop_is_a_window_of_the_padded_image(shape, pad, seed):
    images = noise(shape, seed)
    for before, after in zip(
        images.numpy(), augmented(Augmentation(crop=pad), images, seed), strict=True
    ):
        assert any(np.array_equal(after, window) for window in windows(before, pad))


@given(sizes, seeds)
def test_flip_only_mirrors_left_right(shape, seed):
    images = noise(shape, seed)
    for before, after in zip(
        images.numpy(), augmented(Augmentation(flip=True), images, seed), strict=True
    ):
        assert np.array_equal(after, before) or np.array_equal(after, before[:, :, ::-1])


@given(sizes, st.integers(1, 4), seeds)
def test_flip_and_crop_mirror_a_window(shape, pad, seed):
    images = noise(shape, seed)
    both = augmented(Augmentation(flip=True, crop=pad), images, seed)
    cropped = augmented(Augmentation(crop=pad), images, seed)
    for window, after in zip(cropped, both, strict=True):
        assert np.array_equal(after, window) or np.array_equal(after, window[:, :, ::-1])


@given(sizes, st.integers(1, 12), seeds)
def test_cutout_fills_one_clipped_square_and_nothing_else(shape, side, seed):
    images = noise(shape, seed).clamp(max=250)
    fill = tuple(range(251, 251 + shape[1]))
    for before, after in zip(
        images.numpy(),
        augmented(Augmentation(cutout=side, fill=fill), images, seed),
        strict=True,
    ):
        hole = after[0] == fill[0]
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        expected = before.copy()
        area = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        expected[area] = np.array(fill)[:, None, None]
        assert np.array_equal(after, expected)
        for reached, size in ((rows, shape[2]), (columns, shape[3])):
            at_border = reached[0] == 0 or reached[-1] == size - 1
            assert len(reached) <= side
            assert len(reached) == side or at_border


def test_cutout_without_fill_is_zero():
    after = augmented(Augmentation(cutout=8), torch.full((4, 3, 8, 8), 255, dtype=torch.uint8), 0)
    assert set(np.unique(after)) == {0, 255}


def test_cutout_refuses_a_fill_for_another_number_of_channels():
    with pytest.raises(RuntimeError):
        augmented(Augmentation(cutout=4, fill=(1, 2, 3)), noise((2, 1, 8, 8)), 0)


def test_every_offset_and_both_mirrors_are_equally_likely():
    batch, pad = 18_000, 1
    image = noise((1, 1, 4, 4))
    after = augmented(
        Augmentation(flip=True, crop=pad), image.expand(batch, -1, -1, -1).contiguous(), 5
    )
    outcomes = [w[:, :, ::step] for w in windows(image[0].numpy(), pad) for step in (1, -1)]
    hits = np.array([np.all(after == outcome, axis=(1, 2, 3)).sum() for outcome in outcomes])
    assert hits.sum() == batch
    assert within_five_sigma(hits, batch, 1 / len(outcomes))


@pytest.mark.parametrize(("side", "first", "last"), [(3, -1, 1), (4, -2, 1)])
def test_cutout_reaches_each_pixel_as_often_as_a_uniform_centre_does(side, first, last):
    """Of an even side one pixel more lies before the centre, as in the released scripts."""
    batch, size = 20_000, 6
    after = augmented(
        Augmentation(cutout=side), torch.ones((batch, 1, size, size), dtype=torch.uint8), 5
    )
    along = np.array(
        [
            np.mean([first <= pixel - centre <= last for centre in range(size)])
            for pixel in range(size)
        ]
    )
    hits = (after[:, 0] == 0).sum(axis=0)
    assert within_five_sigma(hits, batch, np.outer(along, along))


@pytest.mark.parametrize("device", DEVICES)
def test_same_draws_same_images_on_any_device(device):
    images = noise((16, 3, 12, 12))
    everything = Augmentation(flip=True, crop=2, cutout=5, fill=(1, 2, 3))
    here = everything(images, np.random.default_rng(3))
    there = everything(images.to(device), np.random.default_rng(3))
    assert there.device.type == device
    assert here.dtype == torch.uint8
    assert torch.equal(here, there.cpu())
    assert not torch.equal(here, everything(images, np.random.default_rng(4)))


def test_argument_is_left_as_it_is():
    images = noise((8, 3, 8, 8))
    kept = images.clone()
    Augmentation(flip=True, crop=2, cutout=4)(images, np.random.default_rng(0))
    assert torch.equal(images, kept)


def test_adding_cutout_keeps_the_crops():
    images = noise((32, 3, 12, 12)).clamp(max=250)
    plain = augmented(Augmentation(flip=True, crop=3), images, 9)
    cut = augmented(Augmentation(flip=True, crop=3, cutout=4, fill=(255,) * 3), images, 9)
    assert np.array_equal(cut[cut != 255], plain[cut != 255])
    assert np.any(cut == 255)


@pytest.mark.parametrize(("crop", "cutout", "scaled"), [(5, 8, (2, 3)), (4, 16, (1, 5))])
def test_sides_are_scaled_to_the_nearest_whole_pixel(crop, cutout, scaled):
    whole = Augmentation(flip=True, crop=crop, cutout=cutout, fill=(7,))
    assert whole.scaled(1 / 3) == Augmentation(True, *scaled, fill=(7,))
