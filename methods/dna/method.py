"""DNA: block-wise supervision by a trained teacher (Li et al., CVPR 2020, arXiv:1911.13053).

A baseline. Each stage of the supernet learns by itself to turn the teacher's input of that stage
into the teacher's output. An architecture is as good as the teacher's features are near. Here the
teacher is a stand-alone network of the same space, so that all shapes agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import Batch, Setting, penalised, set_learning_rate, sgd
from methods.dna.blocks import Stage, relative_error, score_blocks
from methods.dna.options import DNAOptions
from methods.dna.search import BlockWise
from methods.lazy import functional, torch
from methods.processes import divisible
from searchspaces.base import Arch, Path, SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import State, Supernet

TEACHER = 62


class DNA(BlockWise):
    """Trains the teacher first, then the stages under it, one uniform path per step."""

    Options = DNAOptions
    weights_are = (
        "inherited from the supernet in its stages, from the teacher before and behind them"
    )

    def __init__(self, setting: Setting, options: DNAOptions):
        super().__init__(setting, options)
        recipe = setting.recipe
        self.teacher_steps = round(options.teacher_share * recipe.steps)
        if options.teacher_share:
            self.teacher_steps = min(max(self.teacher_steps, 1), recipe.steps)
        self.teacher_arch = self._teacher_arch()
        self.teacher = self.space.standalone(self.teacher_arch, self.data.image)
        self.teacher.to(setting.device)
        self.teacher_optimizer = sgd(self.teacher, replace(recipe, lr=options.teacher_lr))
        self.teacher_from, self.trained_before = options.teacher, False
        self.optimizer = self._stages_optimizer()

    def adopt(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take the weights of a trained teacher.

        Raises :class:`UsageError` where they are another network's, and where steps are to train
        the teacher.
        """
        if self.teacher_steps:
            raise UsageError(
                f"the teacher in {self.teacher_from} comes trained; set --options.teacher-share 0."
            )
        try:
            self.teacher.load_state_dict(weights)
        except RuntimeError:
            raise UsageError(
                f"the network in {self.teacher_from} cannot teach this supernet: it must be of "
                "the same scale, width and cells."
            ) from None
        self.trained_before = True

    def _teacher_arch(self) -> Arch:
        if self.options.teacher:
            return self.space.decode(self.options.teacher)
        rng = self.rng(TEACHER, 0)
        drawn = filter(self.space.is_valid, (self.space.sample(rng) for _ in range(100)))
        return max(drawn, key=lambda arch: self.cost_of(arch).madds)

    def _stages_optimizer(self) -> torch.optim.Optimizer:
        """Of all stages, with a learning rate of its own for the first and the last."""
        recipe, network, ratio = self.setting.recipe, self.supernet, self.options.outer_lr_ratio
        ends = {0, network.stages_number - 1} if ratio != 1 else set()
        parts = [part for stage in ends for part in network.stage_parts(stage)]
        outer = dict.fromkeys(p for part in parts for p in part.parameters())
        inner = [p for p in self.parameters if p not in outer]
        groups = penalised(inner, recipe.weight_decay) + [
            group | {"lr": ratio * recipe.lr, "lr_ratio": ratio}
            for group in penalised(outer, recipe.weight_decay)
        ]
        groups = [group for group in groups if group["params"]]
        if self.options.optimizer == "adam":
            return torch.optim.Adam(groups, recipe.lr)
        return torch.optim.SGD(groups, recipe.lr, recipe.momentum, nesterov=recipe.nesterov)

    @classmethod
    def affine(cls, options: DNAOptions) -> bool:
        """Without scale and shift a stage cannot reach the size of the teacher's features."""
        return True

    @classmethod
    def paths_per_step(cls, options: DNAOptions, space: SearchSpace) -> dict[str, float]:
        return {"forwards": 2 - options.teacher_share, "backwards": 1.0}

    def notes(self) -> list[str]:
        known = {
            "": "the costliest of 100 random architectures, ",
            "best": "the best of the ground truth, which other methods do not know, ",
        }
        where = known.get(self.teacher_from, "")
        if self.trained_before:
            where = f"trained before, in {self.teacher_from}, "
        notes = [f"the teacher is {where}{self.space.encode(self.teacher_arch)}"]
        if self.options.outer_lr_ratio != 1 and not self.supernet.stage_parts(0):
            notes.append("all stages learn at one rate, for the space does not tell them apart")
        return notes

    # Training -------------------------------------------------------------------------------

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        recipe = self.setting.recipe
        self.blocks.errors.clear()
        if not (self.teacher_steps or self.trained_before):
            raise UsageError(
                "--options.teacher-share 0 leaves the teacher untrained; name the folder of a "
                "trained one by --options.teacher."
            )
        _, labels = batch = self.data.train_batch(step, recipe.batch_size, self.setting.seed)
        if step < self.teacher_steps:
            return {"loss": self._train_teacher(step, batch)}
        x, _ = self.processes.part(batch)
        (path,) = self.sample_paths(self.rng(TEACHER, step + 1))
        self.optimizer.zero_grad(set_to_none=True)
        states = self.teacher_states(x)
        loss = block_errors(self.supernet, path, states, self.processes.variance).sum()
        if loss.requires_grad:  # nothing reaches the output of a dead cell
            loss.backward()
        stages = replace(recipe, steps=recipe.steps - self.teacher_steps)
        self.update(step - self.teacher_steps, stages)
        self.count(2, 1, 2 * len(labels))
        return {"loss": self.processes.mean(loss.detach())}

    def _train_teacher(self, step: int, batch: Batch) -> torch.Tensor:
        x, y = self.processes.part(batch)
        recipe = replace(
            self.setting.recipe,
            steps=self.teacher_steps,
            lr=self.options.teacher_lr,
            schedule="cosine",
        )
        set_learning_rate(self.teacher_optimizer, recipe, step)
        self.teacher_optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(
            self.teacher.train()(x), y, label_smoothing=recipe.label_smoothing
        )
        loss.backward()
        self.processes.average(self.teacher.parameters())
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.teacher.parameters(), recipe.clip)
        self.teacher_optimizer.step()
        self.count(1, 1, len(batch[1]))
        self.costs["steps"] += 1
        return self.processes.mean(loss.detach())

    def teacher_states(self, x: torch.Tensor) -> list[State]:
        """The input of each stage, and the output of the last, in evaluation mode."""
        with torch.no_grad():
            states = [self.teacher.eval().begin(x)]
            for index in range(self.teacher.stages_number):
                states.append(self.teacher.stage(index, states[-1]))
        return states

    # Scoring --------------------------------------------------------------------------------

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Minus the mean relative error of the stages on the validation images, in percent."""
        score_blocks(
            *(self.blocks, archs, self.scored),
            lambda _, arch: self.supernet.subnet(arch),
            relative_error,
        )
        self.count_scoring(2 * len(archs))  # the teacher's passes too
        return np.array([-self.blocks.error(arch) for arch in archs])

    def scored(self, number: int) -> tuple[Stage, list[torch.Tensor]]:
        """A stage, and the teacher's outputs of it."""

        def give(x: torch.Tensor) -> list[State]:
            return self.teacher_states(x)[number : number + 2]

        stage = Stage(number, give, self.data, self.setting.scoring)
        return stage, [after[-1] for _, after in stage.given]

    def score_in_training(self, archs: Sequence[Arch], step: int) -> np.ndarray | None:
        """Nothing before the first step of the stages: the teacher alone tells none apart."""
        return self.score(archs) if step > self.teacher_steps else None

    def network_of(self, arch: Arch) -> torch.nn.Module:
        """Its stages between the teacher's stem and classifier, as no step trains the supernet's.

        Raises :class:`UsageError` where the space does not tell stages apart.
        """
        network = self.supernet.subnet(arch)
        parts = [part for n in range(network.stages_number) for part in network.stage_parts(n)]
        if not parts:
            raise UsageError(
                f"networks of {self.space.name} do not tell their stages apart, which alone DNA "
                "trains: give them stage_parts()."
            )
        staged = {id(t) for part in parts for t in part.state_dict(keep_vars=True).values()}
        own, taught = network.state_dict(keep_vars=True), self.teacher.state_dict()
        outside = [name for name, tensor in own.items() if id(tensor) not in staged]
        network.load_state_dict({name: taught[name] for name in outside}, strict=False)
        return network

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        return super().trained_state() | {"teacher": self.teacher.state_dict()}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        self.teacher.load_state_dict(state["teacher"])
        self.blocks.errors.clear()

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"teacher_optimizer": self.teacher_optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.teacher_optimizer.load_state_dict(state["teacher_optimizer"])


def block_errors(
    network: Supernet,
    path: Path | None,
    states: list[State],
    variance: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """The :func:`relative_error` of each stage, ``[stages]``.

    ``states`` are the teacher's; each stage gets the teacher's input.
    """
    pairs = zip(states, states[1:], strict=False)
    return torch.stack(
        [
            relative_error(network.stage(index, before, path)[-1], after[-1], variance)
            for index, (before, after) in enumerate(pairs)
        ]
    )
