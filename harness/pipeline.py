"""The main job: train a supernet, search it, rank architectures, compare with ground truth."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.assembly import (
    ground_truth,
    load_limited,
    make_method,
    revive_method,
    sampled_rows,
    training_identity,
)
from harness.config import SCHEMA_VERSION, Config, digest
from harness.environment import choose_device, describe_device, peak_memory_mb, versions
from harness.evaluate import evaluate_scores
from harness.found import measure_found
from harness.progress import bar
from harness.ranking import rank
from harness.store import atomic_path
from harness.tabular.table import Table
from harness.timing import timing_of
from harness.training import train_supernet
from harness.workspace import Workspace, load_tensors, save_tensors
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import Registry

FINISHERS = Registry(
    "finisher",
    "nas_harness.finishers",
    {"found": "reports.architecture:draw_found", "scatter": "reports.scatter:draw"},
)  # called with the folder of a finished run


@dataclass(frozen=True)
class Execution:
    """How a run is carried out; none of it changes a result."""

    data: Path | None = None
    runs: Path = Path("runs")
    device: str = "auto"
    workers: int = 0
    keep_checkpoint: bool = False


def run(config: Config, execution: Execution) -> dict[str, Any]:
    """Carry out a run, or continue it, or find it finished; returns its record.

    Raises :class:`UsageError` for whatever the user can mend.
    """
    space, table = ground_truth(config, execution.data)
    workspace = Workspace(execution.runs / config.run_name(table.meta.identity))
    begun = None if workspace.finished() else Run(config, execution, workspace, space, table)
    with workspace.lock():
        record = workspace.finished()
        if record is None:
            record = begun.carry_out()
        else:
            print(f"{workspace.folder} holds this run finished.", file=sys.stderr)
        for name in FINISHERS:
            FINISHERS[name](workspace.folder)
        return record


class Run:
    """One run in progress; :meth:`carry_out` reads top to bottom."""

    def __init__(
        self,
        config: Config,
        execution: Execution,
        workspace: Workspace,
        space: SearchSpace,
        table: Table,
    ):
        self.config, self.execution, self.workspace = config, execution, workspace
        self.space, self.table = space, table
        self.device = choose_device(execution.device)
        self.task = load_limited(config, execution.data).to(self.device)
        timings = execution.runs / "timings"
        self.timing = timing_of(config, space, self.task, self.device, timings, execution.data)
        self.settled = self.timing.settle(config) if self.timing else config
        self.method = make_method(self.settled, self.task, self.device, execution.data)
        self.phase, self.done = "train", 0
        self.history: list[dict[str, Any]] = []
        self.before, self.started = 0.0, time.monotonic()

    def carry_out(self) -> dict[str, Any]:
        """Train, search, rank, measure, record; returns the record."""
        self._resume()
        if self.phase == "train":
            self._train()
        if self.phase == "search":
            self._search()
        rows = sampled_rows(self.table, self.config.rank.architectures)
        names = [self.table.archs[row] for row in rows]
        scores = self._rank([self.space.decode(name) for name in names])
        found = measure_found(
            self.space,
            self.method.found(),
            self.config.task,
            self.table,
            self.config.rank.measure_found,
            self.workers,
            self.execution.data,
        )
        by_name = dict(zip(names, scores.tolist(), strict=True))
        result = evaluate_scores(
            self.table, by_name, "test", space=self.space, population=self.space.size
        )
        self._save_scores(rows, scores)
        self._save_history()
        record = self._record(result, found)
        self.workspace.complete(record, self.execution.keep_checkpoint)
        return record

    # The steps ------------------------------------------------------------------------------

    def _train(self) -> None:
        """Train the supernet, or take one that was trained exactly so before."""
        shared = self._shared_supernet()
        state = load_tensors(shared) if self.done == 0 else None
        if state is not None:
            print(f"supernet taken from {shared}", file=sys.stderr)
            self.method.load_trained_state(state["trained"])
            self.method.costs.update(state["costs"])
            self.history, self.before = state["history"], state["seconds"]
        else:
            steps = self.method.setting.recipe.steps
            train_supernet(self.method, steps, self.done, self.history, self._checkpoint)
            save_tensors(
                shared,
                {
                    "trained": self.method.trained_state(),
                    "costs": dict(self.method.costs),
                    "history": self.history,
                    "seconds": self.seconds,
                },
            )
        self.phase, self.done = "search", 0
        self._checkpoint(0)

    def _search(self) -> None:
        epochs = self.method.search_epochs
        with bar(epochs, "search", "epoch", self.done) as progress:
            for epoch in range(self.done, epochs):
                scored = self.method.search_epoch(epoch)
                self.history.append(self._search_row(epoch, scored))
                self._checkpoint(epoch + 1)
                progress.update()
        self.phase = "rank"
        self._checkpoint(0)

    def _search_row(self, epoch: int, scored: list[tuple[Arch, float]]) -> dict[str, Any]:
        scores = [score for _, score in scored]
        return {
            "phase": "search",
            "step": epoch + 1,
            "scored": len(scores),
            "best": max(scores, default=0.0),
            "mean": float(np.mean(scores)) if scores else 0.0,
        }

    def _rank(self, archs: list[Arch]) -> np.ndarray:
        revive = partial(
            revive_method,
            self.settled,
            self.execution.data,
            str(self.device),
            self.workspace.checkpoint_path,
        )
        return rank(self.method, archs, self.workspace.stream_path, self.workers, revive)

    # What is kept -----------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started

    @cached_property
    def workers(self) -> int:
        """Processes for ranking: one per core on a CPU, else one."""
        if self.execution.workers:
            return self.execution.workers
        return (os.cpu_count() or 1) if self.device.type == "cpu" else 1

    def _checkpoint(self, done: int) -> None:
        self.done = done
        self.workspace.save_checkpoint(
            {
                "phase": self.phase,
                "done": done,
                "steps": self.method.setting.recipe.steps,
                "method": self.method.state_dict(),
                "history": self.history,
                "seconds": self.seconds,
            }
        )

    def _resume(self) -> None:
        state = self.workspace.load_checkpoint()
        if state is None:
            self.workspace.stream_path.unlink(missing_ok=True)
            return
        if self.timing and state["steps"] != self.method.setting.recipe.steps:
            raise UsageError(
                f"{self.workspace.folder} was begun with {state['steps']} steps, as measured on "
                "another machine or in a file that is gone; continue it where it was begun, or "
                "delete it and begin anew."
            )
        self.phase, self.done, self.before = state["phase"], state["done"], state["seconds"]
        self.history = state["history"]
        self.method.load_state_dict(state["method"])
        print(f"continuing {self.workspace.folder} ({self.phase})", file=sys.stderr)

    def _shared_supernet(self) -> Path:
        """Where runs that train the same supernet find it: same data, recipe, seed, software."""
        config = self.settled
        name = digest(
            training_identity(config, self.method.space)
            | {
                "data": self.task.fingerprint(),
                "device": describe_device(self.device),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
        return self.execution.runs / "supernets" / f"{config.space}-{config.task}-{name}.pt"

    def _save_scores(self, rows: np.ndarray, scores: np.ndarray) -> None:
        import pandas as pd

        columns = {
            "arch": np.array(self.table.archs)[rows],
            "score": scores,
            "truth": self.table.truth("test")[rows],
        }
        sizes = {"params": self.table.params, "madds": self.table.madds}
        columns |= {name: size[rows] for name, size in sizes.items() if size is not None}
        frame = pd.DataFrame(columns)
        with atomic_path(self.workspace.scores_path) as temporary:
            frame.to_parquet(temporary, index=False)

    def _save_history(self) -> None:
        import pandas as pd

        with atomic_path(self.workspace.history_path) as temporary:
            pd.DataFrame(self.history).to_parquet(temporary, index=False)

    def _record(self, result: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        table, config = self.table, self.config
        return result | {
            "schema_version": SCHEMA_VERSION,
            "run": self.workspace.folder.name,
            "config": config.to_dict(),
            "data": {
                "train": len(self.task.train),
                "val": len(self.task.val),
                "test": len(self.task.test),
                "sha256": self.task.fingerprint(),
            },
            "ground_truth": {
                "table": table.meta.name,
                "split": "test",
                "seeds": len(table.seeds("test")),
                "version": table.meta.version,
                "sha256": table.meta.sha256,
            },
            "scoring": {
                "split": "val",
                "bn": config.score.bn,
                "images": config.score.images or len(self.task.val),
            },
            "notes": result["notes"]
            + self.method.notes()
            + ([self.timing.note(config)] if self.timing else []),
            "training": {
                "equalise": config.equalise,
                "steps": self.method.setting.recipe.steps,
            }
            | ({"timing": asdict(self.timing)} if self.timing else {}),
            "supernet": {
                "scale": self.space.scale,
                "parameters": sum(p.numel() for p in self.method.supernet.parameters()),
                "reduced": bool(config.supernet.width or config.supernet.cells),
            },
            "found": found,
            "costs": {"scoring_image_passes": 0}
            | dict(self.method.costs)
            | {
                "seconds": round(self.seconds, 1),
                "peak_memory_mb": peak_memory_mb(),
                "device": describe_device(self.device),
            },
            "versions": versions(),
        }
