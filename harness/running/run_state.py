"""A run in progress: what it is made of, how far it is, and what it keeps to go on."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from harness.config.config import Config, digest
from harness.distributed.crew import ALONE, Crew
from harness.distributed.training import check_divisible
from harness.environment import (
    describe_device,
    harness_version,
    processor,
    use_device,
)
from harness.resuming.changed_images import check_unchanged_images
from harness.resuming.earlier_versions import other_version, readable, tell_of_others
from harness.resuming.workspace import Workspace
from harness.running.assembly import load_limited, make_method, training_identity
from harness.running.budget import declared_compute
from harness.running.parts import parts_of, summed_costs
from harness.running.reachable import check_reachable
from harness.running.timing import timing_of
from harness.running.training import check_possible
from harness.running.watching import Watch
from harness.tabular.table import Table
from harness.tasks.own.place import stem_of
from harness.trackers.tracking import Tracking
from methods.registry import METHODS
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import stem


@dataclass(frozen=True)
class Execution:
    """How a run is carried out; none of it changes a result.

    ``watch``: of ``train.steps``, how many lie between two looks at how the method would rank
    (:mod:`harness.running.watching`); 0 for none. ``patience``: seconds to wait for another process
    to leave the run's folder. ``protocols``: names of those whose metrics the record also has.
    ``log``: names of trackers that are told of the run (:mod:`harness.trackers`).
    """

    data: Path | None = None
    runs: Path = Path("runs")
    device: str = "auto"
    workers: int = 0
    keep_checkpoint: bool = False
    watch: int = 0
    patience: float = 0.0
    protocols: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


class RunState:
    """Configuration, data, method and progress of one run; its checkpoints hold the last two."""

    def __init__(
        self,
        config: Config,
        execution: Execution,
        workspace: Workspace,
        space: SearchSpace,
        table: Table,
        crew: Crew = ALONE,
        tracking: Tracking | None = None,
    ):
        self.tracking = tracking
        self.config, self.execution, self.workspace = config, execution, workspace
        self.space, self.table, self.crew = space, table, crew
        self.device = use_device(execution.device)
        self.task = load_limited(config, execution.data).to(self.device)
        if crew.size > 1 and config.equalise == "seconds":
            raise UsageError("--equalise seconds measures one process; leave torchrun out.")
        check_possible(config.accelerate, crew.size, self.device, METHODS[config.method])
        if crew.size > 1 and execution.watch:
            raise UsageError("--watch is for one process; leave torchrun or --watch out.")
        timings = execution.runs / "timings"
        self.timing = timing_of(config, space, self.task, self.device, timings, execution.data)
        self.settled = self.timing.settle(config) if self.timing else config
        made = partial(make_method, self.settled, self.task, self.device, execution.data)
        self.method = made()
        for note in check_reachable(self.method):
            self.say(f"warning: {note}.")
        every, budget = execution.watch, config.train.steps
        self.watch = Watch(every, budget, space, table, made) if every else None
        check_divisible(self.method, config.method, crew)
        self.phase, self.done = "train", 0
        self.history: list[dict[str, Any]] = []
        self.trained = 0.0  # compute of the training, once it is done
        self.before, self.started = 0.0, time.monotonic()
        self.parts = parts_of(config, execution.runs, table, execution.data)
        if self.parts:
            costs = summed_costs(self.parts)
            self.before = costs.pop("seconds")
            self.method.take({part.name: part.scores for part in self.parts}, costs)

    @property
    def seconds(self) -> float:
        """What the run has taken so far, interruptions left out."""
        return self.before + time.monotonic() - self.started

    @cached_property
    def workers(self) -> int:
        """Processes for ranking: one per core on a CPU, else one."""
        if self.execution.workers:
            return self.execution.workers
        cores = (os.cpu_count() or 1) // self.crew.beside
        return max(cores, 1) if self.device.type == "cpu" else 1

    @cached_property
    def images(self) -> str:
        """SHA-256 of all images and labels."""
        return self.task.fingerprint()

    @property
    def settings(self) -> str:
        """Of all that a result depends on but images."""
        tree = self.config.to_dict()
        return digest({name: tree[name] for name in tree.keys() - {"task", "preset"}})

    @cached_property
    def declared(self) -> float:
        """Compute of the training by what the method declares of its steps."""
        recipe = self.method.setting.recipe
        config = replace(self.settled, train=recipe)
        return declared_compute(config, self.method.space, len(self.task.train))

    def checkpoint(self, done: int) -> None:
        """Keep the state after ``done`` steps of the present phase."""
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
                "trained": self.trained,
                "seconds": self.seconds,
                "processes": self.crew.size,
                "version": harness_version(),
                "images": self.images,
                "settings": self.settings,
                "watch": self.watch.state_dict() if self.watch else None,
            }
        )
        if self.tracking:  # what is told is never ahead of what a killed run goes on with
            self.tracking.tell(self.history)

    def resume(self) -> None:
        """Take up the last checkpoint, if any; else tell of runs of other versions that stay.

        Raises :class:`UsageError` where it was begun by more or fewer processes, on other images, for
        more or fewer steps, or by a version whose checkpoints this one cannot read.
        """
        state = self.workspace.load_checkpoint()
        if state is None:
            if self.crew.leads:
                self._begin()
            return
        if (begun := state.get("processes", 1)) != self.crew.size:
            raise UsageError(
                f"{self.workspace.folder} was begun by {begun} processes, which round otherwise "
                f"than {self.crew.size}; continue it as it was begun, or delete it."
            )
        seen = state.get("images", self.images)  # none in what earlier versions kept
        if len(self.task.train) and seen != self.images:
            raise UsageError(
                f"the images of {self.config.task} are not those that {self.workspace.folder} was "
                "begun with; bring them back, or delete the folder."
            )
        if self.timing and state["steps"] != self.method.setting.recipe.steps:
            raise UsageError(
                f"{self.workspace.folder} was begun with {state['steps']} steps, as measured on "
                "another machine or in a file that is gone; continue it where it was begun, or "
                "delete it and begin anew."
            )
        self._take_up_watch(state.get("watch"))
        self.phase, self.done, self.before = state["phase"], state["done"], state["seconds"]
        self.history, self.trained = state["history"], state.get("trained", 0.0)
        begun_by = other_version(state, harness_version())
        with readable(self.workspace.folder, begun_by):
            self.method.load_state_dict(state["method"])
        note = f", begun by {begun_by}" if begun_by else ""
        self.say(f"continuing {self.workspace.folder} ({self.phase}){note}")

    def _begin(self) -> None:
        task = self.config.task
        check_unchanged_images(self.workspace, task, stem_of(task), self.settings)
        self.workspace.forget_scores()
        what = "an unfinished run of the same method, space, task and seed"
        tell_of_others(self.workspace, harness_version(), what)

    def _take_up_watch(self, state: dict[str, Any] | None) -> None:
        """Go on watching; raises :class:`UsageError` where the run was begun otherwise."""
        if self.watches_like(state):
            if self.watch and state:
                self.watch.load_state_dict(state)
            return
        begun = f"with --watch {state['identity']['every']}" if state else "without --watch"
        raise UsageError(
            f"{self.workspace.folder} was begun {begun}; continue it as it was begun, or delete it."
        )

    def watches_like(self, state: dict[str, Any] | None) -> bool:
        """Whether this run watches as the one did that kept ``state``, or neither does."""
        return (self.watch and self.watch.identity) == (state and state["identity"])

    def say(self, text: str) -> None:
        """Tell it on standard error, once for all processes."""
        if self.crew.leads:
            print(text, file=sys.stderr)

    def shared_supernet(self) -> Path:
        """Where runs that train the same supernet find it: same data, recipe, seed, software."""
        config = self.settled
        name = digest(
            training_identity(config, self.method.space, len(self.task.train))
            | {
                "data": self.images,
                "device": describe_device(self.device),
                "processor": processor(),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
            | self.processes
        )
        file = f"{stem(config.space)}-{config.task}-{name}.pt"
        return self.execution.runs / "supernets" / file

    @property
    def processes(self) -> dict[str, int]:
        """What a record and a supernet's identity say of them: nothing about one."""
        return {"processes": self.crew.size} if self.crew.size > 1 else {}
