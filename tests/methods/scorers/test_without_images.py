"""Scorers that look at no images of the task: they score without any, as beside them."""

from dataclasses import replace

import pytest
import torch
from params import slow_but
from scorers import scorer

from harness.conformance.subjects import QUICK
from harness.running.assembly import load_limited, make_method
from harness.tasks import IMAGES, load_task
from harness.tasks.base import Task
from methods.registry import METHODS, SCORERS, options_class
from methods.scorers import gradients, synflow, zen
from methods.scorers.scorer import LABELLED, NOTHING
from searchspaces.errors import UsageError

LIVE = [(3, 1, 2, 3, 4, 3), (2, 3, 4, 0, 1, 2)]
NEVER = ("params", "flops", "layers", "l2", "synflow", "ensemble")
NOISE = ("zen", "az-nas")  # by default
EITHER = ("naswot", "jacov", "epe", "snip", "grad_norm", "grasp", "fisher", "zico")


def looks(name, **options):
    return METHODS[name].looks_at_images(options_class(name)(**options))


def test_who_looks_at_images():
    assert {name for name in SCORERS if not looks(name)} == {*NEVER, *NOISE}
    assert all(looks(name, inputs="train") for name in NOISE)
    without_labels = {name for name in EITHER if not looks(name, inputs="gaussian")}
    assert without_labels == {"naswot", "jacov"}
    assert all(looks(name) for name in METHODS if name not in SCORERS)


@pytest.mark.parametrize("name", slow_but(["synflow", "zen"], [*NEVER[:-1], *NOISE, "naswot"]))
def test_scores_are_those_beside_the_images(name, monkeypatch):
    options = QUICK.get(name, {}) | ({"inputs": "gaussian"} if name == "naswot" else {})
    shown, made = scorer(name, **options), scorer(name, **options)
    monkeypatch.setattr(shown, "looks_at_images", lambda options: True, raising=True)
    scores = shown.score(LIVE)
    unread = Task.unread("digits", made.data.image)
    assert len(unread.train) == len(unread.val) == len(unread.test) == 0
    made.data = unread
    assert made.score(LIVE).tolist() == scores.tolist() and len(set(scores)) == 2
    for x, y in shown._batches.values():  # so that there was something to look at
        assert x.abs().sum() > 0 and y.sum() > 0


def test_labels_and_training_images_are_those_of_the_task():
    for name, options in {"snip": {"inputs": "gaussian"}, "zen": {"inputs": "train"}}.items():
        made = scorer(name, **QUICK.get(name, {}) | options)
        x, y = made.batch(0)
        images, labels = made.data.train_batch(0, made.images, 0)
        assert y.tolist() == labels.tolist() and torch.equal(x, images) == (name == "zen")


@pytest.mark.parametrize("parent", ["L2", "Synflow", "Zen"])
def test_who_measures_otherwise_than_its_parent_is_given_everything(parent):
    """What it inherits would give it zeros, or one network for several architectures."""
    module = {"L2": gradients, "Synflow": synflow, "Zen": zen}[parent]

    class Own(getattr(module, parent)):
        def measure(self, network, images, labels):
            return float(images.sum() + labels.sum())

    class Still(Own):
        sees = NOTHING

    assert (Own.sees, Own.of_function, Still.sees) == (LABELLED, False, NOTHING)


def test_no_file_is_read_for_them(tmp_path, monkeypatch):
    from harness.config.config import Config

    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    for task in ("cifar10", "imagenet16-120"):
        config = Config.from_preset("laptop", method="synflow", space="nb201", task=task)
        loaded = load_limited(config, tmp_path)
        assert loaded.image == IMAGES[task] and len(loaded.train) == 0
        method = make_method(config, loaded, torch.device("cpu"))
        assert method.score([(3, 3, 3, 3, 3, 3)])[0] > method.score([(1, 1, 1, 1, 1, 1)])[0]
        with pytest.raises(UsageError, match="not found"):
            load_limited(
                Config.from_preset("laptop", method="jacov", space="nb201", task=task), tmp_path
            )
    proxy = Config.from_preset("laptop", method="zen", space="nb201", task="cifar10")
    proxy = replace(proxy, supernet=replace(proxy.supernet, scale="proxy"))
    assert load_limited(proxy, tmp_path).image == replace(IMAGES["cifar10"], size=16)
    assert len(load_task("digits").train)
