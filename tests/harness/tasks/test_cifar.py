"""CIFAR tasks: every layout gives the same task, and the splits keep their promises."""

import io
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from harness.files.data_folders import fetched_folder
from harness.tasks import IMAGES, cifar
from harness.tasks.base import stratified_order
from harness.tasks.cifar import SPECS, load_cifar
from searchspaces.errors import UsageError

TRAIN, TEST = 200, 100
SMALL = {name: replace(spec, train_images=TRAIN, test_images=TEST) for name, spec in SPECS.items()}
NAMES = list(SMALL)


def part(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` images of noise and as many labels, every class equally often."""
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    return images, rng.permutation(count) % SMALL[name].classes


def write_folder(folder: Path, name: str) -> Path:
    """The extracted form of the official archive."""
    spec, path = SMALL[name], folder / SMALL[name].folder
    path.mkdir(parents=True)
    groups = np.array_split(np.arange(TRAIN), len(spec.train_batches))
    images, labels = part(name, TRAIN)
    content = {
        batch: (images[group], labels[group])
        for batch, group in zip(spec.train_batches, groups, strict=True)
    }
    for batch, (x, y) in {**content, spec.test_batch: part(name, TEST)}.items():
        batch_dict = {b"data": x.reshape(len(x), -1), spec.archive_label.encode(): y.tolist()}
        (path / batch).write_bytes(pickle.dumps(batch_dict, protocol=4))
    return path


def write_archive(folder: Path, name: str) -> Path:
    extracted = write_folder(folder / "extracted", name)
    with tarfile.open(folder / SMALL[name].archive, "w:gz", compresslevel=1) as tar:
        tar.add(extracted, arcname=extracted.name)
    return folder


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquets(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    for file, count in (("train.parquet", TRAIN), ("test.parquet", TEST)):
        images, labels = part(name, count)
        rows = [{"bytes": png(image), "path": None} for image in images]
        table = pa.table({"img": rows, SMALL[name].parquet_label: labels})
        parquet.write_table(table, folder / file)
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path_factory):
    """Small data sets, a cache of the test's own, no data folder from outside."""
    for name, spec in SMALL.items():
        monkeypatch.setitem(SPECS, name, spec)
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in NAMES:
        write_folder(folder, name)
    return folder


def load(name: str, data: Path | None, val_size: int = TRAIN // 2, train_size: int | None = None):
    return load_cifar(name, data, val_size=val_size, train_size=train_size)


def ids(images) -> list[bytes]:
    return [image.tobytes() for image in np.asarray(images)]


def refused(name: str, data: Path | None, *words: object, **sizes) -> None:
    with pytest.raises(UsageError) as caught:
        load(name, data, **sizes)
    for word in words:
        assert str(word) in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_images_keep_their_labels(name, data):
    task = load(name, data)
    images, labels = part(name, TRAIN)
    known = dict(zip(ids(images), labels, strict=True))
    for split in (task.train, task.val):
        assert [known[image] for image in ids(split.images)] == split.labels.tolist()
    images, labels = part(name, TEST)
    assert np.array_equal(task.test.images, images)
    assert np.array_equal(task.test.labels, labels)


@pytest.mark.parametrize("name", NAMES)
def test_task_fits_networks_and_recipe(name, data):
    task = load(name, data)
    images, _ = task.train_batch(0, 16, seed=0)
    assert images.shape == (16, task.image.channels, task.image.size, task.image.size)
    assert len(np.unique(task.test.labels)) == task.image.classes == SPECS[name].classes
    assert task.augmentation.flip and task.augmentation.crop == 4 and not task.augmentation.cutout
    assert task.augmentation.fill == pytest.approx(task.mean, abs=0.5)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_and_layout_gives_the_same_task(name, data, tmp_path, monkeypatch):
    expected = load(name, data).fingerprint()
    nested = write_parquets(tmp_path / "both" / name, name)
    layouts = (
        write_archive(tmp_path, name),
        data / SPECS[name].folder,
        nested,
        nested.parent,
    )
    for layout in layouts:
        assert load(name, layout).fingerprint() == expected
    monkeypatch.setenv("NAS_HARNESS_DATA", str(nested.parent))
    assert load(name, None).fingerprint() == expected


def test_what_was_fetched_is_found_after_the_folder_that_is_named(data, tmp_path, monkeypatch):
    write_archive(fetched_folder() / "cifar10", "cifar10")
    assert load("cifar10", None).fingerprint() == load("cifar10", data).fingerprint()
    assert load("cifar10", tmp_path).fingerprint() == load("cifar10", data).fingerprint()
    (data / SMALL["cifar10"].folder / "test_batch").rename(tmp_path / "away")
    refused("cifar10", data, data)
    (tmp_path / "away").rename(data / SMALL["cifar10"].folder / "test_batch")


@settings(deadline=None, max_examples=25)
@given(st.integers(1, TRAIN - 1), st.data())
def test_splits_are_disjoint_stratified_and_nested(data, val_size, draw):
    train_size = draw.draw(st.integers(1, TRAIN - val_size))
    task = load("cifar10", data, val_size, train_size)
    whole = load("cifar10", data, val_size)
    train, val, test = ids(task.train.images), ids(task.val.images), ids(task.test.images)
    assert (len(train), len(val), len(test)) == (train_size, val_size, TEST)
    assert len({*train, *val, *test}) == train_size + val_size + TEST
    assert train == ids(whole.train.images)[:train_size]
    assert {*ids(whole.train.images), *val} == set(ids(part("cifar10", TRAIN)[0]))
    for split in (task.train, task.val):
        counts = np.bincount(split.labels, minlength=10)
        assert counts.max() - counts.min() <= 1
    larger = load("cifar10", data, min(TRAIN - 1, val_size + 13))
    assert ids(larger.val.images)[-val_size:] == val


def test_default_sizes_are_those_of_nas_bench_201(monkeypatch):
    monkeypatch.undo()
    images, labels = np.zeros((50_000, 1, 1, 1), np.uint8), np.arange(50_000) % 10
    parts = (images, labels), (images[:10_000], labels[:10_000])
    monkeypatch.setattr(cifar, "_read", lambda *_: parts)
    task = load_cifar("cifar10", None)
    assert (len(task.train), len(task.val), len(task.test)) == (25_000, 25_000, 10_000)


@pytest.mark.parametrize(
    ("name", "mean", "std", "labels", "batches"),
    [
        (
            "cifar10",
            (0.4914, 0.4822, 0.4465),
            (0.2470, 0.2435, 0.2616),
            ("labels", "label"),
            (*(f"data_batch_{number}" for number in (1, 2, 3, 4, 5)), "test_batch"),
        ),
        (
            "cifar100",
            (0.5071, 0.4865, 0.4409),
            (0.2673, 0.2564, 0.2762),
            ("fine_labels", "fine_label"),
            ("train", "test"),
        ),
    ],
)
def test_names_and_statistics_are_those_of_the_data_sets(
    name, mean, std, labels, batches, data, monkeypatch
):
    task, spec = load(name, data), SPECS[name]
    assert np.array(task.mean) / 255 == pytest.approx(mean, abs=3e-4)
    assert np.array(task.std) / 255 == pytest.approx(std, abs=3e-4)
    assert task.image == IMAGES[name] and task.name == name
    assert (spec.archive_label, spec.parquet_label) == labels
    assert (*spec.train_batches, spec.test_batch) == batches
    assert spec.folder == {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}[name]
    monkeypatch.undo()
    assert (SPECS[name].train_images, SPECS[name].test_images) == (50_000, 10_000)


def test_train_comes_first_in_a_fixed_order_and_validation_last(data):
    task, (images, labels) = load("cifar10", data, val_size=80), part("cifar10", TRAIN)
    order = stratified_order(labels)
    assert np.array_equal(task.train.images, images[order[:-80]])
    assert np.array_equal(task.val.images, images[order[-80:]])


def test_originals_are_preferred_to_parquet_files(tmp_path):
    folder = write_archive(tmp_path, "cifar10")
    (folder / "train.parquet").write_bytes(b"damaged")
    assert load("cifar10", folder).image.size == 32


def test_missing_data_name_the_way_out(tmp_path, monkeypatch):
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    refused("cifar10", None, "CIFAR-10 is not found", "--data DIR", url)
    refused("cifar10", tmp_path, "CIFAR-10 is not found", tmp_path, url)
    refused("cifar100", tmp_path, "`nas-harness fetch cifar100`", "cifar-100-python.tar.gz")
    refused("cifar100", tmp_path / "nowhere", tmp_path / "nowhere", "does not exist")
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path))
    refused("cifar10", None, tmp_path)


def test_unknown_name_suggests_the_nearest():
    refused("cifar1", None, "did you mean 'cifar10'?")


@pytest.mark.parametrize(
    ("val_size", "train_size"), [(0, None), (TRAIN, None), (-1, None), (150, 51), (150, 0)]
)
def test_impossible_sizes(data, val_size, train_size):
    refused("cifar10", data, "not possible", val_size=val_size, train_size=train_size)


def test_half_a_data_set_names_the_missing_file(tmp_path):
    folder = write_parquets(tmp_path / "data", "cifar10")
    (folder / "test.parquet").unlink()
    refused("cifar10", folder, folder / "test.parquet")
    refused("cifar100", folder, folder / "train.parquet", "fine_label")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([*range(10)] * 9, "has 90 images where CIFAR-10 has 100"),
        ([*range(9), 10] * 10, "does not hold 10 images of each"),
        ([*range(9), -1] * 10, "does not hold 10 images of each"),
        ([*range(10)] * 9 + [0] * 10, "does not hold 10 images of each"),
    ],
)
def test_wrong_counts_name_the_file(tmp_path, labels, problem):
    folder = write_folder(tmp_path, "cifar10")
    rows = np.zeros((len(labels), 3 * 32 * 32), np.uint8)
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": rows, b"labels": labels}, 4))
    refused("cifar10", tmp_path, folder, problem)
