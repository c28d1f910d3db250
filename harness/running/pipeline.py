"""The main job: train a supernet, search it, rank architectures, compare with ground truth."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.config import Config
from harness.distributed.crew import ALONE, Crew
from harness.distributed.training import trained_together
from harness.files.progress import bar, patience
from harness.files.store import atomic_path
from harness.metrics.evaluate import evaluate_scores
from harness.metrics.metrics import kendall_tau
from harness.metrics.protocols import protocol
from harness.resuming.resumable import last_checkpoint
from harness.resuming.workspace import Workspace, load_tensors, save_tensors
from harness.running.assembly import ground_truth, revive_method, sampled_rows, with_settled_task
from harness.running.budget import unlike_declared
from harness.running.found_architecture import measure_found, searched
from harness.running.own_files import errors_located
from harness.running.parts import with_settled_parts
from harness.running.ranking import rank_together
from harness.running.run_record import record_of, with_protocols
from harness.running.run_scores import scores_columns
from harness.running.run_state import Execution, RunState
from harness.running.training import accelerated, train_supernet
from harness.running.watching import PHASE, check_watched
from harness.trackers.tracking import Tracking
from searchspaces.base import Arch
from searchspaces.registry import Registry

FINISHERS = Registry(
    "finisher",
    "nas_harness.finishers",
    {
        "found": "reports.architectures.architecture:draw_found",
        "scatter": "reports.pictures.scatter:draw",
    },
)  # called with the folder of a finished run
SHOWN = "scatter"  # to trackers


def run(config: Config, execution: Execution, crew: Crew = ALONE) -> dict[str, Any]:
    """Carry out a run, or continue it, or find it finished; returns its record.

    Each process of a ``crew`` calls this; only the leader writes and gets a new record. Raises
    :class:`UsageError` for whatever the user can mend, an error in a file of the user's included.
    """
    with errors_located(config.method, config.space):
        return _run(config, execution, crew)


def _run(config: Config, execution: Execution, crew: Crew) -> dict[str, Any]:
    for name in execution.protocols:
        protocol(name)
    config = with_settled_task(config, execution.data)
    space, table = ground_truth(config, execution.data)
    config = with_settled_parts(config, execution.runs, table, execution.data)
    workspace = Workspace(execution.runs / config.run_name(table.meta.identity))
    known = crew.agree(workspace.finished() is not None)
    names = execution.log if crew.leads else ()
    tracking = Tracking(names, workspace.folder.name, workspace.folder, config.to_dict())
    begun = None if known else Run(config, execution, workspace, space, table, crew, tracking)
    with workspace.lock(execution.patience) if crew.leads else nullcontext(), tracking:
        record = crew.agree(workspace.settled() if crew.leads else None)
        if record is None:
            record = begun.carry_out()
        elif crew.leads:
            check_watched(workspace.folder, record, execution.watch)
            lost = execution.keep_checkpoint and not record.get("checkpoint_kept", True)
            more = " Its weights were not kept: delete it and run again to have them." * lost
            print(f"{workspace.folder} holds this run finished.{more}", file=sys.stderr)
        if crew.leads:
            record = with_protocols(record, workspace, space, table, execution.protocols)
            tracking.tell_results(record, workspace.history)
            _draw(workspace.folder, tracking)
            tracking.wait()
        return record


def _draw(folder: Path, tracking: Tracking) -> None:
    """The picture that trackers take comes first: they write it while the others are drawn."""
    with patience("drawing the pictures of the run"):
        if SHOWN in FINISHERS:
            FINISHERS[SHOWN](folder)
        tracking.end(folder / f"{SHOWN}.png")
        for name in FINISHERS:
            if name != SHOWN:
                FINISHERS[name](folder)


class Run(RunState):
    """Carries a run out; :meth:`carry_out` reads top to bottom."""

    def carry_out(self) -> dict[str, Any]:
        """Train, search, rank, measure, record; returns the record, which only the leader has."""
        self.crew.check_shared(self.workspace.folder)
        self.resume()
        if self.tracking:
            self.tracking.tell(self.history)
        self.crew.wait()
        if self.phase == "train":
            if self.method.trains:
                self._train()
                self.trained = float(self.method.costs["compute"])
                for note in unlike_declared(self.config, self.declared, self.trained):
                    self.say(f"warning: {note}.")
            self.phase, self.done = "search", 0
            self.checkpoint(0)
        if self.phase == "search":
            self._search()
        rows = sampled_rows(self.table, self.config.rank.architectures)
        names = [self.table.archs[row] for row in rows]
        scores = self._rank([self.space.decode(name) for name in names])
        if not self.crew.leads:
            return {}
        arch = self.method.found()
        found = measure_found(
            self.space,
            arch,
            self.config.task,
            self.table,
            self.config.rank.measure_found,
            self.workers,
            self.execution.data,
            str(self.device),
        ) | searched(self.method, arch, self.table)
        by_name = dict(zip(names, scores.tolist(), strict=True))
        if self.watch:
            self.history += self.watch.last_row(self.method, by_name)
        result = evaluate_scores(
            self.table,
            by_name,
            "test",
            space=self.space,
            population=self.space.size,
            of_method=not self.method.scores_images,
        )
        self._save(self.workspace.scores_path, scores_columns(self.table, rows, scores))
        self._save(self.workspace.history_path, self.history)
        record = record_of(self, result, found)
        return self.workspace.complete(record, self.execution.keep_checkpoint)

    def _train(self) -> None:
        """Train the supernet, or take one that was trained exactly so before."""
        shared = self.crew.agree(self.shared_supernet())
        there = self.crew.agree(self.done == 0 and shared.exists())
        state = load_tensors(shared) if there else None
        if state is not None and self.watch and not self.watches_like(state.get("watch")):
            self.say(f"the supernet in {shared} was not watched so: it is trained once more")
            state = None
        if state is not None:
            self.say(f"supernet taken from {shared}")
            self._take_over(state)
        else:
            steps = self.method.setting.recipe.steps
            faster = accelerated(self.method, self.config.accelerate)
            last = partial(last_checkpoint, self.workspace)
            with trained_together(self.method, self.crew), faster:
                train_supernet(
                    self.method,
                    steps,
                    self.done,
                    self.history,
                    self.checkpoint,
                    last=last,
                    watch=self.watch,
                )
            if self.crew.leads:
                self._share_supernet(shared)

    def _take_over(self, state: dict[str, Any]) -> None:
        """A supernet that another run left, with what its training was like."""
        self.method.load_trained_state(state["trained"])
        self.method.costs.update(state["costs"])
        self.history, self.before = state["history"], state["seconds"]
        if self.watch:
            self.watch.load_state_dict(state["watch"])
        else:
            self.history = [row for row in self.history if row["phase"] != PHASE]

    def _share_supernet(self, path: Path) -> None:
        save_tensors(
            path,
            {
                "trained": self.method.trained_state(),
                "costs": dict(self.method.costs),
                "history": self.history,
                "seconds": self.seconds,
                "watch": self.watch.state_dict() if self.watch else None,
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
                with self.watch.clock.on() if self.watch else nullcontext():
                    scored = self.method.search_epoch(epoch)
                self.history.append(self._search_row(epoch, scored))
                self.checkpoint(epoch + 1)
                progress.update()
        self.phase = "rank"
        self.checkpoint(0)

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
        took = self.watch.clock.add if self.watch else None
        return rank_together(self.method, archs, stream, self.workers, revive, self.crew, took)

    def _save(self, path: Path, content: Any) -> None:
        """Columns, or rows that need not have the same, as a parquet file."""
        import pandas as pd

        with atomic_path(path) as temporary:
            pd.DataFrame(content).to_parquet(temporary, index=False)
