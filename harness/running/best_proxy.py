"""From finished runs of scorers to the best proxy of a table, chosen on its development sample.

It is chosen by validation accuracies of a sample, and held against methods by test accuracies: so
that "the best of fifteen" is not chosen on what is reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.config import DEVELOPMENT
from harness.metrics.metrics import kendall_tau
from harness.resuming.workspace import Workspace
from harness.running.assembly import sampled_rows
from harness.running.run_scores import read_scores_columns
from harness.tabular.ground_truth import space_with_table
from harness.tabular.proxies import Proxies
from harness.tabular.table import Table
from methods.registry import SCORERS
from searchspaces.errors import UsageError

NO_PROXIES = ("params", "flops", "ensemble", "short-training")  # floors of their own, or trained


def development_rows(table: Table, number: int = DEVELOPMENT) -> np.ndarray:
    """Rows of the development sample: ``number``, at most half of the table."""
    return sampled_rows(table, min(number, len(table) // 2))


def gathered(folders: Iterable[Path], data: Path | None = None, best: str = "") -> list[Proxies]:
    """The proxies of each table that runs of scorers among ``folders`` ranked.

    ``best`` names the one to take; else it is that of the highest τ-b with the validation
    accuracies of the development sample. Of several seeds the first counts; runs of it that differ
    in what they ranked only are put together. Raises :class:`UsageError` where there are no such
    runs, or several of a scorer and a seed with other settings, where they lack architectures of
    the sample, and where a table without validation accuracies needs ``best``.
    """
    tables: dict[str, list[tuple[dict[str, Any], Path]]] = {}
    for folder in sorted(folders):
        record = Workspace(folder).finished()
        if record is not None and record["config"]["method"] in {*SCORERS} - {*NO_PROXIES}:
            tables.setdefault(record["ground_truth"]["table"], []).append((record, folder))
    if not tables:
        raise UsageError(
            "there is no finished run of a proxy here; `nas-harness grid --method synflow snip "
            "naswot` makes some."
        )
    return [_of_table(runs, data, best) for runs in tables.values()]


def _of_table(runs: list[tuple[dict[str, Any], Path]], data: Path | None, best: str) -> Proxies:
    config = runs[0][0]["config"]
    table = space_with_table(config["space"], config["task"], config["scale"], data, "")[1]
    scores = {}
    for method in sorted({record["config"]["method"] for record, _ in runs}):
        own = _scores([run for run in runs if run[0]["config"]["method"] == method])
        scores[method] = np.array([own.get(arch, np.nan) for arch in table.archs])
    chosen: dict[str, Any] = {"by": "named"}
    if not best:
        best, chosen = _chosen(table, scores)
    elif best not in scores:
        raise UsageError(f"there is no finished run of {best}; there are {', '.join(scores)}.")
    return Proxies(table.meta.name, best, chosen, list(table.archs), scores)


def _scores(runs: list[tuple[dict[str, Any], Path]]) -> dict[str, float]:
    """By architecture, of all runs of one scorer that have its first seed."""
    seed = min(record["config"]["seed"] for record, _ in runs)
    first = [(record["config"], folder) for record, folder in runs]
    first = [(config, folder) for config, folder in first if config["seed"] == seed]
    settings, known = _settings(first[0][0]), first[0][1]
    scores: dict[str, float] = {}
    for config, folder in first:
        if _settings(config) != settings:
            raise UsageError(
                f"{known} and {folder} are both of {config['method']}, with other settings; give "
                "only one of them."
            )
        own = read_scores_columns(folder / "scores.parquet")
        both = own.keys() & scores.keys()
        if not np.allclose([own[a] for a in both], [scores[a] for a in both], rtol=1e-3):
            raise UsageError(
                f"{known} and {folder} are both of {config['method']}, with other scores of the same "
                "architectures; give only one of them."
            )
        scores |= own
    return scores


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """Of a run, without which architectures it ranked and how it searched."""
    return {name: value for name, value in config.items() if name not in ("rank", "search")}


def _chosen(table: Table, scores: dict[str, np.ndarray]) -> tuple[str, dict[str, Any]]:
    """The best by validation accuracies of the development sample, and all their τ-b."""
    if f"val.{table.meta.epochs}.mean" not in table.accuracies:
        raise UsageError(
            f"{table.meta.name} has no validation accuracies to choose by, and by test accuracies "
            "the best would be chosen on what is reported; name one with --best."
        )
    rows = development_rows(table)
    truth = table.truth("val")[rows]
    taus: dict[str, float] = {}
    for method, own in scores.items():
        if not np.isfinite(own[rows]).all():
            raise UsageError(
                f"the run of {method} lacks architectures of the development sample of "
                f"{table.meta.name}; run it with --rank.architectures {len(rows)}, or 0 for all."
            )
        taus[method] = kendall_tau(own[rows], truth) or 0.0
    best = max(taus, key=lambda method: taus[method])
    return best, {"by": "val", "n": len(rows), "tau": taus}
