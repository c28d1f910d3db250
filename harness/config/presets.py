"""Presets: smoke (under a minute), laptop (minutes), paper (as published)."""

from __future__ import annotations

from typing import Any

from methods.registry import METHODS, SCORERS
from searchspaces.errors import UsageError
from searchspaces.registry import file_of, nearest

_IMAGES = 25_000  # of CIFAR-10's training part, which the printed epochs are taken to go through

# Tasks of photographs that published tables are of; supernets on a laptop are proxies there.
REAL = ("cifar10", "cifar100", "imagenet16-120")


def _benchmarked(epochs: int) -> dict[str, Any]:
    """The recipe of NAS-Bench-201's own runs of searches."""
    return {
        "train.steps": epochs * (_IMAGES // 64),
        "train.lr": 0.025,
        "train.nesterov": True,
        "train.clip": 5.0,
    }


# The NAS-Bench-201 runs of PA-DA's released code, its own and SPOS's, which also clip at 5.
_PA_DA: dict[str, Any] = {
    "train.steps": 250 * (_IMAGES // 256),
    "train.batch_size": 256,
    "train.lr": 0.05,
    "train.weight_decay": 2.5e-4,
    "train.clip": 5.0,
}

# The paper's recipe for ImageNet as MMRazor has it, without its cycles of colours.
_GREEDYNAS: dict[str, Any] = {
    "train.steps": 120 * (_IMAGES // 1024),
    "train.batch_size": 1024,
    "train.lr": 0.12,
    "train.weight_decay": 4e-5,
    "train.label_smoothing": 0.1,
    "train.clip": 0.0,
}

# What each preset changes, in layers: "*" for all, then "real" for photographs, then "real SPACE",
# then "real untrained" for scorers of networks as they are initialised, then the method.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {
        "*": {
            "train.steps": 200,
            "score.calibration_images": 256,
            "search.population": 8,
            "search.generations": 2,
            "search.parents": 4,
            "rank.architectures": 60,
            "rank.measure_found": False,
        },
        "real": {
            "train_images": 2000,
            "train.steps": 60,
            "supernet.scale": "proxy",
            "supernet.width": 4,
            "score.images": 500,
        },
        "dna": {"options.blocks": 200},
        "ennas": {"options.report_images": 64},
        "mngnas": {
            "options.search_epochs": 2,
            "options.population": 6,
            "options.removed": 2,
            "options.retrain_steps": 3,
            "options.perturb_steps": 1,
        },
    },
    "laptop": {
        "*": {"search.population": 20, "search.generations": 8},
        "real": {
            "train.steps": 16_000,
            "train.lr": 0.05,
            "supernet.scale": "proxy",
            "score.images": 2500,
            "score.calibration_images": 1000,
            "rank.architectures": 1000,
        },
        "real macro": {"train.steps": 8000},
        "real nb101": {"train.steps": 8000, "rank.architectures": 500},
        "real untrained": {"supernet.scale": "truth"},  # trains nothing that had to be made cheap
        "mngnas": {
            "options.search_epochs": 6,
            "options.population": 16,
            "options.removed": 6,
            "options.retrain_steps": 10,
            "options.perturb_steps": 5,
        },
    },
    # Values without a word are printed in the method's paper or stand in its released code; those
    # marked "ours" do not: the source is silent, or speaks of another data set. What a method leaves
    # out is as everywhere: momentum 0.9, a cosine to zero, gradients of norm 5 at most.
    "paper": {
        "*": {
            # SPOS's released search: 200 batches of 128 images.
            "score.calibration_images": 25_600,
            "score.calibration_batch": 128,
            "equalise": "steps",  # each trains as long as it was published to
        },
        # The NAS-Bench-201 runs of PA-DA's released code, which also clip at 5.
        "spos": _PA_DA,
        # The paper's recipe for ImageNet, of which no supernet code is released: for CIFAR ours.
        "fairnas": {
            "train.steps": 150 * (_IMAGES // 256),
            "train.batch_size": 256,
            "train.lr": 0.045,
            "train.weight_decay": 4e-5,
            "train.clip": 5.0,  # ours: five gradients are summed
            "options.search": "nsga2",
        },
        # The released CIFAR-10 script.
        "mixpath": {
            "train.steps": 200 * (_IMAGES // 96),
            "train.batch_size": 96,
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
            "train.clip": 5.0,
            "cutout": 16,
        },
        # The paper, of ImageNet; its batches are of eight devices. The main step is not clipped.
        "cream": {
            "train.steps": 120 * (_IMAGES // 1024),
            "train.batch_size": 1024,
            "train.lr": 0.5,
            "train.schedule": "linear",
            "train.nesterov": True,  # the released code
            "train.weight_decay": 4e-5,
            "train.label_smoothing": 0.1,  # the released code
            "train.clip": 0.0,
        },
        # Section 4, of ImageNet; an epoch is a quarter of the images.
        "ennas": {
            "train.steps": 120 * (_IMAGES // 4 // 1024),
            "train.batch_size": 1024,  # ours: that of SPOS and Cream, whose learning rate it has
            "train.lr": 0.5,
            "train.schedule": "linear",
            "train.weight_decay": 4e-5,
            "train.clip": 0.0,  # ours
        },
        # Section IV-A: 600 epochs in batches of 96; 40 epochs of retraining.
        "mngnas": {
            "train.steps": 600 * (_IMAGES // 96),
            "train.batch_size": 96,
            "train.lr": 0.025,  # ours, as weight decay and clip: of DARTS, whose recipe it shares
            "train.weight_decay": 3e-4,
            "train.clip": 5.0,
            "options.retrain_steps": 40 * (_IMAGES // 96),
            "options.perturb_steps": _IMAGES // 96,  # ours: an epoch for each perturbation
        },
        # As NAS-Bench-201 ran it.
        "darts": _benchmarked(50),
        # Likewise.
        "gdas": _benchmarked(250),
        # The released code (searching/initialize/train_pipeline.yaml): 20 epochs for each stage, all
        # stages here in the same steps; Adam, times 0.9 after each epoch.
        "dna": {
            "train.steps": round(20 / 0.75 * (_IMAGES // 64)),
            "train.batch_size": 64,
            "train.lr": 0.005,
            "train.schedule": "staircase",
            "train.weight_decay": 1e-4,
            "train.clip": 0.0,
            "options.optimizer": "adam",
            "options.outer_lr_ratio": 0.4,  # the first and the last stage begin with 0.002
            # Ours: a teacher of the space for a quarter of the steps, in place of EfficientNet-B7.
            "options.teacher_share": 0.25,
        },
        # The released configurations for NAS-Bench-201: 600 epochs, and 150 for each of five parts.
        "few-shot": {
            "train.steps": (600 + 5 * 150) * (_IMAGES // 48),
            "train.batch_size": 48,
            "train.lr": 0.025,
            "train.nesterov": True,
            "train.weight_decay": 1e-4,
            "train.clip": 0.0,
        },
        # The released training of US-Nets, of MobileNets on ImageNet; BigNAS has RMSProp.
        "sandwich": {
            "train.steps": 250 * (_IMAGES // 1024),
            "train.batch_size": 1024,
            "train.lr": 0.5,
            "train.schedule": "linear",
            "train.nesterov": True,
            "train.weight_decay": 1e-4,
            "train.clip": 0.0,
        },
        # The released training on NAS-Bench-201, whose configuration is not released: NAS-Bench-201's.
        "rlnas": _benchmarked(250) | {"train.clip": 0.0},
        # The paper's recipe for ImageNet as MMRazor has it, without its cycles of colours.
        "greedynas": _GREEDYNAS,
        # Ours: the recipe of GreedyNAS, whose authors it shares. Its own, of ImageNet, is not released.
        "mct-nas": _GREEDYNAS,
        # As NAS-Bench-201's code has it, but that its cosine begins anew every ten epochs.
        "enas": {
            "train.steps": 310 * (_IMAGES // 128),
            "train.batch_size": 128,
            "train.lr": 0.05,
            "train.nesterov": True,
            "train.weight_decay": 2.5e-4,
            "train.clip": 5.0,
        },
        # As the authors of PA&DA ran it on NAS-Bench-201. Its own code is not released.
        "sumnas": _PA_DA,
        # The released code's runs on NAS-Bench-201.
        "pa-da": _PA_DA,
        # As NAS-Bench-201 ran it.
        "rsps": _benchmarked(250),
        # The paper's appendix, of CIFAR-10 and DARTS' cells.
        "snas": {
            "train.steps": 150 * (_IMAGES // 64),
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
        },
        # The released code for NATS-Bench, 50 epochs for each of three stages, but that it has LARS at a
        # rate of 0.48 in batches of 4,096: batches and rate are those of SPOS on NAS-Bench-201.
        "bossnas": {
            "train.steps": 150 * (_IMAGES // 256),
            "train.batch_size": 256,
            "train.lr": 0.05,
            "train.weight_decay": 1e-6,
            "options.hidden": 4096,
            "options.features": 256,
        },
        # As NAS-Bench-201 ran it.
        "setn": _benchmarked(250),
        # The released code, of CIFAR-10 and DARTS' cells; its number of epochs is a demonstration's.
        "nsas": {
            "train.steps": 50 * (_IMAGES // 32),  # ours
            "train.batch_size": 32,
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
        },
        # On NAS-Bench-201 the recipe of DARTS there.
        "darts-": _benchmarked(50),
        # The paper, of CIFAR-10 and DARTS' cells: three searches of 25 epochs.
        "p-darts": {
            "train.steps": 75 * (_IMAGES // 96),
            "train.batch_size": 96,
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
        },
        # The released code, of ImageNet: 40 epochs of the weights alone, and 120.
        "proxylessnas": {
            "train.steps": 160 * (_IMAGES // 256),
            "train.batch_size": 256,
            "train.lr": 0.025,
            "train.nesterov": True,
            "train.weight_decay": 4e-5,
            "train.label_smoothing": 0.1,
            "train.clip": 0.0,
        },
        # The paper, of ImageNet; it clips nothing.
        "fbnet": {
            "train.steps": 90 * (_IMAGES // 192),
            "train.batch_size": 192,
            "train.weight_decay": 1e-4,
            "train.clip": 0.0,
        },
        # The paper, of CIFAR-10 and DARTS' cells.
        "pc-darts": {
            "train.steps": 50 * (_IMAGES // 256),
            "train.batch_size": 256,
            "train.lr": 0.1,
            "train.weight_decay": 3e-4,
        },
        # The released search, of CIFAR-10 and DARTS' cells, whose cosine ends at 0.001.
        "fairdarts": {
            "train.steps": 50 * (_IMAGES // 128),
            "train.batch_size": 128,
            "train.lr": 0.005,
            "train.weight_decay": 3e-4,
        },
    },
}


def preset_values(preset: str, task: str, method: str, space: str = "nb201") -> dict[str, Any]:
    """The dotted options that ``preset`` sets for a task, a method and a space.

    Raises :class:`UsageError` for an unknown preset.
    """
    if preset not in PRESETS:
        raise UsageError(f"unknown preset '{preset}'{nearest(preset, PRESETS)}")
    real = ["real", f"real {space}"] if task in REAL else []
    if real and _untrained(method):
        real.append("real untrained")
    values: dict[str, Any] = {}
    for layer in ("*", *real, method):
        values |= PRESETS[preset].get(layer, {})
    return values


def _untrained(method: str) -> bool:
    """Whether it scores networks as they are initialised, and so those of the ground truth.

    Raises :class:`UsageError` for a file that has no such method.
    """
    if method in SCORERS:
        return method not in ("ensemble", "short-training")
    if file_of(method) is None:
        return False
    scorer = METHODS[method]

    from methods.scorers.scorer import Scorer

    return isinstance(scorer, type) and issubclass(scorer, Scorer)
