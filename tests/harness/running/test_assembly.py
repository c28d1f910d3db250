"""What a run is made of: which images, which teacher."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from tables import made_meta

from harness.config.config import Acceleration, with_values
from harness.running.assembly import (
    known_costs,
    load_limited,
    make_method,
    training_identity,
    with_affine,
    with_teacher,
)
from harness.tabular.table import Table
from harness.tasks import load_task
from methods.registry import METHODS
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
    within = [2 <= latency.get(method.space.encode(arch), np.nan) <= 5 for arch in drawn]
    assert [method.feasible(arch) for arch in drawn] == within and 0 < sum(within) < 250
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
