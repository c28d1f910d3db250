"""What a tracker is, and those that there are by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from searchspaces.errors import UsageError
from searchspaces.registry import Registry

TRACKERS = Registry(
    "tracker",
    "nas_harness.trackers",
    {
        "tensorboard": "harness.trackers.tensorboard:TensorBoard",
        "wandb": "harness.trackers.wandb:WeightsAndBiases",
        "mlflow": "harness.trackers.mlflow:MLflow",
    },
    needs=("begin", "log", "end"),
)


class Tracker(ABC):
    """Is told of one run, in a process of its own, which the run does not wait for until its end.

    What it raises ends it, not the run. After a kill another one is told of the run from its
    beginning: the same numbers of the same points, of which it keeps each once. ``package`` is what
    it imports, in its methods, and ``pip install`` knows.
    """

    package = ""

    @abstractmethod
    def begin(self, name: str, folder: Path, parameters: Mapping[str, Any]) -> None:
        """The run ``name`` begins, or goes on; ``parameters`` are its options by their flags.

        ``folder`` is the run's own, to write into.
        """

    @abstractmethod
    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """The point ``number`` (0, 1, ...): ``values`` by the names of their lines, after ``step``."""

    def picture(self, name: str, path: Path) -> None:
        """A PNG of the finished run."""
        return None

    @abstractmethod
    def end(self, results: Mapping[str, float]) -> None:
        """The run is finished: what came out and what it cost; all is to be written now."""

    def leave(self) -> None:
        """In place of :meth:`end`: the run failed, or was stopped; what was told is written now."""
        return None


def check_trackers(names: Iterable[str]) -> None:
    """Raises :class:`UsageError` for an unknown tracker, and for one that is not installed."""
    for name in names:
        package = getattr(TRACKERS[name], "package", "")
        if package and find_spec(package) is None:
            raise UsageError(
                f"--log {name} needs {package}, which is not installed: `pip install {package}`."
            )
