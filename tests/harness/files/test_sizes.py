"""What is too large is refused before it is read; what is as large as may be, is read."""

import os
import re
import tracemalloc
from functools import cache

import numpy as np
import pytest
from PIL import Image
from tables import made_meta

from harness.cli import main
from harness.files.sizes import FACTOR, LIMITS, check_size, limit, read_bytes
from harness.files.store import read_json, read_lines
from harness.resuming.workspace import load_tensors
from harness.scores.reading import read_scores
from harness.tabular.importer import IMPORTERS
from harness.tabular.table import Table
from harness.tasks.cifar_parquet import read_parquet
from harness.tasks.imagenet16 import load_imagenet16
from harness.tasks.pickled_batches import read_batches
from reports.page.run_data import curves
from reports.papers.definition import loading
from reports.runs.record import Record
from searchspaces.errors import UsageError

SENTENCE = r"[\d,]+ bytes, where a {kind} may have [\d,]+; get the right file, or, .* set {factor}="


@cache
def table() -> Table:
    arch = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    return Table(made_meta(), [arch], {"test.5.mean": np.ones(1)})


def annotations(path):
    pytest.importorskip("pycocotools")
    from harness.detection.coco import load_coco

    (path.parents[1] / "val2017").mkdir(exist_ok=True)
    load_coco(path.parents[1], "val")


def item(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "PAPERS", path.parents[1])
        loading.load_paper(path.parent.name)


READERS = {
    "run.json": ("record", read_json),
    "log.jsonl": ("log", read_lines),
    "scores.csv": ("score file", lambda path: read_scores(path, table())),
    "scores.json": ("score file", lambda path: read_scores(path, table())),
    "s.parquet": ("score file", lambda path: read_scores(path, table())),
    "table.parquet": ("table", Table.load),
    "nasbench201_cifar10.csv": ("table", IMPORTERS["nb201"].read),
    "nb201_v1_1.parquet": ("table", IMPORTERS["nb201"].read),
    "NAS-Bench-201-v1_1-096897.pth": ("published benchmark", IMPORTERS["nb201"].read),
    "nasbench_only108.tfrecord": ("published benchmark", IMPORTERS["nb101"].read),
    "nb101_108epochs_mean_test.npz": ("table", IMPORTERS["nb101"].read),
    "nas-bench-macro_cifar10.json": ("table", IMPORTERS["macro"].read),
    "checkpoint.pt": ("checkpoint", load_tensors),
    "cifar.tar.gz": ("set of images", lambda path: read_batches(path, ["test"], "labels")),
    "test": ("batch of images", lambda path: read_batches(path.parent, ["test"], "labels")),
    "train.parquet": ("set of images", lambda path: read_parquet(path, "label")),
    "val_data": ("batch of images", lambda path: load_imagenet16(path.parent)),
    "annotations/instances_val2017.json": ("file of annotations", annotations),
    "toy/paper.toml": ("description of an item", item),
    "scores.parquet": ("table", lambda path: Record(path.parent, {}).scores()),
    "history.parquet": ("table", lambda path: curves(Record(path.parent, {}))),
}


@pytest.fixture(params=READERS)
def given(request, tmp_path):
    """A kind, a reader of it, and an empty file for it."""
    path = tmp_path / request.param
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    if path.name == "val_data":  # is read after the training images
        (tmp_path / "train_data_batch_1").symlink_to(path)
    return *READERS[request.param], path


def complaint(read, path) -> str:
    try:
        read(path)
    except UsageError as error:
        return str(error)
    return ""


