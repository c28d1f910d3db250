"""Named recipes of stand-alone training: where each is from, what is open, what is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.tasks.own.place import is_own
from searchspaces.errors import UsageError
from searchspaces.registry import nearest


@dataclass(frozen=True)
class NamedRecipe:
    """Options of a :class:`TrainingRecipe` other than its defaults, and their origin.

    ``spaces`` holds further options for some search spaces. ``open`` says what the source leaves
    open and how it is resolved here, ``departs`` what this training does otherwise.
    """

    source: str
    values: dict[str, Any]
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    departs: tuple[str, ...] = ()


_NESTEROV = {"nesterov": True}
_BENCHMARK = {"epochs": 200, "batch_size": 256} | _NESTEROV
_DARTS = {
    "epochs": 600,
    "batch_size": 96,
    "lr": 0.025,
    "lr_every": "epoch",
    "weight_decay": 3e-4,
    "clip": 5.0,
    "cutout": 16,
}
_DARTS_SPACE = {"darts": {"auxiliary": 0.4, "drop_path": 0.2}}
_DARTS_SOURCE = (
    "DARTS (Liu et al., 2019), its CIFAR-10 training: 600 epochs in batches of 96, SGD, learning "
    "rate 0.025 cosine to zero, weight decay 3e-4, gradient norm 5, cutout 16; in its own space "
    "an auxiliary head of weight 0.4 and path drop rising to 0.2."
)
_MNGNAS_OPEN = (
    "MNGNAS prints no recipe for its final trainings. 600 epochs in batches of 96 with SGD are "
    "what it prints for its supernets (Section IV-A), and are DARTS's. It follows SPOS, FairNAS and "
    "MixPath (Section IV-C), which differ.",
    "It says nothing of auxiliary heads and path drop; here only the DARTS space has them.",
)
_NO_JITTER = "Colours are not jittered."

RECIPES = {
    "tables": NamedRecipe(
        "The project's own tables: NAS-Bench-201's recipe with 4 epochs in batches of 64.",
        _NESTEROV,
    ),
    "nb201": NamedRecipe(
        "NAS-Bench-201 (Dong and Yang, 2020): 200 epochs in batches of 256, SGD with Nesterov "
        "momentum 0.9, learning rate 0.1 cosine to zero, weight decay 5e-4.",
        _BENCHMARK,
    ),
    "nb101": NamedRecipe(
        "NAS-Bench-101 (Ying et al., 2019): 108 epochs in batches of 256, RMSProp with decay 0.9, "
        "momentum 0.9 and epsilon 1, learning rate 0.2 cosine to zero, L2 penalty 1e-4.",
        {
            "epochs": 108,
            "batch_size": 256,
            "optimizer": "rmsprop",
            "lr": 0.2,
            "rmsprop_eps": 1.0,
            "weight_decay": 1e-4,
        },
        departs=("It trains on 40,000 images of CIFAR-10; here --train-on says on which.",),
    ),
    "macro": NamedRecipe(
        "NAS-Bench-Macro (Su et al., 2021): 50 epochs in batches of 256, SGD, learning rate 0.1 "
        "cosine to zero, weight decay 5e-4.",
        {"epochs": 50, "batch_size": 256} | _NESTEROV,
        open=("The momentum is taken to be Nesterov's 0.9.",),
        departs=("Its accuracies are of the best epoch by test accuracy, these of the last.",),
    ),
    "cifar-600": NamedRecipe(_DARTS_SOURCE, _DARTS, _DARTS_SPACE, _MNGNAS_OPEN),
    "imagenet16-600": NamedRecipe(
        f"{_DARTS_SOURCE} Cutout 8.",
        _DARTS | {"cutout": 8},
        _DARTS_SPACE,
        (
            *_MNGNAS_OPEN,
            "Of ImageNet16-120 it says only that networks have three stages (Section IV-D). Cutout "
            "is half a side, as on CIFAR.",
        ),
    ),
    "imagenet-240": NamedRecipe(
        "SPOS (Guo et al., 2020), its released training: 300,000 steps in batches of 1,024, SGD, "
        "learning rate 0.5 linear to zero, weight decay 4e-5 on weights only, label smoothing 0.1, "
        "dropout 0.1.",
        {
            "epochs": 240,
            "batch_size": 1024,
            "lr": 0.5,
            "schedule": "linear",
            "weight_decay": 4e-5,
            "decay_all": False,
            "label_smoothing": 0.1,
            "dropout": 0.1,
        },
        open=("MNGNAS prints no recipe for its ImageNet trainings.",),
        departs=(_NO_JITTER, "BN statistics are the running ones, not averages of a last epoch."),
    ),
    "imagenet-250": NamedRecipe(
        "DARTS (Liu et al., 2019), its ImageNet training: 250 epochs in batches of 128, SGD, "
        "learning rate 0.1 times 0.97 every epoch, weight decay 3e-5, label smoothing 0.1, "
        "gradient norm 5; in its own space an auxiliary head of weight 0.4.",
        {
            "epochs": 250,
            "batch_size": 128,
            "schedule": "exponential",
            "lr_every": "epoch",
            "decay": 0.97,
            "weight_decay": 3e-5,
            "label_smoothing": 0.1,
            "clip": 5.0,
        },
        {"darts": {"auxiliary": 0.4}},
        ("MNGNAS prints no recipe for its ImageNet trainings.",),
        (_NO_JITTER,),
    ),
    "imagenet-500": NamedRecipe(
        "EnNAS (Section 4, Settings): 500 epochs, RMSProp, learning rate 0.064, weight decay 1e-5. "
        "The rest is the released training of Cream (Peng et al., 2020), which has the same: "
        "batches of 1,024, RMSProp of TensorFlow with epsilon 1e-3, three epochs of warm-up from "
        "1e-6, learning rate times 0.973 every 2.4 epochs, moving average 0.9999, dropout 0.2, "
        "label smoothing 0.1.",
        {
            "epochs": 500,
            "batch_size": 1024,
            "optimizer": "rmsprop",
            "lr": 0.064,
            "schedule": "exponential",
            "lr_every": "epoch",
            "decay": 0.973,
            "decay_epochs": 2.4,
            "warmup": 3.0,
            "warmup_lr": 1e-6,
            "weight_decay": 1e-5,
            "decay_all": False,
            "label_smoothing": 0.1,
            "dropout": 0.2,
            "ema": 0.9999,
        },
        open=(
            "EnNAS prints neither batch size, decay of the learning rate, warm-up, moving average, "
            "dropout, label smoothing nor augmentation. MNGNAS prints no recipe.",
        ),
        departs=(
            "Images are cropped and mirrored only: no RandAugment, no random erasing.",
            "The decay of the moving average grows as (1 + n) / (10 + n) in its first steps.",
        ),
    ),
}


def usual_recipe(space: str, task: str) -> str:
    """The recipe by which a paper or benchmark trains networks of ``space`` on ``task``.

    On images of the user's own it is that of the tables that the harness builds.
    """
    if task == "digits" or is_own(task):
        return "tables"
    if task == "imagenet":
        if space == "darts":
            return "imagenet-250"
        return "imagenet-240" if space.startswith("shufflenet") else "imagenet-500"
    benchmark = space.split("-")[0]
    if benchmark in ("nb101", "nb201", "macro"):
        return benchmark
    return {"imagenet16-120": "imagenet16-600"}.get(task, "cifar-600")


def recipe_values(name: str, space: str) -> dict[str, Any]:
    """The options of :class:`TrainingRecipe` that ``name`` sets for ``space``.

    Raises :class:`UsageError` for an unknown recipe.
    """
    if name not in RECIPES:
        raise UsageError(f"unknown recipe '{name}'{nearest(name, RECIPES)}")
    recipe = RECIPES[name]
    return recipe.values | recipe.spaces.get(space, {})
