"""One frozen tree of dataclasses: the command line, and what is written beside the result."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness.config.constraints import LATENCY
from harness.config.options import TRUTH, check_names, check_types, unknown_refused
from harness.config.presets import preset_values
from methods.options import Recipe, Scoring, SearchLimits, check_limits, option, written
from methods.registry import METHODS, options_class
from searchspaces.errors import UsageError
from searchspaces.registry import file_of, short, stem

SCHEMA_VERSION = 1
BY_DECLARED = ("compute", "images", "backwards")  # --equalise: steps follow from what one costs
OVER = 1.05  # times what was declared or budgeted, from where on it is said
DEVELOPMENT = 500  # architectures on which choices are made that are reported on others
NOTHING = "none"  # split and BN that a record has for scores that are no accuracies
OWN = "own"  # BN of networks that were trained by themselves: its policy is no choice
METHOD = "method"  # what scores are by that are not of classified images
TRUTH_SCALE, PROXY = "truth", "proxy"  # scales of a supernet that are no space's alone
PROXY_SIDE = 16  # pixels
PRESET: Any = None  # stands for what the preset has, else for what comes next
DEFAULTS: dict[str, Any] = {"equalise": "compute", "train_images": 0, "cutout": 0}

_POSITIVE, _FRACTION = (1, math.inf), (0, 1)
# Smallest and largest value where these are not 0 and infinity; a method limits its own options.
LIMITS: dict[str, tuple[float, float]] = {
    "seed": (0, 2**32 - 1),
    "train.steps": _POSITIVE,
    "train.batch_size": _POSITIVE,
    "train.momentum": _FRACTION,
    "train.label_smoothing": _FRACTION,
    "score.calibration_images": _POSITIVE,
    "score.batch_size": _POSITIVE,
    "score.snapshots": _POSITIVE,
    "search.population": _POSITIVE,
    "search.generations": _POSITIVE,
    "search.parents": _POSITIVE,
    "search.mutation_rate": _FRACTION,
}


@dataclass(frozen=True)
class SupernetScale:
    """The supernet's size where it is not the ground truth's own."""

    scale: str = option(
        TRUTH_SCALE,
        "scale of the supernet: truth (that of the ground truth's networks), proxy (small, of weak "
        f"fixed parts, for images averaged to {PROXY_SIDE}x{PROXY_SIDE} pixels), or another of the "
        "space's, such as benchmark",
        added_later=True,
    )
    width: int = option(0, "channels of the first stage; 0: as its scale has it")
    cells: int = option(0, "cells per stage; 0: as its scale has it")
    resolution: int = option(
        0, "side in pixels that images are averaged to; 0: as its scale asks for", added_later=True
    )
    affine: str = option(
        "method",
        "whether BNs of choice blocks have scale and shift; method: as the method was published",
        ("method", "true", "false"),
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for another ``affine``, such as Python's own ``True``."""
        if self.affine not in ("method", "true", "false"):
            raise UsageError(f"--supernet.affine is method, true or false, not {self.affine!r}.")

    def side(self, images: int) -> int:
        """The side in pixels of what the supernet sees of images of side ``images``."""
        return self.resolution or (min(images, PROXY_SIDE) if self.scale == PROXY else images)


