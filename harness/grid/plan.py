"""What a grid is to do: which runs are finished, which are not, and what these cost."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path
from statistics import mean

from harness.files.counts import counted
from harness.files.progress import duration
from harness.files.store import read_json
from harness.grid.queue import Job, Outcome
from searchspaces.errors import UsageError


def announcement(jobs: Sequence[Job], outcome: Outcome, slots: int, last: int = 0) -> str:
    """How many runs there are and how long they take, in a sentence.

    Time is known of configurations of which ``slots`` cores, or whatever runs are on, have finished
    another seed; else it shows as they go. ``last`` ensembles come behind.
    """
    total = len(jobs) + len(outcome.finished) + len(outcome.failed) + last
    parts = [f"{len(outcome.finished)} finished"] * bool(outcome.finished)
    parts += [f"{len(outcome.failed)} impossible"] * bool(outcome.failed)
    parts += [f"{len(jobs)} to do"]
    parts += [f"{last} ensembles of them to come last"] * bool(last)
    said = f"{counted(total, 'runs')}: {', '.join(parts)}"
    if not jobs:
        return f"{said}."
    said += f", {slots} at a time" if slots else ""
    known = [mean(taken) for job in jobs if (taken := seconds(job))]
    if not known:
        return f"{said}; how long they take is told while they run."
    time = duration(max(sum(known) / max(slots, 1), *known))
    of = "" if len(known) == len(jobs) else f" for {len(known)} of them"
    by = "by what finished runs of other seeds have taken once they had started."
    return f"{said}; about {time}{of}, {by}"


def seconds(job: Job) -> list[float]:
    """What finished runs beside ``job`` have taken that differ from it in the seed alone."""
    folder = job.workspace.folder
    taken = []
    for path in sorted(
        folder.parent.glob(f"{escape(folder.name.rpartition('-s')[0])}-s*/run.json")
    ):
        try:
            taken.append(float(read_json(path)["costs"]["seconds"]))
        except (UsageError, KeyError, TypeError, ValueError):  # told when it is asked for
            continue
    return taken


def planned_rows(
    jobs: Sequence[Job], outcome: Outcome, runs: Path
) -> list[tuple[str, Path | None, str]]:
    """Label, folder and state of each run: finished, to do with what it costs, or why it cannot be."""
    rows: list[tuple[str, Path | None, str]] = [
        (label, runs / name, "finished") for label, name in outcome.finished.items()
    ]
    trains: dict[str, str] = {}
    for job in jobs:
        first = trains.setdefault(job.supernet, job.name)
        begun = "begun" if job.workspace.checkpoint_path.exists() else "to do"
        rows.append((job.label, job.workspace.folder, f"{begun}: {_cost(job, first)}"))
    return rows + [(label, None, f"impossible: {why}") for label, why in outcome.failed.items()]


def _cost(job: Job, first: str) -> str:
    """Which supernet is trained, or that of run ``first`` is taken; and the time where it is known."""
    what = "trains nothing"
    if job.steps:
        what = f"a supernet of {job.steps:,} steps of {job.config.train.batch_size} images"
        if first != job.name:
            what = f"the supernet of {first}"
    taken = seconds(job)
    return f"{what}, about {duration(mean(taken))}" if taken else what
