"""What is checked: a space at its cheapest scale, its supernet, a method on it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch

from harness.conformance.findings import NotDue
from harness.conformance.noise import Noise
from harness.conformance.returns import guarded
from methods.base import Method, Setting, compute
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, file_of, short
from searchspaces.supernet import Supernet

ARCHITECTURES = 3
# Options with which the methods of the project take a moment where their defaults take longer.
QUICK: dict[str, dict[str, Any]] = {
    "cream": {"slice": 2, "update_share": 0, "warmup": 0.25},
    "ennas": {"probe_images": 8, "report_images": 8, "warmup": 0.25},
    "dna": {"teacher": "", "blocks": 100},
    "bossnas": {"hidden": 8, "features": 4, "population": 4, "images": 16, "blocks": 100},
    "az-nas": {"images": 8, "reference": 3},
    "zen": {"images": 4, "repeats": 2},
    "zico": {"images": 8},
    "naswot": {"images": 6},
    "epe": {"images": 32},
    "few-shot": {"parts": 2},
    "enas": {"every": 2, "samples": 2},
    "mct-nas": {"warmup": 0.25},
    "greedynas": {"proposed": 3, "trained": 2, "warmup": 0.0},
    "ensemble": {"of": "params,flops"},
    "short-training": {"batch_size": 16},
    "mngnas": {
        "search_epochs": 1,
        "population": 3,
        "removed": 1,
        "teachers": 1,
        "retrain_steps": 1,
        "perturbed": 1,
        "perturb_steps": 1,
    },
}


class SpaceSubject:
    """A registered space at scale ``compact``, or its first, and some of its architectures."""

    def __init__(self, name: str):
        """Raises :class:`UsageError` for an unknown name."""
        self.make = SPACES[name]
        self.name: str = self.make.name if file_of(name) else name  # type: ignore[attr-defined]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def space(self) -> SearchSpace:
        made: SearchSpace = self.make(self.scale)
        return made

    @property
    def scale(self) -> str:
        scales: tuple[str, ...] = self.make.scales  # type: ignore[attr-defined]
        return "compact" if "compact" in scales else scales[0]

    @cached_property
    def image(self) -> ImageSpec:
        return ImageSpec(1, 12, 10) if self.space.scale == "compact" else ImageSpec(3, 32, 10)

    @cached_property
    def archs(self) -> list[Arch]:
        """Different valid ones of the first draws: three, or as many as there are."""
        rng = np.random.default_rng(0)
        drawn = dict.fromkeys(self.space.sample(rng) for _ in range(20 * ARCHITECTURES))
        return list(islice(filter(self.space.is_valid, drawn), ARCHITECTURES))

    @cached_property
    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Eight images and their labels."""
        image, generator = self.image, torch.Generator().manual_seed(0)
        x = torch.randn(8, image.channels, image.size, image.size, generator=generator)
        return x, torch.arange(8) % image.classes

    @cached_property
    def limit(self) -> float:
        """Multiply-adds that about half of the architectures stay within."""
        rng = np.random.default_rng(1)
        drawn = filter(self.space.is_valid, (self.space.sample(rng) for _ in range(60)))
        return float(np.median([self.space.cost(arch, self.image).madds for arch in drawn]))


class SupernetSubject:
    """The supernet of a space, with or without scale and shift in the BNs of choice blocks."""

    def __init__(self, of: SpaceSubject, affine: bool):
        self.of, self.affine = of, affine

    def __str__(self) -> str:
        return f"{self.of}, {'affine' if self.affine else 'plain'}"

    def build(self, seed: int) -> Supernet:
        made: Supernet = seeded(seed, self.of.space.supernet, self.of.image, affine=self.affine)
        return made

    @cached_property
    def _moved(self) -> tuple[Supernet, dict[str, torch.Tensor]]:
        """One whose parameters and statistics are not as they are initialised, and its state."""
        network = self.build(0)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
            for arch in self.of.archs:
                network(self.of.batch[0], arch)
        return network, tensors(network)

    def supernet(self) -> Supernet:
        """Always the same, in training mode, whatever was done to it before."""
        network, state = self._moved
        network.load_state_dict(state)
        network.zero_grad(set_to_none=True)
        return network.train()


