"""An exported file read back: its card and its weights, for trainings that start from them."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.exporting.card import CARD_VERSION, digest_of
from harness.exporting.programs import CARD, FORMATS
from harness.files.sizes import check_zip, read_bytes
from harness.standalone.source_run import Origin, Start
from searchspaces.errors import UsageError, first_line

if TYPE_CHECKING:
    import torch


def exported_origin(path: Path) -> Origin:
    """What a training that begins with the network in ``path`` takes from it.

    Raises :class:`UsageError` as :func:`read_exported` does.
    """
    card, weights = read_exported(path)
    arch = card["architecture"]
    return Origin(
        space=arch["space"],
        task=card["task"]["name"],
        scale=arch["scale"],
        arch=arch["arch"],
        search=card["search"],
        start=Start(card["weights"]["sha256"], weights),
        width=arch["width"],
        cells=arch["cells"],
    )


def read_exported(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The card in a file for PyTorch, and its tensors by the names that the network has for them.

    PyTorch unpacks such files as it does its models: one from a stranger may run code. Raises
    :class:`UsageError` for what is no such file, and for one that was changed.
    """
    import torch

    if path.suffix == FORMATS["onnx"].suffix:
        raise UsageError(
            f"{path} is for running: what ONNX keeps of weights is no longer by their names; give "
            "the file that `nas-harness export --format torch` writes of the same network."
        )
    extra = {CARD: ""}
    try:
        content = read_bytes(path, "checkpoint")
        check_zip(path, "checkpoint", content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.load(io.BytesIO(content), extra_files=extra)
        card, weights = json.loads(extra[CARD] or "{}"), dict(program.state_dict)
    except UsageError:
        raise
    except Exception as error:  # PyTorch raises many types for what is no such file
        raise UsageError(
            f"{path} is no network that `nas-harness export` wrote ({type(error).__name__}: "
            f"{first_line(error)}); name one that ends in {FORMATS['torch'].suffix}."
        ) from error
    if not isinstance(card, dict) or card.get("card_version") != CARD_VERSION:
        raise UsageError(f"{path} has no card of this version; export its network again.")
    if card["weights"]["sha256"] != digest_of(weights):
        raise UsageError(f"{path} is damaged: its weights are not those of its card.")
    return card, weights
