"""From finished runs of scorers to the best proxy of a table, chosen on its development sample.

It is chosen by validation accuracies of a sample, and held against methods by test accuracies: so
that "the best of fifteen" is not chosen on what is reported. It is chosen among all that are known
for the table, those of the package and of earlier runs too: a few further runs lower no floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.config import DEVELOPMENT, NOTHING
from harness.metrics.metrics import kendall_tau
from harness.resuming.workspace import Workspace
from harness.running.assembly import sampled_rows
from harness.running.parts import COSTS_OF_PARTS
from harness.running.run_scores import read_scores_columns
from harness.tabular.ground_truth import space_with_table
from harness.tabular.proxies import Proxies, known_proxies
from harness.tabular.table import Table
from methods.registry import METHODS, SCORERS
from searchspaces.errors import UsageError
from searchspaces.registry import file_of, short

NO_PROXIES = ("params", "flops", "ensemble", "short-training")  # floors of their own, or trained
Scores = dict[str, float]  # by encoded architecture
Run = tuple[dict[str, Any], Path]  # the record of a finished run, and its folder


def development_rows(table: Table, number: int = DEVELOPMENT) -> np.ndarray:
    """Rows of the development sample: ``number``, at most half of the table."""
    return sampled_rows(table, min(number, len(table) // 2))


def gathered(folders: Iterable[Path], data: Path | None = None, best: str = "") -> list[Proxies]:
    """The proxies of each table that runs of scorers among ``folders`` ranked, and all known of it.

    A scorer of a user's own file is one by its name there. ``best`` names the one to take; else it
    is that of the highest τ-b with the validation accuracies of the development sample. Of several
    seeds the first counts; runs of it that differ in what they ranked only are put together. A
    scorer that was known is what these runs say of it. Raises :class:`UsageError` where there are
    no such runs, or several of a scorer and a seed with other settings, where they lack
    architectures of the sample, or the best so far does, where a table without validation
    accuracies needs ``best`` and none was named before, and for a scorer in a file that has the name of another.
    """
    tables: dict[str, list[Run]] = {}
    for folder in sorted(folders):
        record = Workspace(folder).finished()
        if record is not None and _is_of_proxy(record):
            tables.setdefault(record["ground_truth"]["table"], []).append((record, folder))
    if not tables:
        raise UsageError(
            "there is no finished run of a proxy here; `nas-harness grid --method synflow snip "
            "naswot` makes some, and `--method FILE.py:NAME` one of a scorer of your own."
        )
    return [_of_table(runs, data, best) for runs in tables.values()]


def _is_of_proxy(record: dict[str, Any]) -> bool:
    """Whether nothing was trained for the scores of a run, nor for those that it is made of."""
    untrained = record["scoring"]["split"] == NOTHING and not record["costs"]["steps"]
    combined = any(note.startswith(COSTS_OF_PARTS) for note in record["notes"])
    return untrained and not combined and record["config"]["method"] not in NO_PROXIES


def _name(config: dict[str, Any]) -> str:
    """What the proxy that a run is of is called, among all others of a table."""
    method: str = config["method"]
    name = short(method)
    if file_of(method) and (name in {*METHODS, *SCORERS} or name == "arch"):
        raise UsageError(
            f"{method} would be taken for another by its name, {name}; give it another one and run "
            "it again."
        )
    return name


def _of_table(runs: list[Run], data: Path | None, best: str) -> Proxies:
    config = runs[0][0]["config"]
    table = space_with_table(config["space"], config["task"], config["scale"], data, "")[1]
    own: dict[str, list[Run]] = {}
    for run in runs:
        own.setdefault(_name(run[0]["config"]), []).append(run)
    known = list(known_proxies(table.meta.name))
    merged = _merged(known, {name: _scores(name, of) for name, of in own.items()})
    elsewhere = {arch for of in merged.values() for arch in of} - {*table.archs}
    archs = [*table.archs, *sorted(elsewhere)]
    scores = {
        name: np.array([of.get(arch, np.nan) for arch in archs])
        for name, of in sorted(merged.items())
    }
    chosen: dict[str, Any] = {"by": "named"}
    if known and not has_validation(table):
        best = best or known[0].best  # as it was named before
    if not best:
        needed = [*own, *(proxies.best for proxies in known[:1])]
        best, chosen = _chosen(table, scores, needed)
    elif best not in scores:
        raise UsageError(f"there is no finished run of {best}; there are {', '.join(scores)}.")
    before = (name for of in known for name in of.chosen.get("reduced", ()) if name not in own)
    reduced = {*before, *(name for name, of in own.items() if any(map(_is_reduced, of)))}
    told = {"reduced": sorted(reduced)} if reduced else {}
    return Proxies(table.meta.name, best, chosen | told, archs, scores)


def _is_reduced(run: Run) -> bool:
    """Whether its networks are smaller than, or see less than, those of the ground truth."""
    return bool(run[0].get("supernet", {}).get("reduced"))


def _merged(known: Sequence[Proxies], own: Mapping[str, Scores]) -> dict[str, Scores]:
    """By scorer; of one that is in several places what is ``own``, then what comes first, counts.

    What scores the same architectures alike is of one scorer, and is put together.
    """
    merged: dict[str, Scores] = {}
    for found in (*(proxies.by_arch() for proxies in reversed(known)), own):
        for name, scores in found.items():
            before = merged.get(name, {})
            both = before.keys() & scores.keys()
            together = bool(both) and _alike(before, scores)
            merged[name] = before | scores if together else dict(scores)
    return merged


def _alike(one: Scores, other: Scores) -> bool:
    """Whether architectures of both have the same score in both."""
    both = one.keys() & other.keys()
    return np.allclose([one[arch] for arch in both], [other[arch] for arch in both], rtol=1e-3)


def _scores(name: str, runs: list[Run]) -> Scores:
    """By architecture, of all runs of one scorer that have its first seed."""
    seed = min(record["config"]["seed"] for record, _ in runs)
    first = [(record["config"], folder) for record, folder in runs]
    first = [(config, folder) for config, folder in first if config["seed"] == seed]
    settings, known = _settings(first[0][0]), first[0][1]
    scores: Scores = {}
    for config, folder in first:
        if _settings(config) != settings:
            raise UsageError(
                f"{known} and {folder} are both of {name}, with other settings; give only one of "
                "them."
            )
        own = read_scores_columns(folder / "scores.parquet")
        if not _alike(own, scores):
            raise UsageError(
                f"{known} and {folder} are both of {name}, with other scores of the same "
                "architectures; give only one of them."
            )
        scores |= own
    return scores


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """Of a run, without which architectures it ranked and how it searched.

    Nor where a file of the user's own lies: its checksum is among them.
    """
    apart = ("rank", "search", "method")
    return {name: value for name, value in config.items() if name not in apart}


def has_validation(table: Table) -> bool:
    """Whether there is something to choose a proxy by that is not reported."""
    return f"val.{table.meta.epochs}.mean" in table.accuracies


def _chosen(
    table: Table, scores: dict[str, np.ndarray], needed: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """The best by validation accuracies of the development sample, and all their τ-b.

    Those that lack architectures of it take no part; raises :class:`UsageError` for one ``needed``.
    """
    if not has_validation(table):
        raise UsageError(
            f"{table.meta.name} has no validation accuracies to choose by, and by test accuracies "
            "the best would be chosen on what is reported; name one with --best."
        )
    rows = development_rows(table)
    truth = table.truth("val")[rows]
    taus: dict[str, float] = {}
    for method, own in scores.items():
        if np.isfinite(own[rows]).all():
            taus[method] = kendall_tau(own[rows], truth) or 0.0
        elif method in needed:
            raise UsageError(
                f"{method} lacks architectures of the development sample of {table.meta.name}; run "
                f"it with --rank.architectures {len(rows)}, or 0 for all, or name the proxy to take "
                "with --best."
            )
    best = max(taus, key=lambda method: taus[method])
    return best, {"by": "val", "n": len(rows), "tau": taus}
