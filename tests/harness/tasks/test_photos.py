"""Photos: what is cut out of an image, how it is drawn, and what a damaged file leads to."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from harness.tasks.photos import SIZE, Photos, RandomResizedCrop, central_view
from searchspaces.errors import UsageError

LOG = np.log(4 / 3)


def map_of(width: int, height: int) -> Image.Image:
    """An image whose red tells how far right a pixel is and whose green how far down, 0 to 255."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    return Image.fromarray(pixels)


def reach(view: Image.Image, channel: int) -> tuple[float, float]:
    """From where to where along one axis an image of :func:`map_of` is seen, as fractions."""
    line = np.asarray(view)[..., channel].mean(axis=channel).astype(float) / 255
    return line[0], line[-1]


@pytest.mark.parametrize(("width", "height"), [(400, 300), (300, 400), (256, 256), (64, 640)])
def test_the_central_view_is_seven_eighths_of_the_shorter_side(width, height):
    view = central_view(map_of(width, height))
    assert view.size == (SIZE, SIZE)
    for channel, side in enumerate((width, height)):
        seen = SIZE / 256 * min(width, height) / side
        expected = (0.5 - seen / 2, 0.5 + seen / 2)
        assert reach(view, channel) == pytest.approx(expected, abs=0.012)


def test_a_view_of_an_image_of_the_right_size_is_its_middle():
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert np.array_equal(central_view(Image.fromarray(pixels)), pixels[16:-16, 16:-16])


@pytest.mark.parametrize(
    ("size", "resized", "box"),
    [
        ((640, 427), (383, 256), (80, 16, 304, 240)),  # 383.7 wide
        ((301, 300), (256, 256), (16, 16, 240, 240)),
        ((427, 640), (256, 383), (16, 80, 240, 304)),
    ],
)
def test_the_longer_side_is_rounded_down_before_the_middle_is_cut_out(size, resized, box):
    """As it has become usual: what is left beside the middle, 79.5, is rounded to even."""
    seen = []
    image = SimpleNamespace(
        size=size,
        resize=lambda to, how: seen.append((to, how)) or SimpleNamespace(crop=lambda box: box),
    )
    assert central_view(image) == box
    assert seen == [(resized, Image.Resampling.BILINEAR)]


@given(st.integers(1, 900), st.integers(1, 900), st.integers(0, 100))
def test_a_random_window_lies_within_the_image(width, height, seed):
    crop, draws = RandomResizedCrop(), np.random.default_rng(seed).random((8, 22))
    for row in draws:
        left, top, right, bottom = crop._window(row, width, height)
        assert 0 <= left < right <= width and 0 <= top < bottom <= height


def test_random_windows_have_the_areas_and_aspects_asked_for():
    crop, rng = RandomResizedCrop(), np.random.default_rng(0)
    draws = rng.random((4000, 22))
    left, top, right, bottom = np.array([crop._window(row, 1000, 1000) for row in draws]).T
    area, aspect = (right - left) * (bottom - top) / 1e6, (right - left) / (bottom - top)
    areas, aspects = rng.uniform(0.08, 1, 40_000), np.exp(rng.uniform(-LOG, LOG, 40_000))
    fits = areas * np.maximum(aspects, 1 / aspects) <= 1
    for found, wanted in ((area, areas[fits]), (np.log(aspect), np.log(aspects[fits]))):
        assert stats.ks_2samp(found, wanted).pvalue > 0.01
    assert (left / (1000 - right + left + 1)).mean() == pytest.approx(0.5, abs=0.02)


def test_a_window_reaches_every_border():
    crop, sizes = RandomResizedCrop(), [0.3, 0.5] * 10
    ends = {
        place: crop._window([*sizes, *place], 40, 30) for place in ((0.0, 0.0), (1 - 1e-9,) * 2)
    }
    (left, top, right, bottom), (*_, far, low) = ends.values()
    assert (left, top) == (0, 0) and (far, low) == (40, 30)
    assert (right, bottom) == (21, 21)  # a square of 0.08 + 0.3 * 0.92 of the area


def test_an_image_too_thin_for_any_window_is_cut_in_the_middle():
    crop, draws = RandomResizedCrop(area=(1.0, 1.0)), np.random.default_rng(0).random(22)
    assert crop._window(draws, 90, 30) == (25, 0, 65, 30)
    assert crop._window(draws, 30, 90) == (0, 25, 30, 65)
    assert crop._window(draws, 36, 30) == (0, 0, 36, 30)


def test_half_of_the_views_are_mirrored_and_all_show_their_window():
    crop, rng = RandomResizedCrop(), np.random.default_rng
    image, mirrored = map_of(800, 600), 0
    views, draws = crop.views(60, rng(3)), rng(3).random((60, 23))
    for view, row in zip(views, draws, strict=True):
        left, top, right, bottom = crop._window(row[:-1], 800, 600)
        seen = view(image)
        across, down = reach(seen, 0), reach(seen, 1)
        mirrored += across[0] > across[1]
        assert (across[0] > across[1]) == (row[-1] < 0.5)
        assert sorted(across) == pytest.approx([left / 800, right / 800], abs=0.01)
        assert down == pytest.approx((top / 600, bottom / 600), abs=0.01)
    assert 20 < mirrored < 40


@pytest.fixture
def photos(tmp_path) -> Photos:
    names = []
    for number, mode in enumerate(["RGB", "L", "CMYK", "P", "RGBA"]):
        suffix = "jpg" if mode in ("RGB", "L", "CMYK") else "png"
        names.append(f"{number}.{suffix}".encode())
        image = Image.new("RGB", (300, 260), (number * 50, 128, 10)).convert(mode)
        image.save(tmp_path / names[-1].decode())
    return Photos(tmp_path, np.array(names))


def test_images_of_every_mode_are_decoded_in_order(photos):
    decoded = photos.decode([central_view] * 5).result()
    assert decoded.dtype == torch.uint8 and decoded.shape == (5, 3, SIZE, SIZE)
    assert decoded.is_contiguous()
    for number in (0, 2, 3, 4):
        assert decoded[number, 0].float().mean() == pytest.approx(number * 50, abs=6)
    assert (decoded[1, 0] == decoded[1, 2]).all()


def test_photos_are_indexed_like_a_tensor(photos):
    whole = photos.decode([central_view] * 5).result()
    for index in (slice(1, 3), np.array([4, 0, 0])):
        some = photos[index]
        assert torch.equal(some.decode([central_view] * len(some)).result(), whole[index])
    assert photos.to("meta").decode([central_view] * 5).result().device.type == "meta"


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_a_damaged_image_is_named(photos, content):
    path = photos.root / "0.jpg"
    path.write_bytes(path.read_bytes()[:-300] if content is None else content)
    with pytest.raises(UsageError, match=f"{path} cannot be decoded"):
        photos.decode([central_view] * 5).result()
    path.unlink()
    with pytest.raises(UsageError, match=f"{path} cannot be decoded.*put a whole copy"):
        photos.decode([central_view] * 5).result()
