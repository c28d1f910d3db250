"""The folder of one run: its lock, its checkpoint, its record."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from harness.config.config import SCHEMA_VERSION
from harness.files.checksums import check_unchanged, sha256
from harness.files.sizes import check_zip, read_bytes
from harness.files.store import atomic_path, held, read_json, remove_left_behind, write_json
from searchspaces.errors import UsageError

_DIGEST = hashlib.sha256().digest_size


class Workspace:
    """Files of one run under ``runs/<run name>``.

    ``run.json`` exists once the run is complete; ``checkpoint.pt`` while it is not, unless kept.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.record_path = folder / "run.json"
        self.scores_path = folder / "scores.parquet"
        self.history_path = folder / "history.parquet"
        self.stream_path = folder / "scores.partial.jsonl"
        self.checkpoint_path = folder / "checkpoint.pt"

    @contextmanager
    def lock(self, seconds: float = 0.0) -> Iterator[None]:
        """Hold the folder; raises :class:`UsageError` if another process does so longer."""
        with held(self.folder / ".lock", f"is working on {self.folder}", "--runs", seconds):
            remove_left_behind(self.folder)
            yield

    def finished(self) -> dict[str, Any] | None:
        """The record of a complete run, or None.

        Raises :class:`UsageError` for another schema, and where a file of the run was damaged.
        """
        if not self.record_path.exists():
            return None
        record = read_json(self.record_path)
        if not isinstance(record, dict) or record.get("schema_version") != SCHEMA_VERSION:
            raise UsageError(
                f"{self.record_path} was written by another version; delete its folder or choose "
                "another with --runs."
            )
        check_unchanged(self.folder, record.get("files"))
        return record

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        save_tensors(self.checkpoint_path, state)

    def load_checkpoint(self) -> dict[str, Any] | None:
        """What :meth:`save_checkpoint` wrote last, or None."""
        return load_tensors(self.checkpoint_path)

    def forget_scores(self) -> None:
        """Remove the streams and shards of an unfinished ranking."""
        for path in self._streams():
            path.unlink()

    def complete(self, record: dict[str, Any], keep_checkpoint: bool) -> dict[str, Any]:
        """Write the record, the last file of a run, and remove what only resuming needs.

        Returns the record, in which ``checkpoint_kept`` tells what became of the checkpoint, and
        ``files`` the SHA-256 of the scores and of the history.
        """
        files = [path for path in (self.scores_path, self.history_path) if path.exists()]
        sums = {path.name: sha256(path) for path in files}
        record = record | {"checkpoint_kept": keep_checkpoint} | ({"files": sums} if sums else {})
        write_json(self.record_path, record)
        self._tidy(record)
        return record

    def history(self) -> list[dict[str, Any]]:
        """The rows of a complete run's history."""
        import pandas as pd

        rows: list[dict[str, Any]] = pd.read_parquet(self.history_path).to_dict("records")
        return rows

    def settled(self) -> dict[str, Any] | None:
        """:meth:`finished`, with what a kill at the very end of the run left behind removed."""
        record = self.finished()
        if record is not None:
            self._tidy(record)
        return record

    def leftovers(self, record: dict[str, Any]) -> list[Path]:
        """Files beside the record of a complete run that only resuming would need."""
        left = list(self._streams())
        if not record.get("checkpoint_kept", True) and self.checkpoint_path.exists():
            left.append(self.checkpoint_path)
        return left

    def _tidy(self, record: dict[str, Any]) -> None:
        for path in self.leftovers(record):
            path.unlink()

    def _streams(self) -> Iterator[Path]:
        return self.folder.glob(f"{self.stream_path.stem}.*")


def save_tensors(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain containers atomically, and behind them their SHA-256."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write(content)
        stream.write(hashlib.sha256(content).digest())


def load_tensors(path: Path) -> dict[str, Any] | None:
    """Read :func:`save_tensors`' file on the CPU without executing anything in it; None if absent.

    Raises :class:`UsageError` for a damaged file and for one that is too large.
    """
    if not path.exists():
        return None
    try:
        content = memoryview(read_bytes(path, "checkpoint"))
        whole, stored = content[:-_DIGEST], content[-_DIGEST:]
        if hashlib.sha256(whole).digest() != stored:  # torch does not notice a flipped bit
            raise ValueError("its checksum differs")
        check_zip(path, "checkpoint", whole)
        return torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
    except UsageError:
        raise
    except Exception as error:  # torch raises many types for damaged files
        raise UsageError(
            f"{path} is damaged ({type(error).__name__}); delete it and run again."
        ) from error