def test_a_file_beyond_its_limit_is_refused_unread(given):
    kind, read, path = given
    complaint(read, path)  # imports what it needs
    os.truncate(path, limit(kind) + 1)  # zeros that take no room on the disk
    tracemalloc.start()
    try:
        message = complaint(read, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert re.search(SENTENCE.format(kind=kind, factor=FACTOR), message)
    assert str(path.parent) in message and f"{limit(kind) + 1:,} bytes" in message
    assert peak < 1_000_000


def test_a_file_at_its_limit_is_read(given, monkeypatch):
    kind, read, path = given
    monkeypatch.setitem(LIMITS, kind, 5000 / 1e6)
    for size, refused in ((5000, False), (5001, True)):
        os.truncate(path, size)
        assert ("bytes, where a" in complaint(read, path)) == refused


def test_the_command_line_says_so_and_exits_with_2(tmp_path, capsys):
    (tmp_path / "scores.csv").touch()
    os.truncate(tmp_path / "scores.csv", limit("score file") + 1)
    assert main(["evaluate", str(tmp_path / "scores.csv")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(SENTENCE.format(kind="score file", factor=FACTOR), line)


@pytest.mark.parametrize(
    "name", [name for name in READERS if name.endswith(("json", "jsonl", "toml"))]
)
def test_what_is_nested_without_end_is_refused(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a = " * name.endswith("toml") + b"[" * 100_000 + b"\n")
    assert complaint(READERS[name][1], path)


# The limits -------------------------------------------------------------------------------------


def test_the_factor_moves_every_limit(monkeypatch, tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(b"1" + b" " * 16_000_000)
    message = complaint(read_json, path)
    assert message == (
        f"{path} has 16,000,001 bytes, where a record may have 16,000,000; get the right file, "
        f"or, if it is this one, set {FACTOR}=2 and run again."
    )
    monkeypatch.setenv(FACTOR, "2")
    assert read_json(path) == 1
    for kind, megabytes in LIMITS.items():
        assert limit(kind) == megabytes * 2_000_000


@pytest.mark.parametrize("factor", ["much", "nan", "inf"])
def test_a_factor_that_is_no_number_is_named(monkeypatch, factor):
    monkeypatch.setenv(FACTOR, factor)
    with pytest.raises(UsageError, match=f"{FACTOR} is '{factor}'; set it to a number"):
        limit("record")


def test_the_factor_that_is_proposed_is_enough(monkeypatch):
    for size in (16_000_001, 48_000_000, 10**12 + 1):
        with pytest.raises(UsageError) as caught:
            check_size(size, "record", "x")
        monkeypatch.setenv(FACTOR, re.search(rf"{FACTOR}=(\d+)", str(caught.value))[1])
        check_size(size, "record", "x")
        monkeypatch.delenv(FACTOR)


def test_what_has_no_size_gives_nothing():
    assert read_bytes("/dev/zero", "record") == b""


@pytest.mark.parametrize(
    "kind, real",
    [
        ("published benchmark", 4.7e9),  # NAS-Bench-201-v1_1-096897.pth
        ("published benchmark", 2.0e9),  # nasbench_full.tfrecord
        ("score file", 423_624 * 300),  # NAS-Bench-101 in JSON: a name takes 100 bytes at most
        ("file of annotations", 470e6),  # instances_train2017.json
        ("batch of images", 156e6),  # the training images of CIFAR-100
        ("set of images", 187e6),  # CIFAR-10, unpacked
    ],
)
def test_the_largest_real_files_are_let_in(kind, real):
    check_size(int(1.5 * real), kind, "x")


# Pictures ---------------------------------------------------------------------------------------


def test_pictures_that_unpack_to_too_many_pixels_are_refused(tmp_path, monkeypatch):
    from harness.detection.coco import Coco
    from harness.tasks.photos import SIZE, _fill, central_view

    Image.new("RGB", (300, 300)).save(tmp_path / "p.png")
    coco = Coco(tmp_path, type("Index", (), {"imgs": {1: {"file_name": "p.png"}}}), (1,), {}, "")
    assert coco.image(1).shape == (3, 300, 300)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 44_999)
    row = np.zeros((SIZE, SIZE, 3), np.uint8)
    for read in (lambda path: coco.image(1), lambda path: _fill(row, path, central_view)):
        assert "decompression bomb" in complaint(read, tmp_path / "p.png")
