"""Options as they are where nobody chose, limits, and what is written of them."""

import math
from dataclasses import fields

import pytest

from methods.options import Recipe, Scoring, SearchLimits, written
from methods.registry import METHODS, SCORERS, options_class
from methods.search.bananas import BANANASOptions
from methods.search.bohb import BOHBOptions
from methods.search.rea import REAOptions
from methods.search.reinforce import REINFORCEOptions
from methods.search.table_search import SEARCHES, NoOptions
from methods.spos import SPOSOptions

SCORED = {"images": 64, "inputs": "train", "init": "default", "repeats": 1}
RELAXED = {"arch_lr": 3e-4, "arch_weight_decay": 1e-3}
DEFAULTS = {
    Recipe: {
        "steps": 4000, "batch_size": 64, "lr": 0.1, "schedule": "cosine", "momentum": 0.9,
        "nesterov": False, "weight_decay": 5e-4, "clip": 5.0, "label_smoothing": 0.0,
    },
    Scoring: {
        "bn": "recalibrate", "calibration_images": 1024, "calibration_batch": 0, "images": 0,
        "by": "accuracy", "snapshots": 1, "batch_size": 500, "precision": "float32",
    },
    SearchLimits: {
        "population": 50, "generations": 20, "parents": 10, "mutation_rate": 0.1, "cost": "",
        **dict.fromkeys(("max_madds", "min_madds", "max_params", "min_params"), 0.0),
        **dict.fromkeys(("max_cost", "min_cost"), 0.0), "latency": "",
    },
    REAOptions: {"population": 0, "sample": 10},
    REINFORCEOptions: {"lr": 0.01, "momentum": 0.9},
    BANANASOptions: {
        "initial": 10, "every": 10, "networks": 5, "candidates": 100, "parents": 10,
    },
    BOHBOptions: {"eta": 3.0, "random": 1 / 3, "least": 0, "samples": 64},
    NoOptions: {},
    "spos": {"sampler": "uniform", "reject_dead": False},
    "fairnas": {"fairness": "strict", "grad_reduce": "sum", "search": "evolution"},
    "mixpath": {"paths": 2, "shadow": "count", "official_nb101_bug": False},
    "cream": {
        "board": 10, "warmup": 1 / 6, "slice": 4, "update_share": 200 / 150_000, "meta_lr": 1e-4,
        "loss": "code", "teacher": "score", "pre_prob": "", "report_images": 256,
        "official_quirks": False,
    },
    "ennas": {
        "subnets": 4, "lam": 1.0, "temperature": 1.0, "weights": "simplex", "solver": "own",
        "warmup": 1 / 6, "data_share": 0.25, "diversity": True, "replacement": True,
        "probe_images": 64, "report_images": 256,
    },
    "mngnas": {
        "base": "spos", "base_options": SPOSOptions(), "kd": "full", "qp": "printed",
        "solver": "own", "search_epochs": 40, "population": 30, "removed": 10, "teachers": 5,
        "crossover": 0.5, "retrain_steps": 40, "retrain_lr": 0.025, "perturbed": 4,
        "perturb_steps": 10,
    },
    "darts": RELAXED,
    "gdas": RELAXED | {"temperature": 10.0, "last_temperature": 0.1},
    "darts-": RELAXED | {"beta": 1.0},
    "fairdarts": RELAXED | {"arch_lr": 3e-3, "zero_one": 10.0},
    "pc-darts": RELAXED | {"arch_lr": 6e-4, "parts": 4, "alone": 0.3},
    "p-darts": RELAXED | {
        "arch_lr": 6e-4, "alone": 0.4, "dropout": 0.4, "last_dropout": 0.7, "skips": 2,
    },
    "proxylessnas": {"arch_lr": 1e-3, "arch_weight_decay": 0.0, "alone": 0.25, "every": 5, "latency": 0.0},
    "fbnet": {
        "arch_lr": 0.01, "arch_weight_decay": 5e-4, "temperature": 5.0, "last_temperature": 0.09,
        "alone": 1 / 9, "alpha": 0.2, "beta": 0.6,
    },
    "setn": RELAXED,
    "pa-da": {},
    "bossnas": {
        "momentum": 0.99, "hidden": 256, "features": 64, "population": 32, "images": 256,
        "blocks": 6000,
    },
    "nsas": {"constraints": 8, "weight": 0.5},
    "snas": RELAXED | {"temperature": 2.5, "last_temperature": 0.03},
    "rsps": {},
    "rlnas": {"identity": "empty"},
    "greedynas": {
        "proposed": 10, "trained": 5, "images": 0, "pool": 1000, "exploit": 0.8, "warmup": 1 / 15,
    },
    "mct-nas": {
        "warmup": 0.5, "bonus": 0.2, "operator": 0.2, "temperature": 0.01, "smoothing": 0.95,
        "sharing": 0.95,
    },
    "enas": {
        "every": 4, "samples": 20, "controller_lr": 1e-3, "entropy": 1e-4, "decay": 0.99,
    },
    "sumnas": {"inner_steps": 2, "meta_lr": 1.0},
    "dna": {
        "teacher": "", "teacher_share": 0.25, "teacher_lr": 0.1, "optimizer": "sgd",
        "outer_lr_ratio": 1.0, "blocks": 6000,
    },
    "few-shot": {"site": 0, "parts": 0, "tuning": 0.25},
    "sandwich": {"random": 2, "distil": True},
    "ensemble": {"of": "spos,synflow", "weights": "", "part_seed": -1},
    "short-training": {
        "epochs": 1, "batch_size": 64, "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4,
    },
    **dict.fromkeys(("params", "flops", "layers"), {}),
    **dict.fromkeys(("grad_norm", "snip", "grasp", "fisher", "l2", "synflow", "jacov"), SCORED),
    "epe": SCORED | {"images": 256},
    "naswot": SCORED | {"images": 128},
    "zico": SCORED | {"images": 128, "batches": 2},
    "zen": SCORED | {"images": 16, "inputs": "gaussian", "init": "normal", "repeats": 32,
                     "step": 0.01},
    "az-nas": SCORED | {"inputs": "gaussian", "init": "kaiming", "reference": 128},
}  # fmt: skip


