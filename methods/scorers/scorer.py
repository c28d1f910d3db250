"""What a scorer is: a method that trains no supernet and looks at stand-alone networks.

Everything a network is initialised and measured with is a function of the run's seed, the same for
all architectures: what differs between two scores is the architecture.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from methods.base import COSTS, TOGETHER, Method, Setting, compute, in_chunks
from methods.data import Batch
from methods.lazy import torch
from methods.options import Recipe, option
from methods.scorers.weights import initialise
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet

LABELLED = "images with their labels"
IMAGES = "images, which may be noise"
NOTHING = "no image"
NOTHING_TRAINED = "nothing was trained: scores are of networks as they are initialised"
LOWEST = -1e9  # below what any scorer gives a network that works


def images(default: int) -> Any:
    return option(default, "images that a network is measured on")


def inputs(default: str) -> Any:
    text = "these are: an augmented batch of training images, or Gaussian noise"
    return option(default, text, ("train", "gaussian"))


def initial(default: str) -> Any:
    text = (
        "initial weights: as the networks are trained from, or He's normal ones (kaiming), "
        "Glorot's (xavier) or standard normal ones in all convolutions and linear layers"
    )
    return option(default, text, ("default", "kaiming", "xavier", "normal"))


@dataclass(frozen=True)
class ScorerOptions:
    """What networks are initialised and measured with."""

    images: int = images(64)
    inputs: str = inputs("train")
    init: str = initial("default")
    repeats: int = option(1, "initialisations, of whose scores the mean is taken")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for fewer than one image or initialisation."""
        for name in ("images", "repeats"):
            if getattr(self, name) < 1:
                raise UsageError(f"--options.{name} must be at least 1, not {getattr(self, name)}.")


