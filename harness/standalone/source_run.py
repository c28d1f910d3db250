"""The run that found an architecture, and what its search cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.config import SCHEMA_VERSION
from harness.files.store import read_json
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Start:
    """Weights to begin with, by the names of a network's tensors, and their SHA-256."""

    sha256: str
    weights: Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Origin:
    """What ``run.json``, or an exported network's card, tells of the architecture that a run found.

    ``search`` goes into the record of the stand-alone training; its cost is that of the whole run,
    which counts no parts. Only a network has a ``start``, and perhaps a ``width`` and ``cells`` that
    are not its scale's.
    """

    space: str
    task: str
    scale: str
    arch: str
    search: dict[str, Any] | None
    start: Start | None = None
    width: int = 0
    cells: int = 0


def read_origin(folder: Path) -> Origin:
    """Raises :class:`UsageError` where ``folder`` holds no finished run."""
    path = folder / "run.json"
    if not path.exists():
        raise UsageError(
            f"{folder} holds no finished run (run.json); name the folder of one, or give the "
            "architecture with --arch."
        )
    record = read_json(path)
    try:
        if record["schema_version"] != SCHEMA_VERSION:
            raise UsageError(f"{path} was written by another version; run its command again.")
        config, seconds = record["config"], float(record["costs"]["seconds"])
        return Origin(
            space=config["space"],
            task=config["task"],
            scale=record["ground_truth"].get("scale") or record["supernet"]["scale"],
            arch=record["found"]["arch"],
            search={
                "run": record["run"],
                "method": config["method"],
                "seed": config["seed"],
                "preset": config["preset"],
                "seconds": seconds,
                "days": seconds / 86_400,
                "device": record["costs"]["device"],
                "covers": "training the supernet, search and ranking",
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is damaged ({type(error).__name__}: {error}); run its command again."
        ) from error
