"""How long a training step takes beside one of SPOS, for ``--equalise seconds``.

A measurement differs each time, and with it the number of steps. So it is made once, on copies
that are thrown away, and kept in a file for all seeds, for runs continued, and for later runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from harness.config.config import Config, digest
from harness.environment import describe_device
from harness.files.progress import bar
from harness.files.store import held, read_json, write_json
from harness.running import graphs
from harness.running.assembly import make_method, training_identity
from harness.running.training import accelerated
from harness.tasks.base import Task
from methods.base import Method
from methods.registry import METHODS
from methods.spos import SPOSOptions
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import short, stem

WARM = 2  # steps of each before any is timed, none of which compiles or records anything
SHARE = 1 / 20  # of a training that the timed steps of either amount to, about
GROUPS, MOST = 5, 60  # bounds of the number of steps timed

Clock = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """Seconds of a ``step`` and of one of SPOS; ``ratio``: steps of SPOS that take as long.

    Each is a median, so that ``ratio`` is only nearly the quotient of the others.
    """

    ratio: float
    step: float
    spos_step: float
    device: str

    def settle(self, config: Config) -> Config:
        """``config`` with the steps that take as long as ``train.steps`` of SPOS."""
        steps = max(round(config.train.steps / self.ratio), 1)
        return replace(config, train=replace(config.train, steps=steps))

    def note(self, config: Config) -> str:
        return (
            f"a training step took {self.ratio:.3g} times as long as one of SPOS "
            f"({self.step:.3g} and {self.spos_step:.3g} s, measured once on "
            f"{self.device}), so that {self.settle(config).train.steps:,} steps stand for "
            f"{config.train.steps:,}"
        )


def timing_of(
    config: Config,
    space: SearchSpace,
    task: Task,
    device: torch.device,
    folder: Path,
    data: Path | None,
) -> Timing | None:
    """What ``folder`` holds about such trainings on this machine, or else measured and kept there.

    None where steps are not equalised by seconds, for trainings that are SPOS's, and where nothing
    is trained. Raises :class:`UsageError` when ``folder`` cannot be written.
    """
    if config.equalise != "seconds" or not METHODS[config.method].trains:
        return None
    reference = replace(config, method="spos", options=SPOSOptions())
    identity = training_identity(config, space, len(task.train))
    if identity == training_identity(reference, space, len(task.train)):
        return None
    content = identity | {
        "seed": None,
        "task": config.task,
        "train_images": config.train_images,
        "device": describe_device(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    names = f"{stem(config.space)}-{config.task}-{short(config.method)}"
    path = folder / f"{names}-{digest(content)}.json"

    def measured() -> Timing:
        print("measuring how long a step takes", file=sys.stderr)
        method, spos = (make_method(each, task, device, data) for each in (config, reference))
        paths = method.paths_per_step(config.options, space)["forwards"]
        with accelerated(method, config.accelerate), accelerated(spos, config.accelerate):
            return measure(method, spos, round(paths))

    return stored(path, measured)


def stored(path: Path, measured: Callable[[], Timing]) -> Timing:
    """The timing in ``path``, where ``measured`` puts it if there is none.

    Of several processes that need it at once one measures and the others wait. Raises
    :class:`UsageError` for a folder that cannot be written and for a damaged file.
    """
    lock = path.parent / "timings.lock"
    with held(lock, "is measuring", "--runs", seconds=-1):  # however long that takes
        if not path.exists():
            write_json(path, asdict(measured()))
    try:
        return Timing(**read_json(path))
    except TypeError:
        raise UsageError(f"{path} is no timing; delete it and run again.") from None


def measure(method: Method, spos: Method, paths: int, clock: Clock = time.perf_counter) -> Timing:
    """Time in turns a step of the method and ``paths`` of SPOS; both change as by training.

    Where one of several steps in turn costs more (:meth:`Method.period`), their mean is a step.
    Steps differ in cost, by their phase and their path: those timed are spread over the training,
    and so are those of each group. The medians over the groups leave aside what something else on
    the machine delayed.
    """
    total = method.setting.recipe.steps
    period = min(method.period(method.options), total)
    number = min(max(round(SHARE * total / paths / period), GROUPS), MOST)
    own = np.minimum(_spread(total, number), total - period)
    reference = _spread(total, number * paths).reshape(number, paths)
    seconds = np.zeros((number, 2))
    for each in (method, spos):
        _warm_up(each)
    with bar(number, "time", "step") as progress:
        for row, step, others in zip(seconds, own, reference, strict=True):
            row[0] = _seconds(method, range(step, step + period), clock) / period
            row[1] = _seconds(spos, others, clock) / paths
            progress.update()
    groups = np.array([seconds[group::GROUPS].mean(axis=0) for group in range(GROUPS)])
    ratio = float(np.median(groups[:, 0] / groups[:, 1]))
    step, spos_step = np.median(groups, axis=0).tolist()
    return Timing(ratio, step, spos_step, describe_device(spos.setting.device))


def _warm_up(method: Method) -> None:
    """Steps until so many in turn have compiled and recorded nothing, if that ever ends."""
    quiet = 0
    for step in range(MOST):
        before = _made()
        method.train_step(step)
        quiet = quiet + 1 if _made() == before else 0
        if quiet == WARM:
            break


def _made() -> int:
    """How much has been compiled and recorded so far."""
    from torch._dynamo.utils import counters  # takes a second, which a finished run has no use for

    return int(counters["stats"]["unique_graphs"]) + graphs.made["graphs"]


def _spread(total: int, number: int) -> np.ndarray:
    """Ascending: one step at random from each of ``number`` equally long parts of a training."""
    within = np.random.default_rng(0).random(number)
    return ((np.arange(number) + within) * total / number).astype(int)


def _seconds(method: Method, steps: Iterable[int], clock: Clock) -> float:
    device = method.setting.device

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock()

    start = now()
    for step in steps:
        method.train_step(int(step))
    return now() - start