class Scorer(Method):
    """A subclass says in :meth:`measure` what the score of an initialised network is.

    An architecture that does not join input to output is not looked at: its network is a
    constant, and its score is ``lowest``. So is one that is not finite, of a network whose
    activations overflow; the record counts these as ``scores_not_finite``.

    ``of_function``: the score is of what a network computes with random weights. It depends neither
    on parts that add nothing nor on where a layer or a sum stands. All architectures that compute
    the same are then scored as the one that stands for them (:meth:`SearchSpace.representative`).
    ``sees``: what :meth:`measure` makes use of, :data:`LABELLED`, :data:`IMAGES` or :data:`NOTHING`.
    A score of several measurements, or of more than a network, overrides :meth:`look` and
    :meth:`of`, which gets what was seen by :meth:`once`.
    """

    Options: ClassVar[type] = ScorerOptions
    trains = False
    scores_images = False
    lowest: ClassVar[float] = LOWEST
    of_function: ClassVar[bool] = False
    sees: ClassVar[str] = LABELLED

    def __init_subclass__(cls) -> None:
        """Raises :class:`UsageError` where networks are measured and options do not say on what.

        What measures otherwise than its parent has to say anew what it sees, and of what it is.
        """
        super().__init_subclass__()
        if {"measure", "look", "of"} & cls.__dict__.keys():
            for name in {"sees", "of_function"} - cls.__dict__.keys():
                setattr(cls, name, getattr(Scorer, name))
        lost = [item.name for item in fields(ScorerOptions) if not hasattr(cls.Options, item.name)]
        measures = cls.measure is not Scorer.measure or cls.look is not Scorer.look
        if lost and measures:
            raise UsageError(
                f"Options of {cls.__name__} lack {', '.join(lost)}; derive their class from "
                "methods.scorers.scorer.ScorerOptions."
            )

    def __init__(self, setting: Setting, options: Any):
        super().__init__(setting, options)
        self.costs = Counter(dict.fromkeys(COSTS, 0))
        self._batches: dict[int, Batch] = {}
        self._looked_at: dict[Arch, Any] = {}

    @classmethod
    def looks_at_images(cls, options: Any) -> bool:
        return cls.sees == LABELLED or (cls.sees == IMAGES and options.inputs == "train")

    @classmethod
    def paths_per_step(cls, options: Any, space: SearchSpace) -> dict[str, float]:
        return {"forwards": 0.0, "backwards": 0.0}

    @classmethod
    def compute_per_step(
        cls, options: Any, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        return 0.0

    def build(self) -> torch.nn.Module:
        """No supernet: a module without parameters."""
        return torch.nn.Module()

    def notes(self) -> list[str]:
        lost = self.costs["scores_not_finite"]
        many = f"{lost:,} scores were" if lost > 1 else "one score was"
        told = [f"{many} not finite and counted as the lowest, {self.lowest:g}"] if lost else []
        return [*told, NOTHING_TRAINED]

    def chunks(self, archs: Sequence[Arch]) -> list[list[int]]:
        """In the order given, but those that compute the same are side by side."""
        places: dict[Arch, list[int]] = {}
        for place, arch in enumerate(archs):
            places.setdefault(self.stands_for(arch), []).append(place)
        order = [place for alike in places.values() for place in alike]
        return in_chunks(order, min(max(len(archs) // 16, 8), TOGETHER))

    # Scoring --------------------------------------------------------------------------------

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """The score ``[len(archs)]`` of each, a function of architecture and seed alone."""
        self._looked_at.clear()  # costs are of these, whoever was scored before
        return np.array([self._score(arch) for arch in archs], dtype=float)

    def stands_for(self, arch: Arch) -> Arch:
        """The architecture whose network is looked at for ``arch``."""
        of_function = self.of_function and self.space.is_valid(arch)
        return self.space.representative(arch) if of_function else arch

    def once(self, arch: Arch) -> Any:
        """Mean of :meth:`look` over the initialisations of the network that stands for ``arch``.

        Each such network is looked at once in a call of :meth:`score`.
        """
        arch = self.stands_for(arch)
        if arch not in self._looked_at:
            self._looked_at[arch] = self._mean(arch)
        return self._looked_at[arch]

    def _score(self, arch: Arch) -> float:
        return self.finite(self.of(arch)) if self.space.is_valid(arch) else self.lowest

    def finite(self, value: float) -> float:
        """``value``, or the lowest score in the place of one that is not finite, which is counted."""
        if math.isfinite(value):
            return value
        self.costs["scores_not_finite"] += 1
        return self.lowest

    def of(self, arch: Arch) -> float:
        """The score of an architecture that joins input to output."""
        return float(self.once(arch))

    def _mean(self, arch: Arch) -> Any:
        seen = []
        for repeat in range(self.options.repeats):
            with self.drawn(repeat):
                network = self.network(arch, repeat)
                seen.append(self.look(network, *self.batch(repeat)))
        return sum(seen) / len(seen)

    def look(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> Any:
        """What a score is made of: a number, as :meth:`measure` gives it, or an array of some."""
        return float(self.measure(network, images, labels))

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        """The score of a freshly initialised ``network`` in training mode.

        ``images`` ``[B, C, H, W]`` and ``labels`` ``[B]``. Random numbers of PyTorch drawn here
        are the same for every architecture.
        """
        raise NotImplementedError(f"{type(self).__name__} has no measure.")

    # What networks are measured with --------------------------------------------------------

    def seed(self, repeat: int, purpose: int) -> int:
        """Of PyTorch's generator, for a ``purpose`` within a repetition."""
        entropy = [_STREAM, self.setting.seed, repeat, purpose]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    @contextmanager
    def drawn(self, repeat: int) -> Iterator[None]:
        """PyTorch's generators inside are those of this repetition, and after it as before."""
        device = self.setting.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            self._seeded(repeat, _WEIGHTS)
            yield

    def begin_measure(self, repeat: int) -> None:
        """What :meth:`measure` draws from here on depends on the seed and this repetition alone."""
        self._seeded(repeat, _MEASURE)

    def _seeded(self, repeat: int, purpose: int) -> None:
        seed, device = self.seed(repeat, purpose), self.setting.device
        torch.default_generator.manual_seed(seed)  # without what torch.manual_seed does besides
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)

    def network(self, arch: Arch, repeat: int) -> Supernet:
        """The stand-alone network of ``arch``, in training mode, its passes counted as costs."""
        network = self.space.standalone(arch, self.data.image)
        initialise(network, self.options.init)
        network = network.to(self.setting.device).train()
        network.register_forward_hook(self._count_pass)
        self.begin_measure(repeat)
        return network

    @property
    def images(self) -> int:
        """In the batch that :meth:`measure` is given."""
        return self.options.images

    def batch(self, number: int) -> Batch:
        """Images and labels number ``number``, the same for every architecture.

        Zeros where no images of the task are looked at, as the labels are then.
        """
        if number not in self._batches:
            x, y = self._given(number)
            if self.options.inputs == "gaussian":
                generator = torch.Generator().manual_seed(self.seed(number, _IMAGES))
                x = torch.randn(x.shape, generator=generator).to(x)
            self._batches[number] = x, y
        x, y = self._batches[number]
        return x.clone(), y

    def _given(self, number: int) -> Batch:
        if self.looks_at_images(self.options):
            return self.data.train_batch(number, self.images, self.setting.seed)
        image, device = self.data.image, self.setting.device
        shape = self.images, image.channels, image.size, image.size
        return torch.zeros(shape, device=device), torch.zeros(self.images, dtype=torch.long)

    # Costs ----------------------------------------------------------------------------------

    def _count_pass(self, network: torch.nn.Module, given: Any, logits: torch.Tensor) -> None:
        """A hook behind a network: an image's forward is 1, and each backward from its logits 2."""
        images = len(logits)
        self.count_passes(images, 0)
        if logits.requires_grad:
            logits.register_hook(lambda gradient: self.count_passes(0, images))

    def count_passes(self, forwards: float, backwards: float) -> None:
        """Add so many images' passes through one network."""
        self.costs["scoring_image_passes"] += int(forwards)
        self.costs["compute"] += round(compute(forwards, backwards))


_STREAM, _WEIGHTS, _MEASURE, _IMAGES = 14, 0, 1, 2  # entries of seeds
