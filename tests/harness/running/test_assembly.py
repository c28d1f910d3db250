"""What a run is made of: which images, which teacher."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from tables import made_meta

from harness.config.config import Acceleration, Config, with_values
from harness.resuming.workspace import save_tensors
from harness.running.assembly import (
    known_costs,
    load_limited,
    make_method,
    revive_method,
    supernet_space,
    training_identity,
    with_affine,
    with_teacher,
)
from harness.tabular.ground_truth import usual_scale
from harness.tabular.table import Table
from harness.tasks import load_task
from harness.tasks.base import Split
from methods.registry import METHODS
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

DNA = with_values(tiny.config("dna"), {"options.teacher": "best"})


def test_the_best_teacher_is_the_best_by_validation(tmp_path):
    table = tiny.make_table(tmp_path)
    best = {split: table.archs[int(table.accuracy(split).argmax())] for split in ("val", "test")}
    assert best["val"] != best["test"]
    assert with_teacher(DNA, tmp_path)[0].teacher == best["val"]
    only = {name: values for name, values in table.accuracies.items() if name.startswith("test")}
    replace(table, accuracies=only).save(tmp_path / "other" / "table.parquet")
    assert with_teacher(DNA, tmp_path / "other")[0].teacher == best["test"]


def test_a_teacher_that_is_named_stays(tmp_path):
    named = with_values(DNA, {"options.teacher": "anything"})
    assert with_teacher(named, tmp_path)[0].teacher == "anything"
    assert with_teacher(tiny.config("spos"), tmp_path) == (tiny.config("spos").options, None)


def test_training_images_are_limited_to_the_first_and_no_others_are():
    whole = load_task("digits")
    task = load_limited(with_values(tiny.config("spos"), {"train_images": 70}), None)
    assert torch.equal(task.train.images, whole.train.images[:70])
    assert torch.equal(task.train.labels, whole.train.labels[:70])
    for part in ("val", "test"):
        assert torch.equal(getattr(task, part).images, getattr(whole, part).images)
    with pytest.raises(UsageError, match="--train-images 9999 is not between 1 and the 3000"):
        load_limited(with_values(tiny.config("spos"), {"train_images": 9999}), None)


@pytest.mark.parametrize("task", ["cifar10", "imagenet16-120"])
@pytest.mark.parametrize("space", list(SPACES))
def test_a_proxy_has_the_architectures_of_its_ground_truth(space, task):
    config = Config.from_preset(method="spos", task=task, space=space)
    own, truth = supernet_space(config)
    assert (own.scale, truth.scale) == ("proxy", usual_scale(space, task))
    assert own.sites == truth.sites
    arch, image = own.sample(np.random.default_rng(0)), ImageSpec(3, 16, 10)
    assert own.encode(arch) == truth.encode(arch)
    assert own.cost(arch, image).params < truth.cost(arch, image).params


def test_a_supernet_of_other_architectures_or_of_no_scale_is_refused():
    macro = with_values(Config(method="spos"), {"space": "macro", "task": "cifar10"})
    with pytest.raises(
        UsageError, match=r"with 1 cells per stage has other .*\(3 choice sites for 8"
    ):
        supernet_space(with_values(macro, {"supernet.cells": 1}))
    deep = {"space": "mobilenet", "task": "digits", "supernet.scale": "proxy"}  # 19 layers, not 3
    with pytest.raises(UsageError, match="at scale proxy has other architectures.*another --supe"):
        supernet_space(with_values(macro, deep))
    with pytest.raises(UsageError, match="no scale 'cifar'.*takes truth or benchmark, compact, pr"):
        supernet_space(with_values(macro, {"supernet.scale": "cifar"}))


def test_the_supernet_sees_averaged_images_and_limits_are_of_the_truths_networks():
    values = {"supernet.scale": "proxy", "supernet.width": 4, "supernet.resolution": 6}
    config = with_values(tiny.config("spos"), values)
    task = load_limited(config, None)
    method = make_method(config, task, torch.device("cpu"))
    assert task.image == ImageSpec(1, 6, 10) and method.space.scale == "proxy"
    assert method.supernet.skeleton.width == 4 and len(method.supernet.stages) == 3
    arch, truth = (3,) * 6, SPACES["nb201"]("compact")
    cost = truth.cost(arch, ImageSpec(1, 12, 10))
    assert method.cost_of(arch) == cost != method.space.cost(arch, task.image)
    for limit, fits in ((cost.madds / 1e6, True), (cost.madds / 1e6 - 1e-6, False)):
        limited = with_values(config, {"search.max_madds": limit})
        assert make_method(limited, task, torch.device("cpu")).feasible(arch) is fits
    assert np.isfinite(method.train_step(0)["loss"].item())
    assert -10 < method.score([arch])[0] <= 100


def test_photographs_read_while_used_are_not_averaged():
    task = load_task("digits")
    photos = replace(task, train=Split(object(), task.train.labels))
    with pytest.raises(UsageError, match="read while they are used.*--supernet.scale truth"):
        photos.averaged(6)


def test_a_method_gets_what_the_configuration_says():
    values = {"supernet.affine": "true", "supernet.width": 4, "seed": 5, "train.lr": 0.7}
    config = with_values(tiny.config("spos"), values | {"score.bn": "running"})
    method = make_method(config, load_limited(config, None), torch.device("cpu"))
    assert (method.setting.seed, method.setting.recipe.lr) == (5, 0.7)
    assert method.setting.scoring == config.score and method.setting.search == config.search
    norms = [m for m in method.supernet.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(norm.affine for norm in norms)
    narrow = sum(parameter.numel() for parameter in method.supernet.parameters())
    wide = make_method(with_values(config, {"supernet.width": 8}), method.data, torch.device("cpu"))
    assert narrow < sum(parameter.numel() for parameter in wide.supernet.parameters())
    assert np.isfinite(method.train_step(0)["loss"].item())


def test_scale_and_shift_are_as_published_unless_asked_for():
    """Cream, MixPath and DNA have them, MNGNAS where its base has; the others' papers have none."""
    affine = {name for name in METHODS if with_affine(tiny.config(name))}
    assert affine == {"cream", "mixpath", "dna"}
    on_mixpath = with_values(tiny.config("mngnas"), {"options.base": "mixpath"})
    assert with_affine(on_mixpath)
    for asked in (True, False):
        values = {"supernet.affine": str(asked).lower()}
        assert {with_affine(with_values(tiny.config(name), values)) for name in METHODS} == {asked}


