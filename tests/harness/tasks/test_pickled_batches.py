"""Official archives: Python 2's pickles read exactly, nothing else executed, damage reported."""

import io
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from harness.tasks.pickled_batches import read_batches
from searchspaces.errors import UsageError

NAMES = ("data_batch_1", "data_batch_2", "test_batch")
COUNT = 40


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 wrote, which is how the official archives were made."""

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.dispatch = {**self.dispatch, bytes: type(self).save_text, str: type(self).save_text}

    def save_text(self, text):
        raw = text if isinstance(text, bytes) else text.encode("ascii")
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    def reducer_override(self, value):
        if isinstance(value, np.dtype):
            constructor, _, state = value.__reduce__()
            return constructor, (value.str[1:], 0, 1), state
        return NotImplemented


def python2_pickle(content) -> bytes:
    buffer = io.BytesIO()
    Python2Pickler(buffer).dump(content)
    return buffer.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (COUNT, 3, 32, 32), dtype=np.uint8)


def labels(seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 100, COUNT).tolist()


def official_files() -> dict[str, bytes]:
    return {
        name: python2_pickle(
            {
                "batch_label": name,
                "fine_labels": labels(seed),
                "data": pixels(seed).reshape(COUNT, -1),
                "filenames": [f"{number}.png" for number in range(COUNT)],
            }
        )
        for seed, name in enumerate(NAMES)
    }


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in reversed({"batches.meta": b"?", **files}.items()):
            member = tarfile.TarInfo(f"cifar/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def assert_official(batches) -> None:
    assert list(batches) == list(NAMES)
    for seed, name in enumerate(NAMES):
        images, targets = batches[name]
        assert images.dtype == np.uint8 and np.array_equal(images, pixels(seed))
        assert targets.dtype == np.int64 and targets.tolist() == labels(seed)


def refused(source: Path, *words: object) -> None:
    with pytest.raises(UsageError) as caught:
        read_batches(source, NAMES, "fine_labels")
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive") / "c.tar.gz", official_files())


@pytest.mark.filterwarnings("error")
def test_archive_and_folder_hold_what_was_written(archive, tmp_path):
    assert_official(read_batches(archive, NAMES, "fine_labels"))
    folder = write_folder(tmp_path, official_files())
    assert_official(read_batches(folder, NAMES, "fine_labels"))


def test_python_3_pickles_are_read_too(tmp_path):
    for name, content in official_files().items():
        again = pickle.dumps(pickle.loads(content, encoding="bytes"), protocol=4)
        (tmp_path / name).write_bytes(again)
    assert_official(read_batches(tmp_path, NAMES, "fine_labels"))


@pytest.mark.parametrize("keep", [0, 0.1, 0.5, 0.9, 0.9999])
def test_truncated_archive(archive, tmp_path, keep):
    whole, damaged = archive.read_bytes(), tmp_path / "c.tar.gz"
    damaged.write_bytes(whole[: int(keep * len(whole))])
    refused(damaged, damaged)


def test_one_wrong_byte_in_an_archive_is_never_read_as_data(archive, tmp_path):
    whole, damaged = archive.read_bytes(), tmp_path / "c.tar.gz"
    for position in np.linspace(100, len(whole) - 5, 20).astype(int):
        wrong = bytearray(whole)
        wrong[position] ^= 0x55
        damaged.write_bytes(wrong)
        refused(damaged, damaged)


def test_archive_or_folder_without_a_batch(tmp_path):
    files = official_files()
    del files["data_batch_2"]
    archive = write_archive(tmp_path / "c.tar.gz", files)
    refused(archive, archive, "data_batch_2")
    refused(write_folder(tmp_path, files), tmp_path / "data_batch_2")


def bad_batches() -> dict[str, bytes]:
    rows, targets = pixels(1).reshape(COUNT, -1), labels(1)
    return {
        "truncated": python2_pickle({"data": rows, "fine_labels": targets})[:-2000],
        "empty": b"",
        "not a dict": python2_pickle([1, 2]),
        "no labels": python2_pickle({"data": rows}),
        "too few labels": python2_pickle({"data": rows, "fine_labels": targets[:-1]}),
        "too few pixels": python2_pickle({"data": rows[:, :-1], "fine_labels": targets}),
        "wide pixels": python2_pickle({"data": rows.astype("i2"), "fine_labels": targets}),
        "text labels": python2_pickle({"data": rows, "fine_labels": ["cat"] * COUNT}),
        "no array": python2_pickle({"data": [1], "fine_labels": [1]}),
        "other global": pickle.dumps({b"data": os.getcwd, b"fine_labels": targets}),
    }


@pytest.mark.parametrize("kind", bad_batches())
def test_damaged_batch(tmp_path, kind):
    folder = write_folder(tmp_path, official_files() | {"data_batch_2": bad_batches()[kind]})
    refused(folder, folder / "data_batch_2", "download the archive again")


class Exploit:
    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_pickled_code_is_never_run(tmp_path):
    made = tmp_path / "exploited"
    content = pickle.dumps({b"data": Exploit(made), b"fine_labels": []})
    refused(write_folder(tmp_path, official_files() | {"test_batch": content}), "mkdir")
    assert not made.exists()
    pickle.loads(content)
    assert made.exists()  # the exploit itself works
