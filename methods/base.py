"""The uniform interface of one-shot NAS methods, with the defaults of the simplest one (SPOS)."""

from __future__ import annotations

import math
from abc import ABC
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from methods import scoring
from methods.data import Batch, Data
from methods.lazy import functional, torch
from methods.options import Recipe, Scoring, SearchLimits, written
from methods.processes import Processes, divisible
from methods.search.evolution import Evolution
from methods.snapshots import Snapshots
from searchspaces.base import Arch, Cost, ImageSpec, Path, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.overriding import check_overridden

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet

# First entries of the seeds of independent random streams; every draw of a run is a function of
# (stream, seed, step), so that resuming needs no generator state.
PATHS, SEARCH, RETRAIN = 11, 12, 13

Group = dict[str, Any]  # of an optimiser's parameters

COSTS = ("steps", "path_forwards", "path_backwards", "image_passes", "compute")  # that are counted
TOGETHER = 128  # most architectures that one network is made of for scoring


@dataclass(frozen=True)
class Setting:
    """Everything a method works with.

    ``costs``: by encoded architecture, those that ``search.cost`` names, as far as they are known.
    ``latency`` predicts them instead, in ms, where a file of measured latencies is given.
    ``sized``: space and images of the stand-alone networks whose cost limits and orders
    architectures, where the supernet is of another scale; None: the supernet's own.
    """

    space: SearchSpace
    data: Data
    recipe: Recipe
    scoring: Scoring
    search: SearchLimits
    seed: int
    device: torch.device
    affine: bool = False
    costs: Mapping[str, float] = field(default_factory=dict)
    latency: Callable[[Arch], float] | None = None
    sized: tuple[SearchSpace, ImageSpec] | None = None


