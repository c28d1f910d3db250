"""The main job: train a supernet, search it, rank architectures, compare with ground truth."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.config.config import Config, digest
from harness.distributed.crew import ALONE, Crew
from harness.distributed.training import check_divisible, trained_together
from harness.files.environment import choose_device, describe_device
from harness.files.progress import bar
from harness.files.store import atomic_path
from harness.metrics.evaluate import evaluate_scores
from harness.metrics.metrics import kendall_tau
from harness.resuming.resumable import last_checkpoint
from harness.resuming.workspace import Workspace, load_tensors, save_tensors
from harness.running.acceleration import accelerated
from harness.running.assembly import (
    ground_truth,
    load_limited,
    make_method,
    revive_method,
    sampled_rows,
    training_identity,
)
from harness.running.crew_ranking import rank_together
from harness.running.found_architecture import measure_found
from harness.running.run_record import record_of, scores_columns
from harness.running.timing import timing_of
from harness.running.training import train_supernet
from harness.tabular.table import Table
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import Registry

FINISHERS = Registry(
    "finisher",
    "nas_harness.finishers",
    {
        "found": "reports.architectures.architecture:draw_found",
        "scatter": "reports.pictures.scatter:draw",
    },
)  # called with the folder of a finished run


@dataclass(frozen=True)
class Execution:
    """How a run is carried out; none of it changes a result.

    ``patience``: seconds to wait for another process to leave the run's folder.
    """

    data: Path | None = None
    runs: Path = Path("runs")
    device: str = "auto"
    workers: int = 0
    keep_checkpoint: bool = False
    patience: float = 0.0


def run(config: Config, execution: Execution, crew: Crew = ALONE) -> dict[str, Any]:
    """Carry out a run, or continue it, or find it finished; returns its record.

    Each process of a ``crew`` calls this; only the leader writes and gets a new record. Raises
    :class:`UsageError` for whatever the user can mend.
    """
    space, table = ground_truth(config, execution.data)
    workspace = Workspace(execution.runs / config.run_name(table.meta.identity))
    known = crew.agree(workspace.finished() is not None)
    begun = None if known else Run(config, execution, workspace, space, table, crew)
    with workspace.lock(execution.patience) if crew.leads else nullcontext():
        record = crew.agree(workspace.settled() if crew.leads else None)
        if record is None:
            record = begun.carry_out()
        elif crew.leads:
            print(f"{workspace.folder} holds this run finished.", file=sys.stderr)
        for name in FINISHERS if crew.leads else ():
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
        crew: Crew = ALONE,
    ):
        self.config, self.execution, self.workspace = config, execution, workspace
        self.space, self.table, self.crew = space, table, crew
        self.device = choose_device(execution.device)
        self.task = load_limited(config, execution.data).to(self.device)
        if crew.size > 1 and config.equalise == "seconds":
            raise UsageError("--equalise seconds measures one process; leave torchrun out.")
        if crew.size > 1 and config.accelerate.compile:
            raise UsageError(
                "compiled operators see BN statistics of one process only; leave torchrun or "
                "--accelerate.compile out."
            )
        timings = execution.runs / "timings"
        self.timing = timing_of(config, space, self.task, self.device, timings, execution.data)
        self.settled = self.timing.settle(config) if self.timing else config
        self.method = make_method(self.settled, self.task, self.device, execution.data)
        check_divisible(self.method, config.method, crew)
        self.phase, self.done = "train", 0
        self.history: list[dict[str, Any]] = []
        self.before, self.started = 0.0, time.monotonic()

    def carry_out(self) -> dict[str, Any]:
        """Train, search, rank, measure, record; returns the record, which only the leader has."""
        self.crew.check_shared(self.workspace.folder)
        self._resume()
        self.crew.wait()
        if self.phase == "train":
            self._train()
        if self.phase == "search":
            self._search()
        rows = sampled_rows(self.table, self.config.rank.architectures)
        names = [self.table.archs[row] for row in rows]
        scores = self._rank([self.space.decode(name) for name in names])
        if not self.crew.leads:
            return {}
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
        self._save(self.workspace.scores_path, scores_columns(self.table, rows, scores))
        self._save(self.workspace.history_path, self.history)
        record = record_of(self, result, found)
        return self.workspace.complete(record, self.execution.keep_checkpoint)

    # The steps ------------------------------------------------------------------------------

    def _train(self) -> None:
        """Train the supernet, or take one that was trained exactly so before."""
        shared = self.crew.agree(self._shared_supernet())
        there = self.crew.agree(self.done == 0 and shared.exists())
        state = load_tensors(shared) if there else None
        if state is not None:
            self._say(f"supernet taken from {shared}")
            self.method.load_trained_state(state["trained"])
            self.method.costs.update(state["costs"])
            self.history, self.before = state["history"], state["seconds"]
        else:
            steps = self.method.setting.recipe.steps
            faster = accelerated(self.method, self.config.accelerate)
            last = partial(last_checkpoint, self.workspace)
            with trained_together(self.method, self.crew), faster:
                train_supernet(
                    self.method, steps, self.done, self.history, self._checkpoint, last=last
                )
            if self.crew.leads:
                self._share_supernet(shared)
        self.phase, self.done = "search", 0
        self._checkpoint(0)

    def _share_supernet(self, path: Path) -> None:
        save_tensors(
            path,
            {
                "trained": self.method.trained_state(),
                "costs": dict(self.method.costs),
                "history": self.history,
                "seconds": self.seconds,
            },
        )

    def _search(self) -> None:
        """The leader searches; the others take over what has become of its method."""
        if self.crew.leads:
            self._search_alone()
        self.crew.wait()
        if not self.crew.leads:
            self.method.load_state_dict(self.workspace.load_checkpoint()["method"])

    def _search_alone(self) -> None:
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
        scores = np.array([score for _, score in scored])
        rows = self.table.index([self.space.encode(arch) for arch, _ in scored])
        known = rows >= 0
        return {
            "phase": "search",
            "step": epoch + 1,
            "scored": len(scores),
            "best": float(scores.max()) if len(scores) else 0.0,
            "mean": float(scores.mean()) if len(scores) else 0.0,
            "known": int(known.sum()),  # to the ground truth, which no method sees
            "tau": kendall_tau(scores[known], self.table.truth("test")[rows[known]]),
        }

    def _rank(self, archs: list[Arch]) -> np.ndarray:
        revive = partial(
            revive_method,
            self.settled,
            self.execution.data,
            str(self.device),
            self.workspace.checkpoint_path,
        )
        stream = self.workspace.stream_path
        return rank_together(self.method, archs, stream, self.workers, revive, self.crew)

    # What is kept -----------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started

    @cached_property
    def workers(self) -> int:
        """Processes for ranking: one per core on a CPU, else one."""
        if self.execution.workers:
            return self.execution.workers
        cores = (os.cpu_count() or 1) // self.crew.beside
        return max(cores, 1) if self.device.type == "cpu" else 1

    def _checkpoint(self, done: int) -> None:
        self.done = done
        if not self.crew.leads:
            return
        self.workspace.save_checkpoint(
            {
                "phase": self.phase,
                "done": done,
                "steps": self.method.setting.recipe.steps,
                "method": self.method.state_dict(),
                "history": self.history,
                "seconds": self.seconds,
                "processes": self.crew.size,
            }
        )

    def _resume(self) -> None:
        state = self.workspace.load_checkpoint()
        if state is None:
            if self.crew.leads:
                self.workspace.forget_scores()
            return
        if (begun := state.get("processes", 1)) != self.crew.size:
            raise UsageError(
                f"{self.workspace.folder} was begun by {begun} processes, which round otherwise "
                f"than {self.crew.size}; continue it as it was begun, or delete it."
            )
        if self.timing and state["steps"] != self.method.setting.recipe.steps:
            raise UsageError(
                f"{self.workspace.folder} was begun with {state['steps']} steps, as measured on "
                "another machine or in a file that is gone; continue it where it was begun, or "
                "delete it and begin anew."
            )
        self.phase, self.done, self.before = state["phase"], state["done"], state["seconds"]
        self.history = state["history"]
        self.method.load_state_dict(state["method"])
        self._say(f"continuing {self.workspace.folder} ({self.phase})")

    def _say(self, text: str) -> None:
        if self.crew.leads:
            print(text, file=sys.stderr)

    def _shared_supernet(self) -> Path:
        """Where runs that train the same supernet find it: same data, recipe, seed, software."""
        config = self.settled
        name = digest(
            training_identity(config, self.method.space, len(self.task.train))
            | {
                "data": self.task.fingerprint(),
                "device": describe_device(self.device),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
            | self.processes
        )
        return self.execution.runs / "supernets" / f"{config.space}-{config.task}-{name}.pt"

    @property
    def processes(self) -> dict[str, int]:
        """What a record and a supernet's identity say of them: nothing about one."""
        return {"processes": self.crew.size} if self.crew.size > 1 else {}

    def _save(self, path: Path, content: Any) -> None:
        """Columns, or rows that need not have the same, as a parquet file."""
        import pandas as pd

        with atomic_path(path) as temporary:
            pd.DataFrame(content).to_parquet(temporary, index=False)