@dataclass(frozen=True)
class Acceleration:
    """Other arithmetic for the training of the supernet; search and scoring are as without.

    But for ``tf32``, which holds wherever a GPU computes.
    """

    precision: str = option(
        "float32",
        "type of activations and of their gradients; weights, BN statistics and losses stay float32",
        ("float32", "bfloat16"),
    )
    compile: bool = option(
        False, "compile each operator by itself: takes minutes, and helps on GPUs if anywhere"
    )
    tf32: bool = option(
        False,
        "let a GPU round the inputs of float32 convolutions and matrix products to ten bits, in "
        "search and scoring too; else they are exact",
        added_later=True,
    )
    cudnn_norm: bool = option(
        False,
        "give BNs without scale and shift a constant one and zero in training, without which "
        "PyTorch does not let cuDNN normalise on a GPU",
        added_later=True,
    )
    graphs: bool = option(
        False,
        "replay each operator as a CUDA graph, forward and backward: fewer launches, more memory",
        added_later=True,
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for operators that are compiled and graphs."""
        if self.compile and self.graphs:
            raise UsageError(
                "operators are either compiled or CUDA graphs; leave --accelerate.compile or "
                "--accelerate.graphs out."
            )

    def to_dict(self) -> dict[str, Any]:
        """As a part of a larger dict; empty where nothing is accelerated.

        So that names and records of such runs are those from before there was a choice.
        """
        return {} if self == Acceleration() else {"accelerate": written(self)}


@dataclass(frozen=True)
class Ranking:
    """Which architectures are ranked."""

    architectures: int = option(
        0, "size of a random sample of the ground truth; 0: all its architectures"
    )
    measure_found: bool = option(
        True, "train the found architecture stand-alone where the ground truth lacks it"
    )


PARTS: dict[str, Any] = {
    "supernet": SupernetScale,
    "train": Recipe,
    "score": Scoring,
    "search": SearchLimits,
    "rank": Ranking,
}


@unknown_refused
@dataclass(frozen=True)
class Config:
    """Everything a result depends on; ``options`` are the method's own.

    What is not given has the value of ``preset`` for this task, method and space, as ``nas-harness
    run`` starts from; a part that is given, such as ``train``, is taken whole. Raises
    :class:`UsageError` for an unknown option, preset or method, for values of another type, and for
    those that no run can have.
    """

    method: str = option("mngnas", "method or scorer: see 'nas-harness list'; or FILE.py:NAME")
    space: str = option("nb201", "search space; or FILE.py:CLASS")
    task: str = option(
        "digits",
        "task: the embedded 'digits', 'cifar10', 'cifar100', 'imagenet16-120', 'imagenet'; images of your own: folder:PATH, "
        "hf:PATH or FILE.py:FUNCTION, perhaps with @SIDE",
    )
    scale: str = option("", "scale of the ground truth's networks; empty: the task's usual one")
    truth: str = option("", TRUTH)
    seed: int = option(0, "seed of the supernet, its training and the search")
    preset: str = option("laptop", "base values of all options", ("smoke", "laptop", "paper"))
    equalise: str = option(
        PRESET,
        "what train.steps counts for a method whose steps cost more than one path: as much compute "
        "(forward 1, backward 2), as many image passes (forward) or path-backwards as so many "
        "steps of one path, as many seconds as so many of SPOS (measured once on this machine and "
        "kept), or optimiser steps",
        ("compute", "images", "backwards", "seconds", "steps"),
    )
    train_images: int = option(PRESET, "use only this many training images; 0: all")
    cutout: int = option(
        PRESET, "side of a square cut out of each training image; 0: as the task augments"
    )
    supernet: SupernetScale = PRESET
    train: Recipe = PRESET
    accelerate: Acceleration = field(default_factory=Acceleration)
    score: Scoring = PRESET
    search: SearchLimits = PRESET
    rank: Ranking = PRESET
    options: Any = PRESET
    values_of: str = field(default="", repr=False, compare=False)  # the preset; copies keep it

    def __post_init__(self) -> None:
        _check_preset(self.values_of or self.preset, self.preset)
        object.__setattr__(self, "values_of", self.preset)
        self._take_preset()
        for name, part in (PARTS | {"accelerate": Acceleration}).items():
            if not isinstance(given := getattr(self, name), part):
                raise UsageError(
                    f"{name} takes a {part.__name__}, not {given!r}; change that of another "
                    f"configuration by dataclasses.replace(config.{name}, ...)."
                )
        if not isinstance(self.options, kind := options_class(self.method)):
            raise UsageError(
                f"the options of {self.method} are {kind.__name__}, not "
                f"{type(self.options).__name__}; leave them out, or begin with "
                f"Config(method={self.method!r}, ...)."
            )
        check_types(self)
        values = _leaves(self._options())
        unlimited = {name: (-math.inf, math.inf) for name in values if name.startswith("options.")}
        check_limits(values, LIMITS | unlimited)
        if self.rank.architectures == 1:
            raise UsageError("--rank.architectures 1 is no ranking; take 2 or more, or 0 for all.")
        if bool(self.search.cost) != bool(self.search.max_cost or self.search.min_cost):
            raise UsageError(
                "--search.cost names what --search.max-cost and --search.min-cost limit: give it "
                "with one of them."
            )
        if self.search.latency and self.search.cost != LATENCY:
            raise UsageError(
                f"--latency predicts what --constraint {LATENCY}=LOW:HIGH limits; give both."
            )
        if self.train.nesterov and not self.train.momentum:
            raise UsageError("--train.nesterov true needs a --train.momentum above 0.")

    def _take_preset(self) -> None:
        """Give what was not given the preset's value, or its own default where the preset has none."""
        values = preset_values(self.preset, self.task, self.method, self.space)
        for name in [item.name for item in fields(self) if getattr(self, item.name) is PRESET]:
            if name in DEFAULTS:
                value = values.get(name, DEFAULTS[name])
            else:
                part = options_class(self.method) if name == "options" else PARTS[name]
                own = {
                    k.partition(".")[2]: v for k, v in values.items() if k.startswith(f"{name}.")
                }
                value = part(**own)
            object.__setattr__(self, name, value)

    @classmethod
    def from_preset(
        cls,
        preset: str = "laptop",
        *,
        method: str = "mngnas",
        task: str = "digits",
        space: str = "nb201",
    ) -> Config:
        """The configuration that ``nas-harness run`` starts from with this preset.

        Raises :class:`UsageError` for an unknown preset or method.
        """
        return cls(method=method, preset=preset, task=task, space=space)

    def to_dict(self) -> dict[str, Any]:
        """For names and records; raises :class:`UsageError` where the method's file cannot be read."""
        return self._options() | self.revision()

    def _options(self) -> dict[str, Any]:
        tree = written(self)
        del tree["accelerate"], tree["values_of"]
        for name in ("truth", "cutout"):
            if not tree[name]:  # names and records are those from before there was a choice
                del tree[name]
        latency = {"latency": Path(self.search.latency)} if self.search.latency else {}
        sources = self.sources().get("sources", {}) | _hashes(latency)
        return tree | self.accelerate.to_dict() | ({"sources": sources} if sources else {})

    def sources(self) -> dict[str, Any]:
        """SHA-256 of the files that method and space are named by, if they are, as a part of a dict.

        So that a run of a changed file is another run.
        """
        hashes = _hashes({"method": file_of(self.method), "space": file_of(self.space)})
        return {"sources": hashes} if hashes else {}

    def revision(self) -> dict[str, Any]:
        """That of the method as a part of a dict, where there are runs from before it.

        So that these are other runs.
        """
        number = METHODS[self.method].revision
        return {"revision": number} if number > 1 else {}

    def run_name(self, ground_truth: str) -> str:
        """The folder name of a run; ``ground_truth`` identifies the table it is ranked against."""
        shared = {k: v for k, v in self.to_dict().items() if k not in ("seed", "preset")}
        name = digest({"config": shared, "ground_truth": ground_truth})
        return f"{stem(self.space)}-{self.task}-{short(self.method)}-{name}-s{self.seed}"


def _hashes(files: dict[str, Path | None]) -> dict[str, str]:
    """SHA-256 of those ``files`` that there are, by name."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
        if path is not None and path.is_file()
    }


def digest(content: Any) -> str:
    """Eight hexadecimal digits of the SHA-256 of ``content`` as canonical JSON."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested dicts by dotted name."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        deeper = isinstance(value, dict)
        leaves |= _leaves(value, f"{prefix}{name}.") if deeper else {f"{prefix}{name}": value}
    return leaves


def _check_preset(own: str, named: str) -> None:
    """Raise :class:`UsageError` where values of the preset ``own`` are to have another's name."""
    if own != named:
        raise UsageError(
            f"the values are those of preset {own}, and stay under another name; begin with "
            f"Config(preset={named!r}, ...)."
        )


def with_values(config: Any, values: dict[str, Any]) -> Any:
    """A copy of a dataclass tree with dotted options replaced.

    Raises :class:`UsageError` for options that it does not have.
    """
    check_names(config, values)
    if "preset" in values:
        _check_preset(config.preset, values["preset"])
    direct = {name: value for name, value in values.items() if "." not in name}
    branches: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if "." in name:
            head, rest = name.split(".", 1)
            branches.setdefault(head, {})[rest] = value
    for head, inner in branches.items():
        direct[head] = with_values(getattr(config, head), inner)
    return replace(config, **direct)
