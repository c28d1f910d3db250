"""Parquet files of encoded images: decoded exactly, cached by content, damage reported."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from harness.tasks import cifar_parquet
from harness.tasks.cifar_parquet import read_parquet
from searchspaces.errors import UsageError

COUNT = 30


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (COUNT, 3, 32, 32), dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def pngs(seed: int) -> list[bytes]:
    return [encoded(Image.fromarray(image.transpose(1, 2, 0))) for image in pixels(seed)]


def write(path: Path, contents: list, labels) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": content, "path": None} for content in contents], kind)
    parquet.write_table(pa.table({"img": images, "label": labels}), path, row_group_size=7)


def refused(path: Path, *words: object, label: str = "label") -> None:
    with pytest.raises(UsageError) as caught:
        read_parquet(path, label)
    message = str(caught.value)
    assert "\n" not in message
    for word in (path, *words):
        assert str(word) in message


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("NAS_HARNESS_HOME", str(folder))
    return folder


@pytest.fixture
def path(tmp_path) -> Path:
    write(tmp_path / "train.parquet", pngs(1), range(COUNT))
    return tmp_path / "train.parquet"


def test_lossless_images_are_read_exactly_and_in_order(path, monkeypatch, capsys):
    monkeypatch.setattr(cifar_parquet, "CHUNK", 4)
    images, labels = read_parquet(path, "label")
    assert images.dtype == np.uint8 and np.array_equal(images, pixels(1))
    assert labels.dtype == np.int64 and labels.tolist() == list(range(COUNT))
    assert f"100% {COUNT} of {COUNT}" in capsys.readouterr().err


def test_second_read_does_not_decode(path, monkeypatch):
    first = read_parquet(path, "label")
    monkeypatch.setattr(cifar_parquet, "_decode", lambda *_: pytest.fail("decoded again"))
    for array, again in zip(first, read_parquet(path, "label"), strict=True):
        assert np.array_equal(array, again)


def test_each_column_of_labels_has_a_cache_of_its_own(path):
    table = parquet.read_table(path)
    coarse = pa.array([row // 7 for row in range(COUNT)])
    parquet.write_table(table.append_column("coarse_label", coarse), path)
    for _ in range(2):
        assert read_parquet(path, "label")[1].tolist() == list(range(COUNT))
        assert read_parquet(path, "coarse_label")[1].tolist() == coarse.to_pylist()


def test_cache_follows_the_content_of_the_file(path):
    read_parquet(path, "label")
    write(path, pngs(7), range(COUNT))
    assert np.array_equal(read_parquet(path, "label")[0], pixels(7))


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_damaged_cache_is_decoded_again(path, home, keep):
    read_parquet(path, "label")
    (cached,) = (home / "cache").iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(whole[: int(keep * len(whole))])
    assert np.array_equal(read_parquet(path, "label")[0], pixels(1))
    assert cached.stat().st_size == len(whole)


def test_cache_with_a_wrong_byte_is_decoded_again(path, home):
    read_parquet(path, "label")
    (cached,) = (home / "cache").iterdir()
    wrong = bytearray(cached.read_bytes())
    wrong[len(wrong) // 2] ^= 1
    cached.write_bytes(wrong)
    assert np.array_equal(read_parquet(path, "label")[0], pixels(1))


def test_cache_that_cannot_be_written_is_a_warning(path, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="NAS_HARNESS_HOME"):
        images, _ = read_parquet(path, "label")
    assert np.array_equal(images, pixels(1))


JPEG = encoded(Image.fromarray(pixels(0)[0].transpose(1, 2, 0)), "JPEG")
BAD_IMAGES = {
    "truncated JPEG": JPEG[: len(JPEG) // 2],
    "no image": b"not an image",
    "empty": b"",
    "null": None,
    "larger": encoded(Image.new("RGB", (64, 64))),
    "grey": encoded(Image.new("L", (32, 32))),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_image(path, home, kind):
    write(path, [*pngs(1)[:-1], BAD_IMAGES[kind]], range(COUNT))
    refused(path, f"image {COUNT - 1} of")
    assert not (home / "cache").exists()


@pytest.mark.parametrize("keep", [0, 0.3, 0.99])
def test_truncated_file(path, keep):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    refused(path, "download it again")


def test_missing_file_or_column(path):
    refused(path, "fine_label", label="fine_label")
    parquet.write_table(pa.table({"img": [1, 2], "label": [1, 2]}), path)
    refused(path, "img.bytes")
    path.unlink()
    refused(path)


@pytest.mark.parametrize("labels", [[None] + [0] * (COUNT - 1), ["cat"] * COUNT, [0.5] * COUNT])
def test_labels_that_are_not_whole_numbers(path, labels):
    write(path, pngs(1), labels)
    refused(path, "not whole numbers")


@pytest.mark.slow
def test_real_test_images_are_the_official_ones(shared_data):
    images, labels = read_parquet(shared_data / "cifar10" / "test.parquet", "label")
    assert labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert np.bincount(labels).tolist() == [1_000] * 10
    assert images.mean((0, 2, 3)) == pytest.approx((126.0, 123.7, 114.9), abs=0.3)
    assert images.std((0, 2, 3)) == pytest.approx((62.9, 62.0, 66.7), abs=0.8)
