"""From a finished run or training to a file with its network, checked, and a card beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from harness.environment import threads
from harness.exporting.card import as_markdown, make_card
from harness.exporting.of_run import of_run
from harness.exporting.of_training import of_training
from harness.exporting.programs import FORMATS, Format, Run, traced
from harness.exporting.trained import Trained
from harness.files.store import atomic_path
from methods.data import first_batches
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

TOLERANCE = 1e-4  # of logits, relative to the largest where that is above 1
COMPARED = 32  # validation images


def export_network(
    folder: Path,
    output: Path,
    arch: str,
    format_name: str = "",
    data: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the network of ``arch`` and its card, ``output`` + ``.md``; returns the card.

    An empty ``format_name`` is that of the name of ``output``. Nothing is written unless what is to
    be written has the network's logits. Raises :class:`UsageError` for whatever the user can mend.
    """
    form, beside = _format(format_name, output), output.with_name(f"{output.name}.md")
    for path in (output, beside):
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists; choose another --output, or give --overwrite.")
    form.check_installed()
    trained = _trained(folder, arch, data)
    images, _ = next(first_batches(trained.task, "val", COMPARED, COMPARED))
    with threads(1):
        program = traced(trained.network, images)
        card = make_card(trained, program.state_dict, form.needs)
        content = form.written(program, images, json.dumps(card, indent=2, allow_nan=False))
        check_equal(trained.network, form.read(content), images)
    sha256 = hashlib.sha256(content).hexdigest()
    for path, held in (
        (output, content),
        (beside, as_markdown(card, output.name, sha256).encode()),
    ):
        with atomic_path(path) as temporary:
            temporary.write_bytes(held)
    return card | {"file": str(output), "file_sha256": sha256}


def check_equal(network: torch.nn.Module, run: Run, images: torch.Tensor) -> None:
    """Raise :class:`UsageError` unless ``run`` gives the logits of ``network``.

    For all ``images`` together, and for one alone.
    """
    for some in (images, images[:1]):
        with torch.no_grad():
            own, other = network(some), run(some)
        limit = TOLERANCE * max(1.0, own.abs().max().item())
        apart = (own - other).abs().max().item() if own.shape == other.shape else float("nan")
        if not apart <= limit:
            raise UsageError(
                f"the exported network's logits are {apart:.1e} from the network's own, where "
                f"{limit:.1e} is allowed, so that nothing was written; try another --format, and "
                "tell the harness's authors."
            )


def _format(name: str, output: Path) -> Format:
    """That called ``name``, or of the name of ``output``."""
    by_suffix = {form.suffix: of for of, form in FORMATS.items()}
    name = name or by_suffix.get(output.suffix, "")
    endings = " or ".join(f"{suffix} ({of})" for suffix, of in by_suffix.items())
    if not name:
        raise UsageError(f"--output {output} has to end in {endings}.")
    if name not in FORMATS:
        raise UsageError(f"--format: unknown '{name}'{nearest(name, FORMATS)}")
    if output.suffix != FORMATS[name].suffix:
        raise UsageError(f"--output {output} has to end in {FORMATS[name].suffix} for {name}.")
    return FORMATS[name]


def _trained(folder: Path, arch: str, data: Path | None) -> Trained:
    for record, found in (("run.json", of_run), ("standalone.json", of_training)):
        if (folder / record).exists():
            return found(folder, arch, data)
    raise UsageError(
        f"{folder} holds neither a finished run (run.json) nor a finished training "
        "(standalone.json); name the folder of one."
    )
