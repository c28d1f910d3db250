"""How far the scores of two runs of one configuration agree: of two seeds, or on two processors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.metrics.metrics import kendall_tau
from reports.runs.configuration import configurations, contexts, identity, seed_of, told_apart
from reports.runs.record import Record, load_all
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pandas

OF_MEAN = ("space", "task", "architectures", "method", "arm", "qp", "settings", "configuration")


def agreement(folders: Iterable[Path | str]) -> pandas.DataFrame:
    """A row per pair of runs of one configuration which differ in one thing, or in ``nothing``.

    ``differ`` is one of :data:`KINDS`: the seed on one processor, or for one seed the processor,
    with the instructions that it was allowed; of runs that do not tell theirs, nothing is known to
    differ. ``tau`` is Kendall's τ-b between their scores of the same ``architectures``, None where
    a run scores all alike; ``first_tau`` and ``second_tau`` are that of each with the truth.

    Raises :class:`UsageError` for damaged runs and where no two can be paired.
    """
    import pandas

    records = load_all(folders)
    members: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        members.setdefault(identity(record), []).append(record)
    once = {(key, seed_of(record)): record for key in members for record in members[key]}
    rows = []
    for comparable in contexts(configurations(once.values())):
        for group, settings in zip(comparable, told_apart(comparable), strict=True):
            about = {key: group.context[key] for key in ("space", "task")} | group.method
            about |= {"settings": settings, "configuration": group.name}
            rows += [about | pair for pair in _pairs(members[identity(group.first)])]
    if not rows:
        raise UsageError(
            "no two of these runs are of one configuration; give runs that differ in their seed "
            "alone, or in the processor that computed them."
        )
    return pandas.DataFrame(rows)


def means(pairs: pandas.DataFrame) -> pandas.DataFrame:
    """A row per configuration and kind of pair of :func:`agreement`, seeds first.

    ``tau`` is the mean over the ``pairs`` and ``lowest`` the least of them; ``truth_apart`` is the
    mean distance between what the two runs of a pair reach with the truth, ``most_apart`` the
    largest. None where any is.
    """
    import pandas

    rows = []
    for key, group in pairs.groupby([*OF_MEAN, "differ"], sort=False):
        apart = (group["first_tau"] - group["second_tau"]).abs()
        rows.append(
            dict(zip([*OF_MEAN, "differ"], key, strict=True))
            | {
                "pairs": len(group),
                "tau": group["tau"].mean(skipna=False),
                "lowest": group["tau"].min(skipna=False),
                "truth_apart": apart.mean(skipna=False),
                "most_apart": apart.max(skipna=False),
            }
        )
    return pandas.DataFrame(rows)


def processor_of(record: Record) -> str:
    """Device, model, vector instructions and limits in words; the device alone of older records."""
    names = (("costs", "device"), ("processor", "model"), ("processor", "vectors"))
    limits = record.get("processor", "limits")
    limited = sorted(limits.items()) if isinstance(limits, dict) else []
    known = [str(record.get(*keys)) for keys in names if record.get(*keys)]
    return ", ".join(known + [f"{name}={value}" for name, value in limited])


WHAT: dict[str, Callable[[Record], object]] = {"seed": seed_of, "processor": processor_of}
KINDS = (*WHAT, "nothing")  # what two runs of one configuration may differ in


def _pairs(members: list[Record]) -> Iterator[dict[str, Any]]:
    """Those of one configuration, kind by kind."""
    ordered = sorted(members, key=lambda record: (seed_of(record), str(record.folder)))
    pairs = [(_differ(*pair), *pair) for pair in combinations(ordered, 2)]
    for kind in KINDS:
        for differ, first, second in pairs:
            if differ == kind:
                about = {"differ": kind, "first": str(first.folder), "second": str(second.folder)}
                for name, of in WHAT.items():
                    about |= {f"first_{name}": of(first), f"second_{name}": of(second)}
                yield about | _taus(first, second)


def _differ(first: Record, second: Record) -> str | None:
    """One of :data:`KINDS`; None for two that differ in seed and processor."""
    found = [kind for kind, of in WHAT.items() if of(first) != of(second)]
    return None if len(found) > 1 else (found or ["nothing"])[0]


def _taus(first: Record, second: Record) -> dict[str, Any]:
    both = first.scores().merge(second.scores(), on="arch", suffixes=("_first", "_second"))
    if both.empty:
        raise UsageError(f"{first.folder} and {second.folder} scored no architecture in common.")
    one, other = (both[f"score_{of}"].to_numpy() for of in ("first", "second"))
    truths = (both[f"truth_{of}"].to_numpy() for of in ("first", "second"))
    pairs = zip(("first_tau", "second_tau"), (one, other), truths, strict=True)
    return {
        "architectures": len(both),
        "tau": kendall_tau(one, other),
        **{name: kendall_tau(score, truth) for name, score, truth in pairs},
    }
