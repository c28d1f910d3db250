"""The run that found an architecture, and what its search cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.config import SCHEMA_VERSION
from harness.files.store import read_json
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Origin:
    """What ``run.json`` tells of the architecture that the run found.

    ``search`` goes into the record of the stand-alone training; its cost is that of the whole run,
    which counts no parts.
    """

    space: str
    task: str
    scale: str
    arch: str
    search: dict[str, Any]


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
