"""Files appear whole or not at all, and logs survive a cut."""

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.files.store import (
    append_line,
    atomic_path,
    read_json,
    read_lines,
    remove_left_behind,
    write_json,
)
from searchspaces.errors import UsageError


@contextmanager
def largest_file(size):
    """Writes beyond ``size`` bytes fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "new"
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    write_json(path, "old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(UsageError, match=f"cannot write {path}: No space left on device"):
        write_json(path, "new")
    assert read_json(path) == "old"
    assert names(tmp_path) == ["file"]


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_json(path, "old")
    with largest_file(1000), pytest.raises(UsageError, match=f"cannot write {path}"):
        write_json(path, "x" * 100_000)
    assert read_json(path) == "old"
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot write .*file/run.json"):
        write_json(tmp_path / "file" / "run.json", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        write_json(tmp_path / "run.json", {})


def test_others_may_read_what_was_written(tmp_path):
    write_json(tmp_path / "file", 1)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [float("-inf")]}])
def test_json_without_nan(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "file", value)
    assert names(tmp_path) == []


def test_json_comes_back(tmp_path):
    content = {"τ": 0.1 + 0.2, "list": [1, None, "a\nb"]}
    write_json(tmp_path / "file", content)
    assert read_json(tmp_path / "file") == content


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_one_sentence(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UsageError, match="file: .*; delete it"):
        read_json(tmp_path / "file")


def test_deep_lines_are_one_sentence(tmp_path):
    (tmp_path / "log").write_bytes(b"[" * 100_000 + b"\n")
    with pytest.raises(UsageError, match="log: .*; delete it"):
        read_lines(tmp_path / "log")


# Left behind --------------------------------------------------------------------------------

WRITE = """
import sys, time
from harness.files.store import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """A process that is writing ``file``, and its temporary file."""
    command = [sys.executable, "-c", WRITE, str(tmp_path / "file")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_what_a_killed_writer_left_is_removed_by_the_next_of_the_same_file(tmp_path, writer):
    process, left = writer
    other = tmp_path / ".another.abc.part"
    other.touch()
    process.kill()
    process.wait()
    assert left.exists()
    write_json(tmp_path / "file.json", "another file")
    assert left.exists()
    write_json(tmp_path / "file", "new")
    assert names(tmp_path) == [other.name, "file", "file.json"]


def test_what_another_process_is_writing_is_let_alone(tmp_path, writer):
    left = writer[1]
    write_json(tmp_path / "file", "new")
    remove_left_behind(tmp_path)
    assert left.read_text() == "half"
    assert names(tmp_path) == [left.name, "file"]


def test_names_are_no_patterns(tmp_path):
    for name in (".a.1.part", ".[ab].2.part"):
        (tmp_path / name).touch()
    write_json(tmp_path / "[ab]", 1)
    assert names(tmp_path) == [".a.1.part", "[ab]"]


def test_a_temporary_file_that_was_taken_for_left_behind_is_replaced(tmp_path, monkeypatch):
    taken, mkstemp = [], tempfile.mkstemp

    def make(**given):
        handle, name = mkstemp(**given)
        if not taken:
            remove_left_behind(tmp_path)  # as another process may before it is locked
            taken.append(name)
            assert not os.path.exists(name)
        return handle, name

    monkeypatch.setattr(tempfile, "mkstemp", make)
    with atomic_path(tmp_path / "file") as temporary:
        assert str(temporary) not in taken
        temporary.write_text("new")
        remove_left_behind(tmp_path)
    assert (tmp_path / "file").read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_files_can_be_written_where_there_are_no_locks(tmp_path, monkeypatch):
    def without(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without)
    write_json(tmp_path / "file", 1)
    (tmp_path / ".file.x.part").touch()
    write_json(tmp_path / "file", 2)
    assert read_json(tmp_path / "file") == 2
    assert names(tmp_path) == [".file.x.part", "file"]


# Logs ---------------------------------------------------------------------------------------

ROWS = [{"a": 0.1}, [1, "two\nthree"], {"τ": None}]


def test_lines_come_back_in_order(tmp_path):
    path = tmp_path / "deep" / "log"
    assert read_lines(path) == []
    for row in ROWS:
        append_line(path, row)
    assert read_lines(path) == ROWS


def test_a_cut_at_any_byte_costs_the_last_line_only(tmp_path):
    path = tmp_path / "log"
    for row in ROWS:
        append_line(path, row)
    content = path.read_bytes()
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = content[:size].count(b"\n")
        assert read_lines(path) == ROWS[:whole]
        append_line(path, "next")
        assert read_lines(path) == [*ROWS[:whole], "next"]


def test_a_failed_line_can_be_written_again(tmp_path):
    path = tmp_path / "log"
    append_line(path, "first")
    with largest_file(100), pytest.raises(UsageError, match="cannot write .*log"):
        append_line(path, "x" * 1000)
    assert read_lines(path) == ["first"]
    append_line(path, "second")
    assert [json.loads(line) for line in path.read_text().splitlines()] == ["first", "second"]


def test_a_log_with_rubbish_inside_is_refused(tmp_path):
    (tmp_path / "log").write_text('{"a": 1}\nrubbish\n{"a": 2}\n')
    with pytest.raises(UsageError, match="log: .*delete it"):
        read_lines(tmp_path / "log")
