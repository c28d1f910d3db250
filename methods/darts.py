"""DARTS: differentiable architecture search, first order (Liu et al. 2019, section 2.3, ξ = 0).

A baseline. At each site all operators run and their outputs are mixed by the softmax of
architecture parameters, which one half of the training images trains while the other half trains
the weights. In DARTS' own space the sites are all edges, with ``none`` among the operators. What
it predicts of an architecture is how probable the parameters make its operators, there those of
the edges it keeps: the architecture that DARTS derives is the most probable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import Batch, Method, Setting
from methods.lazy import functional, torch
from methods.options import option
from methods.processes import divisible
from methods.transfer import Reading
from searchspaces.base import Arch, SearchSpace, choices
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook

ARCH_BETAS = (0.5, 0.999)  # of Adam, DARTS section 3.1


@dataclass(frozen=True)
class DARTSOptions:
    """Adam on the architecture parameters, as DARTS and NAS-Bench-201 set it."""

    arch_lr: float = option(3e-4, "learning rate of the architecture parameters")
    arch_weight_decay: float = option(1e-3, "their L2 penalty")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for values that no training can have."""
        for name in ("arch_lr", "arch_weight_decay"):
            if getattr(self, name) < 0:
                flag = name.replace("_", "-")
                raise UsageError(f"--options.{flag} must be at least 0, not {getattr(self, name)}.")