class Method(ABC):
    """Trains a supernet, scores architectures with it, searches it.

    A subclass overrides what its paper changes. ``costs`` counts optimiser steps, path-forwards,
    path-backwards and image passes (one image through one path, forward) of training and
    retraining, and their ``compute``: 1 for an image forward, 2 for one backward. Beside them
    the image passes of scoring: one image through one architecture, also where architectures
    share a part of it.
    """

    Options: ClassVar[type]
    trains: ClassVar[bool] = True  # a supernet
    revision: ClassVar[int] = 1  # higher where a change makes runs from before it others
    one_supernet: ClassVar[bool] = True  # from the first step of the training to its last
    scores_images: ClassVar[bool] = True  # whether scores are of classifying validation images
    weights_are: ClassVar[str] = "inherited from the supernet"  # those of network_of, in words

    def __init_subclass__(cls) -> None:
        """Raises :class:`UsageError` where a class method or a property is overridden as none."""
        super().__init_subclass__()
        check_overridden(cls)

    def __init__(self, setting: Setting, options: Any):
        """Raises :class:`UsageError` where images that are not scored are to be scored otherwise."""
        for name in ("by", "precision") if not self.scores_images else ():
            if (chosen := getattr(setting.scoring, name)) != getattr(Scoring, name):
                raise UsageError(
                    f"scores of {type(self).__name__} are not of classified images; leave "
                    f"--score.{name} {chosen} out."
                )
        if setting.scoring.snapshots > 1 and type(self).score is not Method.score:
            raise UsageError(
                f"scores of {type(self).__name__} are not of weights as its training leaves them, which "
                f"snapshots are of; leave --score.snapshots {setting.scoring.snapshots} out."
            )
        self.setting, self.options = setting, options
        self.space, self.data = setting.space, setting.data
        torch.manual_seed(setting.seed)
        self.supernet = self.build().to(setting.device)
        self.snapshots = Snapshots(setting.scoring.snapshots, setting.recipe.steps)
        self.costs: Counter[str] = Counter()
        self.processes = Processes()
        self.optimizer = sgd(self.supernet, setting.recipe)
        self.evolution = Evolution(self.space, setting.search, self.feasible)

    @classmethod
    def looks_at_images(cls, options: Any) -> bool:
        """Whether any score depends on the images of the task; where none does, none are read."""
        return True

    @classmethod
    def training_identity(cls, options: Any) -> dict[str, Any]:
        """What of the method shapes the trained supernet; equal identities may share one."""
        return {"method": cls.__name__, "options": written(options)}

    @classmethod
    def trains_by_limits(cls, options: Any) -> bool:
        """Whether the limits of the search shape the trained supernet too."""
        return False

    @classmethod
    def paths_per_step(cls, options: Any, space: SearchSpace) -> dict[str, float]:
        """Path-forwards and path-backwards of one optimiser step, on whole batches, on average."""
        return {"forwards": 1.0, "backwards": 1.0}

    @classmethod
    def period(cls, options: Any) -> int:
        """Of how many steps in turn one may cost more than the others."""
        return 1

    @classmethod
    def compute_per_step(
        cls, options: Any, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        """Compute of one optimiser step for each image of its batch, on average.

        An image's forward through one path is 1, its backward 2. A method whose steps pass other
        images too, or now and then others than steps do, adds these. ``images``: there are to
        train on.
        """
        paths = cls.paths_per_step(options, space)
        return compute(paths["forwards"], paths["backwards"])

    @classmethod
    def parts(cls, options: Any) -> Sequence[str]:
        """Methods whose finished runs its scores are made of: it gets these by ``take``."""
        return ()

    @classmethod
    def affine(cls, options: Any) -> bool:
        """Whether the BNs of its supernet's choice blocks have scale and shift, as published."""
        return False

    def build(self) -> Supernet:
        """The supernet, freshly initialised."""
        return self.space.supernet(self.data.image, affine=self.setting.affine)

    def notes(self) -> list[str]:
        """Sentences that a reader of the results must know, such as where a rule cannot hold."""
        return []

    def rng(self, stream: int, step: int) -> np.random.Generator:
        return np.random.default_rng([stream, self.setting.seed, step])

    # Training -------------------------------------------------------------------------------

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        """One optimiser step; returns scalars to record, still on the device.

        One that is not :func:`divisible` is for one process only.
        """
        recipe = self.setting.recipe
        batch = self.data.train_batch(step, recipe.batch_size, self.setting.seed)
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.setting.device)
        paths = self.sample_paths(self.rng(PATHS, step))
        for path in paths:
            loss = self.path_loss(path, self.processes.part(batch))
            loss.backward()
            total += loss.detach()
        self.update(step)
        self.count(len(paths), len(paths), len(paths) * len(batch[1]))
        return {"loss": self.processes.mean(total / len(paths))}

    def update(self, step: int, recipe: Recipe | None = None) -> None:
        """Clip the gradients of the supernet and step its optimiser, by the method's recipe."""
        self.descend(step, recipe or self.setting.recipe)
        self.costs["steps"] += 1

    def descend(self, step: int, recipe: Recipe) -> None:
        """A step of the optimiser that does not count as one of the training."""
        self.processes.average(self.parameters)
        set_learning_rate(self.optimizer, recipe, step)
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, recipe.clip)
        self.optimizer.step()

    @cached_property
    def parameters(self) -> list[torch.nn.Parameter]:
        """The supernet's; finding them in its modules takes as long as a percent of a step."""
        return list(self.supernet.parameters())

    def epoch_report(self, step: int) -> dict[str, float]:
        """What to record after ``step`` beside what it returned; only for watching."""
        return {}

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """The paths of one optimiser step; their gradients add up."""
        return [self.space.sample(rng)]

    def path_loss(self, path: Path, batch: Batch) -> torch.Tensor:
        x, y = batch
        smoothing = self.setting.recipe.label_smoothing
        return functional.cross_entropy(self.supernet(x, path), y, label_smoothing=smoothing)

    def count(self, forwards: int, backwards: int, images: int) -> None:
        """Add so many paths, through which ``images`` went forward all told.

        And the backward share of them back, as the paths did.
        """
        self.costs.update(
            path_forwards=forwards,
            path_backwards=backwards,
            image_passes=images,
            compute=round(images * compute(1, backwards / forwards)),
        )

    # Scoring --------------------------------------------------------------------------------

    def chunks(self, archs: Sequence[Arch]) -> list[list[int]]:
        """Positions in ``archs`` of those that one call of :meth:`score` gets when all are ranked.

        Few, so that little is lost by an interruption and processes have something to share out,
        yet enough to gain from being together.
        """
        size = min(max(len(archs) // 16, 8), TOGETHER)
        return in_chunks(self.supernet.order(archs), size)

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Predicted quality, ``[len(archs)]``: here of inherited weights on validation images.

        The mean over ``--score.snapshots`` of the training.
        """
        scores = np.zeros(len(archs))
        for _ in self.snapshots.each(self.supernet):
            for chunk in in_chunks(self.supernet.order(archs), TOGETHER):
                scores[chunk] += self.validation_scores([archs[position] for position in chunk])
        return scores / self.snapshots.looks

    def score_in_training(self, archs: Sequence[Arch], step: int) -> np.ndarray | None:
        """What :meth:`score` gives if training ends after ``step`` steps; only for watching.

        None while that would mean nothing. A method that learns how to score in its search gives
        the best that it has without.
        """
        return self.score(archs)

    def validation_scores(self, archs: Sequence[Arch]) -> np.ndarray:
        """:meth:`validation_score` of the subnet of each of ``archs``."""
        network = self.supernet.together(archs)
        if network is None:
            return self.validation_scores_of(map(self.supernet.subnet, archs), len(archs))
        self.count_scoring(len(archs))
        return scoring.scores(network, self.data, self.setting.scoring)

    def validation_scores_of(
        self, networks: Iterable[Supernet], number: int, fine: torch.Tensor | None = None
    ) -> np.ndarray:
        """:meth:`validation_score` of each of so many ``networks``; a device is waited for once.

        NaN for each that is not ``fine``, bool ``[number]`` on the device, where that is given.
        """
        self.count_scoring(number)
        return scoring.scores_of_each(networks, self.data, self.setting.scoring, fine=fine)

    def validation_score(self, network: Supernet) -> float:
        """What ``network`` reaches on the validation images under the BN policy.

        By ``--score.by`` that is its accuracy in percent or minus its mean cross-entropy.
        """
        return float(self.validation_scores_of([network], 1)[0])

    def count_scoring(self, archs: int) -> None:
        """Add the image passes that score so many architectures under the BN policy."""
        how = self.setting.scoring
        calibration = min(how.calibration_images, len(self.data.train))
        scored = min(how.images or len(self.data.val), len(self.data.val))
        passes = calibration * (how.bn == "recalibrate") + scored
        self.costs["scoring_image_passes"] += archs * passes

    # Search ---------------------------------------------------------------------------------

    def feasible(self, arch: Arch) -> bool:
        """Valid and within the limits on multiply-adds, parameters and a cost of the table."""
        limits = self.setting.search
        if not self.space.is_valid(arch) or not limits.limited:
            return self.space.is_valid(arch)
        cost = self.cost_of(arch)
        return limits.admits(cost.madds, cost.params, self.limited_cost(arch))

    def limited_cost(self, arch: Arch) -> float:
        """What ``search.cost`` names, of ``arch``; NaN where that is not known."""
        if self.setting.latency:
            return self.setting.latency(arch)
        return self.setting.costs.get(self.space.encode(arch), math.nan)

    def cost_of(self, arch: Arch) -> Cost:
        """Parameters and multiply-adds of the stand-alone network that ``arch`` stands for."""
        space, image = self.setting.sized or (self.space, self.data.image)
        return space.cost(arch, image)

    @property
    def search_epochs(self) -> int:
        return self.setting.search.generations

    def search_epoch(self, epoch: int) -> list[tuple[Arch, float]]:
        """One generation; returns the architectures it scored."""
        archs = self.asked(epoch)
        scored = list(zip(archs, self.score(archs).tolist(), strict=True))
        self.evolution.tell(scored)
        return scored

    def asked(self, epoch: int) -> list[Arch]:
        """What generation ``epoch`` scores."""
        return self.evolution.ask(epoch, self.rng(SEARCH, epoch))

    def found(self) -> Arch:
        """The best architecture of the search so far."""
        return self.evolution.best()

    def network_of(self, arch: Arch) -> torch.nn.Module:
        """``arch`` alone with its trained weights, ``[B, C, H, W]`` to logits ``[B, classes]``.

        Its BN statistics are those of the training, under no policy yet.
        """
        return self.supernet.subnet(arch)

    # State ----------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        """What search and scoring need of the training: tensors and plain containers."""
        return {"supernet": self.supernet.state_dict()} | self.snapshots.state()

    def load_trained_state(self, state: dict[str, Any]) -> None:
        self.supernet.load_state_dict(state["supernet"])
        self.snapshots.load(state)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain containers: everything needed to resume, :meth:`trained_state` among it."""
        return self.trained_state() | {
            "optimizer": self.optimizer.state_dict(),
            "costs": dict(self.costs),
            "evolution": self.evolution.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.load_trained_state(state)
        self.optimizer.load_state_dict(state["optimizer"])
        self.costs = Counter(state["costs"])
        self.evolution.load_state_dict(state["evolution"])


def compute(forwards: float, backwards: float) -> float:
    """What so many passes cost, in forwards: a backward computes two products for each of its."""
    return forwards + 2 * backwards


def sgd(network: torch.nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with weight decay on tensors of more than one dimension only, as the SPOS code does."""
    groups = penalised(network.parameters(), recipe.weight_decay)
    return torch.optim.SGD(groups, recipe.lr, recipe.momentum, nesterov=recipe.nesterov)


def penalised(parameters: Iterable[torch.nn.Parameter], weight_decay: float) -> list[Group]:
    """Groups of an optimiser, which penalises the first alone: tensors of several dimensions."""
    tensors = [p for p in parameters if p.requires_grad]
    return [
        {"params": [p for p in tensors if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in tensors if p.dim() <= 1], "weight_decay": 0.0},
    ]


def set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """That of the recipe; a group may have a share of it."""
    for group in optimizer.param_groups:
        group["lr"] = recipe.lr * recipe.decay(step) * group.get("lr_ratio", 1.0)


def in_chunks(positions: Sequence[int], size: int) -> list[list[int]]:
    """``positions`` in their order, ``size`` at a time, the last time perhaps fewer."""
    return [list(positions[i : i + size]) for i in range(0, len(positions), size)]