@pytest.fixture
def timed(tmp_path):
    """A table of 4,000 cells whose latencies, of which some are unknown, follow no other cost."""
    space, rng = SPACES["nb201"]("compact"), np.random.default_rng(0)
    archs = list(dict.fromkeys(space.encode(space.sample(rng)) for _ in range(4000)))
    latency = rng.uniform(1, 9, len(archs))
    latency[::5] = np.nan
    columns = {"test.4.mean": rng.uniform(10, 90, len(archs))}
    meta = made_meta(scale="compact", epochs=4)
    table = Table(meta, archs, columns, costs={"latency_ms": latency})
    table.save(tmp_path / f"{meta.name}.parquet")
    return table


def test_a_search_keeps_to_a_cost_of_the_ground_truth(timed, tmp_path):
    limits = {"search.cost": "latency_ms", "search.min_cost": 2.0, "search.max_cost": 5.0}
    config = with_values(tiny.config("spos"), limits)
    task = load_limited(config, None)
    method = make_method(config, task, torch.device("cpu"), tmp_path)
    latency = dict(zip(timed.archs, timed.costs["latency_ms"], strict=True))
    asked = []
    for epoch in range(3):
        asked += [method.space.encode(arch) for arch, _ in method.search_epoch(epoch)]
    assert len(asked) >= 8 and all(2 <= latency[name] <= 5 for name in asked)
    rng = np.random.default_rng(1)
    drawn = [method.space.sample(rng) for _ in range(500)]
    taken = [latency.get(method.space.encode(arch), np.nan) for arch in drawn]
    within = [2 <= cost <= 5 for cost in taken]
    assert [method.feasible(arch) for arch in drawn] == within and 0 < sum(within) < 250
    below = with_values(config, {"search.min_cost": 0.0})  # and what is not known is still out
    method = make_method(below, task, torch.device("cpu"), tmp_path)
    assert [method.feasible(arch) for arch in drawn] == [cost <= 5 for cost in taken] != within
    known = np.isfinite(timed.costs["latency_ms"]).sum()
    (note,) = known_costs(config, method.setting.costs, method.space)
    assert f"{known:,} of 15,625 architectures whose latency_ms" in note
    free = make_method(tiny.config("spos"), task, torch.device("cpu"), tmp_path)
    assert free.setting.costs == {} and not known_costs(tiny.config("spos"), {}, free.space)


def test_a_cost_that_no_search_can_keep_to_is_said(timed, tmp_path):
    def made(**limits):
        config = with_values(tiny.config("spos"), {f"search.{k}": v for k, v in limits.items()})
        return make_method(config, load_limited(config, None), torch.device("cpu"), tmp_path)

    with pytest.raises(UsageError, match="no cost 'latency'; it has latency_ms"):
        made(cost="latency", max_cost=5.0)
    with pytest.raises(UsageError, match="no cost 'test.4.mean'"):  # which no search may see
        made(cost="test.4.mean", min_cost=5.0)
    with pytest.raises(UsageError, match="at least 20 latency_ms was found; widen the limits"):
        made(cost="latency_ms", min_cost=20.0).search_epoch(0)
    for half in ({"cost": "latency_ms"}, {"max_cost": 5.0}):
        with pytest.raises(UsageError, match="--search.cost names what"):
            made(**half)


def test_only_what_is_accelerated_has_another_name():
    plain = tiny.config("spos")
    fast = with_values(plain, {"accelerate.precision": "bfloat16"})
    assert "accelerate" not in plain.to_dict()
    assert fast.to_dict()["accelerate"] == {"precision": "bfloat16", "compile": False}
    assert fast.run_name("x") != plain.run_name("x")
    space = SPACES["nb201"]("compact")
    assert training_identity(fast, space, 100) != training_identity(plain, space, 100)
    assert replace(fast, accelerate=Acceleration()) == plain


def test_a_checkpoint_that_was_deleted_is_said_to_be_gone(tmp_path):
    with pytest.raises(UsageError, match="checkpoint.pt is gone while its run ranks; run its"):
        revive_method(Config(method="spos"), None, "cpu", tmp_path / "checkpoint.pt")


def test_a_file_that_does_not_take_its_state_again_is_named_with_the_line(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from methods.spos import SPOS\n\n\nclass Mine(SPOS):\n"
        "    def load_state_dict(self, state):\n        super().load_state_dict(state['weights'])\n"
    )
    checkpoint = tmp_path / "checkpoint.pt"
    save_tensors(checkpoint, {"method": {}})
    config = replace(tiny.config("spos"), method=f"{tmp_path / 'mine.py'}:Mine")
    with pytest.raises(UsageError, match="load_state_dict in mine.py, line 6, raises KeyError"):
        revive_method(config, None, "cpu", checkpoint)
