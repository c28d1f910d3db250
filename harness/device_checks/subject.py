"""What is checked: a device, and methods made on it and on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from harness.benchmarks.ranking import random_images, seen_images
from harness.config.config import Config, with_values
from harness.environment import use_tf32
from harness.resuming.workspace import load_tensors, save_tensors
from harness.running.assembly import load_limited, make_method
from harness.tasks.base import Task
from methods.base import Method, Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.spos import SPOS
from searchspaces.base import Arch, SearchSpace
from searchspaces.registry import SPACES

CPU = torch.device("cpu")
_AS_THEY_ARE = ("spos", "fairnas", "mixpath", "darts", "gdas", "dna", "few-shot", "sandwich")
# Everything that a method does in few steps.
_OPTIONS: dict[str, dict[str, Any]] = {
    "cream": {"slice": 2, "update_share": 0.34},
    "ennas": {"probe_images": 16, "report_images": 32},
    "mngnas": {
        "search_epochs": 1,
        "population": 4,
        "teachers": 2,
        "retrain_steps": 2,
        "perturbed": 2,
        "perturb_steps": 1,
    },
}
EVERY = (*_AS_THEY_ARE, *_OPTIONS)


@dataclass(frozen=True)
class Sizes:
    """How much the checks do. Of small networks on digits, and of a large one on noise.

    ``steps`` and ``scored`` architectures of each of ``methods`` on each of ``spaces``; ``runs``:
    architectures ranked by the run that is ``killed_in`` these of its phases. The large one is SPOS on NAS-Bench-201 at
    ``scale`` with images of ``task``: ``batch`` images a step, ``warm`` steps before ``timed``
    ones, behind which ``profiled`` are looked into; ``ranked`` architectures, of the same number of
    calibration and scored ``images``, in ``rankings`` by (images at once, processes); ``cells`` per
    stage where operators are compiled; ``students`` that MNGNAS retrains together.
    """

    methods: tuple[str, ...]
    spaces: tuple[str, ...]
    steps: int
    scored: int
    runs: int
    killed_in: tuple[str, ...]
    scale: str
    task: str
    batch: int
    warm: int
    timed: int
    profiled: int
    ranked: int
    images: tuple[int, int]
    rankings: tuple[tuple[int, int], ...]
    cells: int
    students: int


FULL = Sizes(
    methods=EVERY,
    spaces=("nb201", "nb101", "darts", "macro"),
    steps=12,
    scored=8,
    runs=60,
    killed_in=("search", "rank"),
    scale="benchmark",
    task="cifar10",
    batch=256,
    warm=20,
    timed=100,
    profiled=5,
    ranked=512,
    images=(1024, 5000),
    rankings=((500, 1), (500, 4), (2500, 1), (2500, 4)),
    cells=1,
    students=30,
)
SMALL = Sizes(
    methods=("spos", "cream", "mngnas"),
    spaces=("nb201",),
    steps=4,
    scored=3,
    runs=16,
    killed_in=("rank",),
    scale="compact",
    task="digits",
    batch=32,
    warm=1,
    timed=2,
    profiled=1,
    ranked=16,
    images=(64, 200),
    rankings=((50, 1), (200, 1), (200, 2)),
    cells=1,
    students=3,
)


@dataclass(frozen=True)
class Subject:
    """A device and how much it is to do."""

    device: torch.device
    sizes: Sizes

    @property
    def is_gpu(self) -> bool:
        return self.device.type == "cuda"

    def config(self, method: str, space: str = "nb201", **values: Any) -> Config:
        """A small run on digits; a value's name has a double underscore for each dot."""
        small = {
            "equalise": "steps",
            "train.steps": self.sizes.steps,
            "train.batch_size": 32,
            "score.calibration_images": 128,
            "score.images": 256,
            "search.population": 4,
            "search.generations": 1,
            "search.parents": 2,
        }
        own = {f"options.{name}": value for name, value in _OPTIONS.get(method, {}).items()}
        given = {name.replace("__", "."): value for name, value in values.items()}
        base = Config.from_preset("smoke", method=method, space=space)
        changed: Config = with_values(base, small | own | given)
        return changed

    def method(self, config: Config) -> Method:
        """Freshly made on the device."""
        return make_method(config, _task(config.task, self.device), self.device)

    def reference(self, config: Config) -> Method:
        """The same on the CPU."""
        return make_method(config, _task(config.task, CPU), CPU)

    def archs(self, space: SearchSpace, number: int) -> list[Arch]:
        """Different valid ones, always the same."""
        rng = np.random.default_rng(0)
        drawn = filter(space.is_valid, (space.sample(rng) for _ in range(20 * number)))
        return list(dict.fromkeys(drawn))[:number]

    def large(
        self,
        cells: int = 0,
        at_once: int = 500,
        tf32: bool = False,
        kind: type[Method] = SPOS,
        options: Any = None,
    ) -> Method:
        """SPOS, or a method of another ``kind`` with ``options``, at the scale that is timed.

        ``cells`` per stage, 0 for as many as that has.
        """
        use_tf32(tf32)
        sizes = self.sizes
        space = SPACES["nb201"](sizes.scale, 0, cells)
        calibrating, scored = sizes.images
        image = seen_images(sizes.task, space)
        data = random_images(
            image, scored, np.random.default_rng(0), max(calibrating, 4 * sizes.batch)
        )
        steps = sizes.warm + sizes.timed + sizes.profiled
        setting = Setting(
            space=space,
            data=data.to(self.device),
            recipe=Recipe(steps=steps, batch_size=sizes.batch),
            scoring=Scoring(calibration_images=calibrating, batch_size=at_once),
            search=SearchLimits(),
            seed=0,
            device=self.device,
        )
        return kind(setting, options or kind.Options())


def kept(state: dict[str, Any]) -> dict[str, Any]:
    """What is read of ``state`` after it was saved, as checkpoints are."""
    with TemporaryDirectory(prefix="nas-harness-") as folder:
        path = Path(folder) / "checkpoint.pt"
        save_tensors(path, state)
        read = load_tensors(path)
    assert read is not None
    return read


@cache
def _task(name: str, device: torch.device) -> Task:
    return load_limited(Config(method="spos", task=name), None).to(device)
