"""Trainings with a folder of their own, which continue where their last checkpoint left them."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from harness.environment import harness_version
from harness.resuming.earlier_versions import other_version, readable, tell_of_others
from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError

CHECK_EVERY = 50  # steps between two looks at the loss; one device synchronisation each


class TrainingWorkspace(Workspace):
    """The folder of one training; its record is the file ``record``."""

    def __init__(self, folder: Path, record: str):
        super().__init__(folder)
        self.record_path = folder / record


class Resumable(ABC):
    """Base of a training of which ``done`` steps are done, on the images of ``sha256``.

    ``alike`` says what is unfinished in folders whose names differ in their digest alone.
    """

    alike: str

    def __init__(self, workspace: Workspace, images: str, sha256: str):
        self.workspace, self.images, self.sha256 = workspace, images, sha256
        self.done, self.before, self.started = 0, 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started

    def checkpoint(self, done: int) -> None:
        kept = {"done": done, "seconds": self.seconds, "sha256": self.sha256}
        kept["version"] = harness_version()
        self.workspace.save_checkpoint(kept | self.state())

    def resume(self) -> None:
        """Take up the last checkpoint, if any; else tell of trainings of other versions that stay.

        Raises :class:`UsageError` for other images, and for a version whose checkpoints this one
        cannot read.
        """
        state = self.workspace.load_checkpoint()
        if state is None:
            tell_of_others(self.workspace, harness_version(), self.alike)
            return
        if state["sha256"] != self.sha256:
            raise UsageError(
                f"{self.images} are not those that {self.workspace.folder} was begun with; bring "
                "them back, or delete the folder."
            )
        self.done, self.before = state["done"], state["seconds"]
        begun_by = other_version(state, harness_version())
        with readable(self.workspace.folder, begun_by):
            self.take_up(state)
        note = f", begun by {begun_by}" if begun_by else ""
        print(f"continuing {self.workspace.folder} at step {self.done}{note}", file=sys.stderr)

    def check(self, loss: float, what: str, step: int, remedy: str) -> None:
        """:func:`check_finite` of one ``loss``."""
        check_finite([loss], what, step, partial(last_checkpoint, self.workspace), remedy)

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Tensors and plain containers by name: everything needed to go on."""

    @abstractmethod
    def take_up(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` gave."""


def check_finite(
    values: Iterable[float], what: str, step: int, last: Callable[[], str], remedy: str
) -> None:
    """Raise :class:`UsageError` unless all ``values`` at ``step`` are finite.

    ``last`` tells of the last checkpoint, as :func:`last_checkpoint` does.
    """
    if not all(abs(value) < float("inf") for value in values):
        raise UsageError(
            f"{what} is not finite at step {step}; {last()}. {remedy}, then run again."
        )


def last_checkpoint(workspace: Workspace) -> str:
    """Where the last checkpoint is and of which step, in words."""
    state = workspace.load_checkpoint()
    if state is None:
        return "there is no checkpoint yet"
    return f"the last good checkpoint, {workspace.checkpoint_path}, is of step {state['done']}"
