"""The main job, killed in its phases, ends with the record of one that is left alone."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from harness.config.config import Config
from harness.device_checks.finding import Finding
from harness.device_checks.subject import Subject
from harness.files.progress import watch
from harness.jobs.executor import no_main_module
from harness.running.pipeline import Execution, run

UNLIKE = (  # costs that differ each time
    *("seconds", "peak_memory_mb"),
    *("peak_device_memory_mb", "peak_device_reserved_mb"),
)


def check(subject: Subject) -> Finding:
    """Wrong: a process that was not killed, and whatever differs in record, scores and history."""
    config = subject.config("spos", rank__architectures=subject.sizes.runs)
    with TemporaryDirectory(prefix="nas-harness-") as folder:
        alone = Execution(runs=Path(folder) / "alone", device=str(subject.device), workers=1)
        killed = replace(alone, runs=Path(folder) / "killed")
        run(config, alone)
        for phase in subject.sizes.killed_in:
            code = _process(config, killed, phase)
            if code != -signal.SIGKILL:
                wrong = f"the run that is to be killed in {phase} ended by itself, with {code}."
                return Finding("", wrong=[wrong])
        run(config, killed)
        unlike = differing(*(next(of.runs.glob("*/run.json")).parent for of in (alone, killed)))
    phases = " and in ".join(subject.sizes.killed_in)
    said = f"a run that was killed in {phases} has the same scores, history and record"
    wrong = [f"a run that was killed in {phases} ends with other {name}." for name in unlike]
    return Finding(said, wrong=wrong)


def differing(one: Path, other: Path) -> list[str]:
    """What the records of two runs do not share, of what does not differ each time."""
    records = [_lasting(json.loads((folder / "run.json").read_text())) for folder in (one, other)]
    return [name for name in records[0] if records[0][name] != records[1].get(name)]


def _lasting(record: dict[str, Any]) -> dict[str, Any]:
    """With the SHA-256 of scores and history, as ``files``."""
    costs = {name: value for name, value in record["costs"].items() if name not in UNLIKE}
    return record | {"costs": costs}


def _process(config: Config, execution: Execution, phase: str) -> int | None:
    """Carry the run out in a process that kills itself in ``phase``; its exit code."""
    process = get_context("spawn").Process(target=_run, args=(config, execution, phase))
    with no_main_module():
        process.start()
    try:
        process.join()
    finally:
        process.kill()  # where this process is told to stop
    return process.exitcode


def _run(config: Config, execution: Execution, phase: str) -> None:
    torch.set_num_threads(1)
    watch(partial(_kill, phase))
    run(config, execution)


def _kill(wanted: str, phase: str, done: int, total: int) -> None:
    """A watcher of progress: the first that it hears of the ``wanted`` phase is the end."""
    if phase == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