class MethodSubject:
    """A registered method with a tiny budget on a space."""

    def __init__(self, name: str, of: SpaceSubject, options: Mapping[str, Any] | None = None):
        """Raises :class:`UsageError` for an unknown name and for options it does not have."""
        self.name, self.of = name, of
        self.kind = METHODS[name]
        self.options = options_class(name)(**QUICK.get(name, {}) | dict(options or {}))

    def __str__(self) -> str:
        return f"{short(self.name)} on {self.of}"

    @property
    def steps(self) -> int:
        return 4 if self.kind.trains else 0

    @cached_property
    def _noise(self) -> Noise:
        return Noise(self.of.image)

    @cached_property
    def setting(self) -> Setting:
        return Setting(
            space=self.of.space,
            data=self._noise,
            recipe=Recipe(steps=self.steps, batch_size=8),
            scoring=Scoring(calibration_images=16, calibration_batch=8, images=16, batch_size=16),
            search=SearchLimits(
                population=3, generations=1, parents=2, max_madds=self.of.limit / 1e6
            ),
            seed=0,
            device=torch.device("cpu"),
        )

    def build(self, data: Noise | None = None) -> Method:
        """Untrained, on ``data`` or the subject's own."""
        setting = replace(self.setting, data=data or self.setting.data)
        made = guarded(self.kind(setting, self.options))
        if not hasattr(made, "supernet"):
            raise NotDue(
                "it has no supernet; its __init__ calls super().__init__(setting, options)."
            )
        if self.parts:
            made.take(self.parts, {"compute": 1})
        return made

    @cached_property
    def parts(self) -> dict[str, dict[str, float]]:
        """What the methods that it is of, if any, give the architectures and others."""
        space, rng = self.of.space, np.random.default_rng(2)
        drawn = filter(space.is_valid, (space.sample(rng) for _ in range(40)))
        archs = [*self.of.archs, *drawn, space.extremes(self.of.image)[0]]
        names = [space.encode(arch) for arch in archs]
        return {
            part: dict(zip(names, MethodSubject(part, self.of).build().score(archs), strict=True))
            for part in self.kind.parts(self.options)
        }

    @cached_property
    def refusal(self) -> str:
        """How it says that it cannot work on the space; empty where it can."""
        try:
            self.build()
        except UsageError as error:
            return str(error)
        return ""

    @cached_property
    def halfway(self) -> tuple[Method, list[dict[str, torch.Tensor]], dict[str, Any]]:
        """Trained to the end; what the steps returned; the state after half of them.

        Leaves ``spent``, the compute that it counted, ``passed``, what went through its supernet,
        ``looks`` at images for validation, and ``kept``, its trained state.
        """
        method, reported = self.build(), []
        passes, before = Passes(method.supernet), self._noise.looks
        state: dict[str, Any] = through_a_file(method.state_dict())
        for step in range(self.steps):
            if step == self.steps // 2:
                state = through_a_file(method.state_dict())
            reported.append(method.train_step(step))
        self.spent, self.passed = float(method.costs["compute"]), passes.stop()
        self.looks = self._noise.looks - before
        self.kept: dict[str, Any] = through_a_file(method.trained_state())
        return method, reported, state

    @cached_property
    def searched(self) -> tuple[Method, list[tuple[Arch, float]], dict[str, torch.Tensor]]:
        """After its search; what that scored; the supernet's state before."""
        method = self.halfway[0]
        before = tensors(method.supernet)
        return method, search(method), before

    @cached_property
    def scores(self) -> np.ndarray:
        """Of its architectures, together, after the search."""
        return np.asarray(self.searched[0].score(self.of.archs))

    @cached_property
    def steady(self) -> bool:
        """Whether the scores are finite, and the same a second time."""
        again = np.asarray(self.searched[0].score(self.of.archs))
        return bool(np.isfinite(self.scores).all()) and np.array_equal(self.scores, again)


class Passes:
    """Counts the images that go through ``network`` as a whole, there and back."""

    def __init__(self, network: torch.nn.Module):
        self.forwards = self.backwards = 0
        self._hook = network.register_forward_hook(self._count)

    def _count(self, network: torch.nn.Module, given: Any, logits: Any) -> None:
        if isinstance(logits, torch.Tensor):
            self.forwards += len(logits)
            if logits.requires_grad:
                logits.register_hook(self._back)

    def _back(self, gradient: torch.Tensor) -> None:
        self.backwards += len(gradient)

    def stop(self) -> float:
        """Their compute so far; nothing is counted from now on."""
        self._hook.remove()
        return compute(self.forwards, self.backwards)


def search(method: Method) -> list[tuple[Arch, float]]:
    """The whole search; what it scored."""
    return [pair for epoch in range(method.search_epochs) for pair in method.search_epoch(epoch)]


def seeded(seed: int, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    torch.manual_seed(seed)
    return function(*arguments, **options)


def tensors(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of its state."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def through_a_file(state: Any) -> Any:
    """What is read of ``state`` after it was saved, by a reader that takes no code."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
