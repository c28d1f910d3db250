"""Scores against accuracies of one's own: a file is the truth, without importing it as a table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from harness.files.checksums import sha256
from harness.scores.combining import Scores
from harness.scores.reading import Choice, Given
from harness.tabular.ground_truth import usual_scale
from harness.tabular.own_table import NAMES, space_of
from harness.tabular.table import Table, TableMeta
from harness.tasks import image_of, load_task
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

_EXACT = 1e-6  # percent; how many test images there were is not known


def own_truth(
    scores: Given,
    choice: Choice,
    against: Path | str,
    column: str = "",
    space: str = "nb201",
    task: str = "digits",
    scale: str = "",
    names_only: bool = False,
) -> tuple[SearchSpace | None, Table, Scores]:
    """The space, a table of the accuracies in the file ``against``, and the scores that have one.

    Both files name architectures in any writing of the space; ``column`` is that of accuracies, in
    percent, or fractions where none is above 1. Parameters and FLOPs are those of the networks of
    ``space`` at ``scale`` on images of ``task``. With ``names_only`` the space is none of the
    harness: both files have to write an architecture alike, and its costs are not known. Raises
    :class:`UsageError` for either file as :meth:`Given.scores` does, and where they have fewer than
    two architectures in common.
    """
    options = ("--against-column",)
    truth = Given.of(against)
    chosen: SearchSpace | None = None
    if space_of(space, names_only) is not None:
        chosen = SPACES[space](scale or usual_scale(space, task))
    known = truth.scores(None, chosen, Choice("", column, False, options), task)
    table, notes = _table(known, Path(against), chosen, space, task)
    scored = scores.scores(None, chosen, choice, task)
    common = {arch: score for arch, score in scored.items() if arch in known}
    if len(common) < 2:
        raise UsageError(
            f"{against} has accuracies of {len(common)} of the {len(scored):,} scored "
            "architectures; a ranking needs two or more."
        )
    if len(common) < len(scored):
        notes.append(
            f"{len(scored) - len(common):,} of {len(scored):,} scores were left out, of "
            f"architectures that {Path(against).name} has no accuracy of."
        )
    return chosen, table, Scores(common, [*scored.notes, *notes])


def _table(
    known: Scores, path: Path, space: SearchSpace | None, called: str, task: str
) -> tuple[Table, list[str]]:
    """The table of accuracies, and notes on how the file was read."""
    percent = np.array(list(known.values()))
    notes = [f"{path.name}: {note}" for note in known.notes]
    if percent.min() >= 0 and percent.max() <= 1:
        percent = 100 * percent
        notes.append(f"Accuracies in {path.name} are up to 1 and were taken for fractions.")
    name = re.sub("[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "own"
    meta = TableMeta(
        space=space.name if space else called,
        scale=space.scale if space else NAMES,
        task=name,
        source=path.name,
        licence="not stated",
        version="own",
        sha256=sha256(path),
        created_by=f"nas-harness evaluate --against {path.name}",
        epochs=1,
        resolution={"test": _EXACT},
        training={"truth": name, "epochs_known": False},
    )
    params = madds = None
    if space is not None:
        image = image_of(task) or load_task(task).image
        costs = [space.cost(space.decode(arch), image) for arch in known]
        params = np.array([cost.params for cost in costs], dtype=np.int64)
        madds = np.array([cost.madds for cost in costs], dtype=np.int64)
    try:
        return Table(meta, list(known), {"test.1.mean": percent}, params, madds), notes
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
