"""The trained network that a finished stand-alone training kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.config import SCHEMA_VERSION
from harness.files.store import read_json
from harness.resuming.workspace import load_tensors
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import torch


def load_trained(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The record in ``folder`` and the network's weights, averaged ones where there are any.

    Raises :class:`UsageError` where the training is unfinished, damaged or without its weights.
    """
    path = folder / "standalone.json"
    if not path.exists():
        raise UsageError(
            f"{folder} holds no finished stand-alone training; make one with `nas-harness "
            "train-standalone --keep-checkpoint`."
        )
    record = read_json(path)
    if not isinstance(record, dict) or record.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(f"{path} was written by another version; run its command again.")
    state = load_tensors(folder / "checkpoint.pt")
    if state is None:
        raise UsageError(
            f"the weights of {folder} were not kept; delete it and train again with "
            "--keep-checkpoint."
        )
    try:
        return record, state["training"]["average"] or state["training"]["network"]
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} is damaged ({type(error).__name__}: {error}); train it again."
        ) from error


def weights_sha256(weights: Mapping[str, torch.Tensor]) -> str:
    """Of the names and values of tensors on the CPU, in this order, whatever their layout."""
    digest = hashlib.sha256()
    for name, tensor in weights.items():
        digest.update(name.encode() + tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()
