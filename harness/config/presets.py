"""Presets: smoke (under a minute), laptop (minutes), paper (the printed hyper-parameters)."""

from __future__ import annotations

from typing import Any

from searchspaces.errors import UsageError
from searchspaces.registry import nearest

_IMAGES = 25_000  # of CIFAR-10's training part, which the printed epochs are taken to go through

# What each preset changes, in layers: "*" for all, then the family of the task, then the method.
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
        "cifar": {
            "train_images": 2000,
            "train.steps": 60,
            "supernet.width": 4,
            "supernet.cells": 1,
            "score.images": 500,
        },
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
        "cifar": {
            "train_images": 10000,
            "train.steps": 1500,
            "supernet.width": 8,
            "supernet.cells": 1,
            "score.images": 1000,
            "score.calibration_images": 512,
            "rank.architectures": 200,
            "search.generations": 3,
        },
        "mngnas": {
            "options.search_epochs": 6,
            "options.population": 16,
            "options.removed": 6,
            "options.retrain_steps": 10,
            "options.perturb_steps": 5,
        },
    },
    "paper": {
        "*": {"score.calibration_images": 20_000, "equalise": "steps"},
        # As its public NAS-Bench-201 runs train it.
        "spos": {
            "train.steps": 250 * (_IMAGES // 256),
            "train.batch_size": 256,
            "train.lr": 0.05,
            "train.weight_decay": 2.5e-4,
        },
        # The paper's ImageNet recipe; it prints none for CIFAR.
        "fairnas": {
            "train.steps": 150 * (_IMAGES // 256),
            "train.batch_size": 256,
            "train.lr": 0.045,
            "train.weight_decay": 4e-5,
            "options.search": "nsga2",
        },
        # The released CIFAR-10 script.
        "mixpath": {
            "train.steps": 200 * (_IMAGES // 96),
            "train.batch_size": 96,
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
        },
        # The paper; its batches are of eight devices.
        "cream": {
            "train.steps": 120 * (_IMAGES // 1024),
            "train.batch_size": 1024,
            "train.lr": 0.5,
            "train.schedule": "linear",
            "train.nesterov": True,
            "train.weight_decay": 4e-5,
            "train.label_smoothing": 0.1,
        },
        # Section 4; an epoch is a quarter of the images. It prints no batch size.
        "ennas": {
            "train.steps": 120 * (_IMAGES // 4 // 96),
            "train.batch_size": 96,
            "train.lr": 0.5,
            "train.schedule": "linear",
            "train.weight_decay": 4e-5,
        },
        # Section IV-A: 600 epochs in batches of 96; 40 epochs of retraining, one of tuning with
        # each perturbation. It prints no learning rate; this one belongs to the recipe it shares
        # with DARTS.
        "mngnas": {
            "train.steps": 600 * (_IMAGES // 96),
            "train.batch_size": 96,
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
            "options.retrain_steps": 40 * (_IMAGES // 96),
            "options.perturb_steps": _IMAGES // 96,
        },
        # Both as NAS-Bench-201 ran them.
        "darts": {
            "train.steps": 50 * (_IMAGES // 64),
            "train.lr": 0.025,
            "train.nesterov": True,
        },
        "gdas": {
            "train.steps": 250 * (_IMAGES // 64),
            "train.lr": 0.025,
            "train.nesterov": True,
        },
    },
}


def preset_values(preset: str, task: str, method: str) -> dict[str, Any]:
    """The dotted options that ``preset`` sets for a task and a method.

    Raises :class:`UsageError` for an unknown preset.
    """
    if preset not in PRESETS:
        raise UsageError(f"unknown preset '{preset}'{nearest(preset, PRESETS)}")
    family = task.rstrip("0123456789")
    values: dict[str, Any] = {}
    for layer in ("*", family, method):
        values |= PRESETS[preset].get(layer, {})
    return values
