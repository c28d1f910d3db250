"""The folder of a run: one process at a time, checkpoints that are only data, records."""

import signal
import subprocess
import sys

import pytest
import torch

from harness.config.config import SCHEMA_VERSION
from harness.files.store import write_json
from harness.resuming.workspace import Workspace, load_tensors, save_tensors
from searchspaces.errors import UsageError

STATE = {"phase": "train", "tensor": torch.arange(6.0).view(2, 3), "nested": [{"n": 1}, None]}
HOLD = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "runs" / "one")


def test_the_lock_keeps_other_processes_out_until_its_holder_dies(workspace):
    with workspace.lock():
        pass
    command = [sys.executable, "-c", HOLD, str(workspace.folder / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(UsageError, match="another process is working on"), workspace.lock():
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
    with workspace.lock():
        pass


def test_an_exception_inside_frees_the_lock_at_once(workspace):
    with pytest.raises(UsageError, match="mine"), workspace.lock():
        raise UsageError("mine")
    with workspace.lock():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    workspace = Workspace(tmp_path / "file" / "run")
    with pytest.raises(UsageError, match="cannot write to .*--runs"), workspace.lock():
        pass


def test_what_a_kill_left_half_written_is_removed(workspace):
    workspace.save_checkpoint(STATE)
    (workspace.folder / ".checkpoint.pt.abc.part").write_bytes(b"half")
    with workspace.lock():
        assert {path.name for path in workspace.folder.iterdir()} == {".lock", "checkpoint.pt"}


# Checkpoints ----------------------------------------------------------------------------------


def test_a_checkpoint_comes_back(workspace):
    assert workspace.load_checkpoint() is None
    workspace.save_checkpoint(STATE)
    loaded = workspace.load_checkpoint()
    assert torch.equal(loaded.pop("tensor"), STATE["tensor"])
    assert loaded == {key: value for key, value in STATE.items() if key != "tensor"}


def test_a_damaged_checkpoint_is_refused(workspace):
    workspace.save_checkpoint(STATE)
    content = workspace.checkpoint_path.read_bytes()
    for damaged in (b"", b"rubbish", content[: len(content) // 2], content[:-1]):
        workspace.checkpoint_path.write_bytes(damaged)
        with pytest.raises(UsageError, match="checkpoint.pt is damaged .*delete it"):
            workspace.load_checkpoint()


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_checkpoint_cannot_execute_code(tmp_path):
    save_tensors(tmp_path / "file.pt", {"evil": Evil(tmp_path / "executed")})
    with pytest.raises(UsageError, match="damaged"):
        load_tensors(tmp_path / "file.pt")
    assert not (tmp_path / "executed").exists()
    torch.load(tmp_path / "file.pt", weights_only=False)
    assert (tmp_path / "executed").exists()  # it would have


# Records --------------------------------------------------------------------------------------


def test_a_finished_run_keeps_its_checkpoint_only_on_demand(workspace):
    assert workspace.finished() is None
    record = {"schema_version": SCHEMA_VERSION, "metrics": {}}
    for keep in (True, False):
        workspace.save_checkpoint(STATE)
        workspace.stream_path.write_text("{}\n")
        kept = workspace.complete(record, keep)
        assert workspace.checkpoint_path.exists() == keep
        assert not workspace.stream_path.exists()
        assert workspace.finished() == kept == record | {"checkpoint_kept": keep}


@pytest.mark.parametrize("name", ["scores.parquet", "history.parquet"])
def test_a_finished_run_whose_files_were_damaged_is_not_called_finished(workspace, name):
    path = workspace.folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"what the run wrote")
    record = workspace.complete({"schema_version": SCHEMA_VERSION}, keep_checkpoint=False)
    assert workspace.finished() == record
    path.write_bytes(b"what the run wrotf")
    with pytest.raises(UsageError, match=f"{name} is damaged: .*; delete the folder and run again"):
        workspace.finished()
    path.unlink()
    with pytest.raises(UsageError, match=f"{name} is missing, .*, or delete the folder and run"):
        workspace.finished()


@pytest.mark.parametrize("keep", [True, False])
def test_what_a_kill_after_the_record_left_goes_once_the_run_is_settled(workspace, keep):
    assert workspace.settled() is None
    record = workspace.complete({"schema_version": SCHEMA_VERSION}, keep)
    workspace.save_checkpoint(STATE)
    workspace.stream_path.write_text("{}\n")
    left = workspace.leftovers(record)
    assert left == [workspace.stream_path, workspace.checkpoint_path][: 1 if keep else 2]
    assert workspace.settled() == record
    assert not workspace.stream_path.exists()
    assert workspace.checkpoint_path.exists() == keep


def test_a_record_that_does_not_tell_of_the_checkpoint_leaves_it_alone(workspace):
    write_json(workspace.record_path, {"schema_version": SCHEMA_VERSION})
    workspace.save_checkpoint(STATE)
    workspace.settled()
    assert workspace.checkpoint_path.exists()


def test_the_record_comes_before_what_resuming_needs_goes(workspace, monkeypatch):
    workspace.save_checkpoint(STATE)
    with pytest.raises(ValueError, match="JSON"):
        workspace.complete({"schema_version": SCHEMA_VERSION, "x": float("nan")}, False)
    assert workspace.checkpoint_path.exists()
    assert workspace.finished() is None


@pytest.mark.parametrize("record", [{"schema_version": SCHEMA_VERSION + 1}, {}, [], None, 3])
def test_a_record_of_another_schema_is_not_taken(workspace, record):
    write_json(workspace.record_path, record)
    with pytest.raises(UsageError, match="another version; delete its folder"):
        workspace.finished()


def test_what_a_ranking_left_is_forgotten_and_nothing_else(workspace):
    workspace.save_checkpoint(STATE)
    left = [
        workspace.stream_path.with_name(f"scores.partial.1.{end}") for end in ("jsonl", "parquet")
    ]
    kept = [workspace.scores_path, workspace.history_path]
    for path in (workspace.stream_path, *left, *kept):
        path.write_text("{}")
    workspace.forget_scores()
    assert sorted(workspace.folder.iterdir()) == sorted([*kept, workspace.checkpoint_path])


def test_a_damaged_record_is_refused(workspace):
    write_json(workspace.record_path, {"schema_version": SCHEMA_VERSION})
    workspace.record_path.write_text(workspace.record_path.read_text()[:-4])
    with pytest.raises(UsageError, match="cannot read .*run.json"):
        workspace.finished()
