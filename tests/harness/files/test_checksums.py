"""Remembered hashes: spared where a file is the same, worked out again where anything differs."""

import json
import os
import time

import pytest

from harness.files import checksums
from harness.files.checksums import SETTLED, remembered_sha256, sha256
from searchspaces.errors import UsageError

OLD = time.time_ns() - 100 * SETTLED


@pytest.fixture
def worked_out(monkeypatch):
    """The files whose hash was worked out."""
    paths = []

    def count(path):
        paths.append(path)
        return sha256(path)

    monkeypatch.setattr(checksums, "sha256", count)
    return paths


@pytest.fixture
def file(tmp_path):
    return written(tmp_path / "file", "first")


def written(path, text, mtime=OLD):
    path.write_text(text)
    os.utime(path, ns=(mtime, mtime))
    return path


def test_a_file_that_is_the_same_is_not_read_again(file, tmp_path, worked_out):
    link = tmp_path / "link"
    link.symlink_to(file)
    found = {remembered_sha256(path, tmp_path / "memory") for path in (file, file, link)}
    assert found == {sha256(file)}
    assert worked_out == [file]


@pytest.mark.parametrize(("text", "later"), [("other", 1), ("longer", 0)])
def test_a_changed_file_is_noticed(text, later, file, tmp_path):
    before = remembered_sha256(file, tmp_path)
    written(file, text, OLD + later)
    assert before != remembered_sha256(file, tmp_path) == sha256(file)


def test_a_file_that_may_still_change_unseen_is_not_remembered(file, tmp_path, worked_out):
    written(file, "fresh", time.time_ns())
    for _ in range(2):
        remembered_sha256(file, tmp_path / "memory")
    assert len(worked_out) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-9],
        lambda text: "[]",
        lambda text: json.dumps(json.loads(text) | {"sha256": "../../elsewhere"}),
        lambda text: json.dumps(json.loads(text) | {"sha256": None}),
        lambda text: json.dumps(json.loads(text) | {"path": "another"}),
    ],
)
def test_a_damaged_memory_is_ignored_and_mended(damage, file, tmp_path, worked_out):
    remembered_sha256(file, tmp_path / "memory")
    (memory,) = (tmp_path / "memory").iterdir()
    whole = memory.read_text()
    memory.write_text(damage(whole))
    assert remembered_sha256(file, tmp_path / "memory") == sha256(file)
    assert len(worked_out) == 2
    assert memory.read_text() == whole


def test_a_memory_that_cannot_be_written_is_done_without(file, tmp_path):
    (tmp_path / "memory").write_text("")
    assert remembered_sha256(file, tmp_path / "memory") == sha256(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot read .*gone"):
        remembered_sha256(tmp_path / "gone", tmp_path)