class DARTS(Method):
    """Alternates a step of the architecture parameters with one of the weights.

    Raises :class:`UsageError` for spaces that choose a wiring which their supernet cannot mix.
    """

    Options = DARTSOptions
    scores_images = False
    revision = 2  # halves have images of all classes, whatever order these are stored in

    def __init__(self, setting: Setting, options: DARTSOptions):
        self.relaxation = setting.space.relaxation()
        super().__init__(setting, options)
        self.weight_data, self.arch_data = self.data.apart(2)
        self.alphas = [
            torch.zeros(len(site.operators), device=setting.device, requires_grad=True)
            for site in self.relaxation.sites
        ]
        self.arch_parameters = [*self.alphas, *self.further_parameters()]
        self.arch_optimizer = torch.optim.Adam(
            self.arch_parameters,
            options.arch_lr,
            betas=self.arch_betas,
            weight_decay=options.arch_weight_decay,
        )

    arch_betas = ARCH_BETAS
    arch_passes = 1  # what training the architecture parameters costs, in passes for the weights

    def further_parameters(self) -> list[torch.Tensor]:
        """Architecture parameters beside those of the operators; DARTS has none."""
        return []

    @classmethod
    def paths_per_pass(cls, options: Any, space: SearchSpace) -> float:
        """What a pass of the mixture costs, in paths: all operators of each site that it visits."""
        return density(space) * float(np.mean(list(choices(space).values())))

    @classmethod
    def weights_alone(cls, options: Any) -> float:
        """The share of the steps, the first ones, that leave the architecture parameters alone."""
        return 0.0

    @classmethod
    def every(cls, options: Any) -> int:
        """Of how many steps behind these one trains the architecture parameters."""
        return 1

    @classmethod
    def paths_per_step(cls, options: Any, space: SearchSpace) -> dict[str, float]:
        """A pass for the weights, and another for the architecture parameters in steps with that."""
        passes = 1 + (1 - cls.weights_alone(options)) / cls.every(options) * cls.arch_passes
        paths = passes * cls.paths_per_pass(options, space)
        return {"forwards": paths, "backwards": paths}

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        recipe, seed = self.setting.recipe, self.setting.seed
        losses = {}
        if trains_both := self.trains_both(step):
            batch = self.arch_data.train_batch(step, recipe.batch_size, seed)
            self.clear()
            losses["arch_loss"] = self.arch_loss(self.processes.part(batch), step)
            losses["arch_loss"].backward()
            self.update_alphas()
        batch = self.weight_data.train_batch(step, recipe.batch_size, seed)
        self.clear()
        losses["loss"] = self.mixture_loss(self.processes.part(batch), step)
        losses["loss"].backward()
        self.update(step)
        self.count_passes(step, 1 + trains_both * self.arch_passes, len(batch[1]))
        return {name: self.processes.mean(value.detach()) for name, value in losses.items()}

    def done(self, step: int) -> float:
        """0 at the first step of the training, 1 at the last."""
        return step / max(self.setting.recipe.steps - 1, 1)

    def trains_both(self, step: int) -> bool:
        """Whether ``step`` trains the architecture parameters too."""
        behind = step - round(self.weights_alone(self.options) * self.setting.recipe.steps)
        return behind >= 0 and behind % self.every(self.options) == 0

    def pass_paths(self) -> float:
        """What a pass costs now, in paths."""
        return self.paths_per_pass(self.options, self.space)

    def count_passes(self, step: int, passes: int, images: int) -> None:
        """Add so many passes of ``images`` each, forward and back, in step ``step``."""
        paths = passes * self.pass_paths()
        whole = round((step + 1) * paths) - round(step * paths)  # over many steps, none is lost
        self.count(whole, whole, round(paths * images))

    def update_alphas(self) -> None:
        self.processes.average(self.arch_parameters)
        self.arch_optimizer.step()

    def clear(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.arch_optimizer.zero_grad(set_to_none=True)

    def mixture_loss(self, batch: Batch, step: int) -> torch.Tensor:
        return self.loss_of(self.mixture(step), batch)

    def loss_of(self, hook: SiteHook, batch: Batch) -> torch.Tensor:
        """The cross-entropy of a pass in which ``hook`` runs the operators."""
        x, y = batch
        logits = self.relaxation.logits(self.supernet, x, hook)
        return functional.cross_entropy(
            logits, y, label_smoothing=self.setting.recipe.label_smoothing
        )

    def arch_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """What the architecture parameters descend."""
        return self.mixture_loss(batch, step)

    def weights(self, step: int) -> list[torch.Tensor]:
        """Those of the operators of each site in one forward pass of training step ``step``."""
        return [alpha.softmax(0) for alpha in self.alphas]

    def mixture(self, step: int) -> SiteHook:
        """The hook of one forward pass of training step ``step``."""
        return self.mixed(self.weights(step))

    def mixed(self, weights: Sequence[torch.Tensor]) -> SiteHook:
        """A hook that adds the operators up by their weights at each site."""

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            return sum(w * op(x) for w, op in zip(weights[site], operators, strict=True))

        return hook

    # What it predicts -----------------------------------------------------------------------

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Geometric mean of the probabilities of what an architecture runs, in percent."""
        logs = self._log_probabilities()
        chosen = map(self.relaxation.chosen, archs)
        means = [np.mean([logs[site][operator] for site, operator in of]) for of in chosen]
        return 100 * np.exp(np.array(means))

    def found(self) -> Arch:
        """The architecture derived if it is feasible, else the best of an evolution."""
        best = self.relaxation.derive(self._log_probabilities())
        return best if self.feasible(best) else super().found()

    def log_shares(self) -> list[torch.Tensor]:
        """Of each site, the logarithms of what its operators are worth, at most 0."""
        return [alpha.log_softmax(0) for alpha in self.alphas]

    def _log_probabilities(self) -> list[np.ndarray]:
        logs = torch.cat(self.log_shares()).detach()
        ends = np.cumsum([len(alpha) for alpha in self.alphas])[:-1]
        return np.split(Reading(logs).finite("architecture parameters").astype(float), ends)

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        stored = [parameter.detach() for parameter in self.arch_parameters]
        return super().trained_state() | {"alphas": stored}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        with torch.no_grad():
            for alpha, stored in zip(self.arch_parameters, state["alphas"], strict=True):
                alpha.copy_(stored)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"arch_optimizer": self.arch_optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.arch_optimizer.load_state_dict(state["arch_optimizer"])


def density(space: SearchSpace) -> float:
    """Sites that a pass visits, for each that an architecture has."""
    return len(space.relaxation().sites) / len(choices(space))