@pytest.mark.parametrize("of", DEFAULTS, ids=lambda of: getattr(of, "__name__", of))
def test_defaults(of):
    """Of the papers where these say one, see docs/methods.md and the options' own texts."""
    kind = options_class(of) if isinstance(of, str) else of
    assert {item.name: getattr(kind(), item.name) for item in fields(kind)} == DEFAULTS[of]


def test_no_method_is_left_out():
    assert {of for of in DEFAULTS if isinstance(of, str)} == {*METHODS, *SCORERS}
    assert {SEARCHES[name].Options for name in SEARCHES} <= {*DEFAULTS}


LIMITS = {"min_madds": 1.0, "max_madds": 2.0, "min_params": 0.25, "max_params": 0.5}
COST = {"cost": "latency", "min_cost": 3.0, "max_cost": 4.5}


def test_limits_are_within_and_in_millions_but_for_those_of_a_cost():
    limits = SearchLimits(**LIMITS)
    for madds, params, within in (
        (1_000_000, 500_000, True),
        (2_000_000, 250_000, True),
        (999_999, 300_000, False),
        (2_000_001, 300_000, False),
        (1_500_000, 249_999, False),
        (1_500_000, 500_001, False),
    ):
        assert limits.admits(madds, params) is limits.admits(madds, params, 9.0) is within
        by_cost = SearchLimits(**LIMITS, **COST)
        for cost, allowed in ((3.0, True), (4.5, True), (2.9, False), (4.6, False)):
            assert by_cost.admits(madds, params, cost) is (within and allowed)
        assert not by_cost.admits(madds, params)  # whose cost is not known
    for name, value in (LIMITS | {"cost": "latency"}).items():
        assert SearchLimits(**{name: value}).limited
    assert not SearchLimits().limited
    assert SearchLimits(cost="latency").admits(1, 1, 1e9)
    assert not SearchLimits(cost="latency").admits(1, 1, math.nan)


def test_limits_in_words():
    assert SearchLimits(**LIMITS, **COST).described() == (
        "at least 1 million multiply-adds and at most 2 million multiply-adds and "
        "at least 0.25 million parameters and at most 0.5 million parameters and "
        "at least 3 latency and at most 4.5 latency"
    )
    assert SearchLimits(max_params=0.5).described() == "at most 0.5 million parameters"


def test_an_option_that_was_added_later_is_written_where_it_is_another():
    """Names and records from before it stay what they were."""
    before = {"population", "generations", "parents", "mutation_rate", "max_madds"}
    assert written(SearchLimits()).keys() == before
    assert written(SearchLimits(min_params=2.0)).keys() == before | {"min_params"}
    assert "by" not in written(Scoring()) and written(Scoring(by="loss"))["by"] == "loss"
    base = written(options_class("mngnas")())["base_options"]
    assert base == {"sampler": "uniform", "reject_dead": False}
