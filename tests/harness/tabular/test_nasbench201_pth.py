"""The file is written and queried with package nas-bench-201 itself."""

import os
import random
import sys

import numpy as np
import pytest
import torch

from harness.tabular.nasbench201 import IMPORTER
from searchspaces.errors import UsageError

nas_201_api = pytest.importorskip("nas_201_api")

EVALUATED = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
TRAINED_ON = {
    "cifar10": {"train": "cifar10-valid", "val": "cifar10-valid", "test": "cifar10"},
    "cifar100": dict.fromkeys(("train", "val", "test"), "cifar100"),
    "imagenet16-120": dict.fromkeys(("train", "val", "test"), "ImageNet16-120"),
}
ANSWER = {"train": "train-accuracy", "val": "valid-accuracy", "test": "test-accuracy"}
SEEDS = [(777,), (777, 888), (777, 888, 999), (888,), (888, 999)]
NAME = "NAS-Bench-201-v1_1-096897.pth"


def trial(cell, dataset, seed, epochs, cost, rng, *, old):
    """One training run; ``old`` ones were evaluated on the proposed splits at the end only."""

    def series(keys):
        return {key: float(rng.uniform(0, 100)) for key in keys}

    config = {"channel": 16, "num_cells": 5, "arch_str": cell, "class_num": 10}
    steps = range(epochs)
    result = nas_201_api.ResultsCount(
        dataset, None, series(steps), series(steps), *cost, config, seed, epochs, None
    )
    if old:
        for name in EVALUATED[dataset]:
            measured = steps if name == "ori-test" else [epochs - 1]
            result.update_OLD_eval(name, series(measured), series(measured))
        result.update_latency([0.02, 0.03])
    else:
        keys = [f"{name}@{step}" for step in steps for name in EVALUATED[dataset]]
        result.update_train_info(*(series(steps) for _ in range(4)))
        result.update_eval(series(keys), series(keys), series(keys))
    return result


def contents(cells, less=tuple(EVALUATED)):
    """The object in the benchmark's file, for the first ``len(SEEDS)`` architectures."""
    rng = np.random.default_rng(1)
    infos = {}
    for index, seeds in enumerate(SEEDS):
        cell = cells[index]
        full, short = (nas_201_api.ArchResults(index, cell) for _ in range(2))
        for dataset in EVALUATED:
            # Parameters in millions are a numpy number, as in the real file.
            cost = (rng.integers(70_000, 10**6) / 1e6, float(rng.integers(10**7, 10**8)) / 1e6)
            for seed in seeds:
                result = trial(cell, dataset, seed, 200, cost, rng, old=index % 2 == 1)
                full.update(dataset, seed, result)
            if dataset in less:
                for seed in (111, 777) if dataset == "cifar10-valid" else (111,):
                    result = trial(cell, dataset, seed, 12, cost, rng, old=False)
                    short.update(dataset, seed, result)
        infos[index] = {"full": full.state_dict(), "less": short.state_dict()}
    return {
        "meta_archs": cells,
        "total_archs": len(cells),
        "arch2infos": infos,
        "evaluated_indexes": set(infos),
    }


def legacy(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def legacy_of_numpy_1(content, path):
    legacy(content, path)
    written = path.read_bytes()
    assert b"numpy._core.multiarray" in written
    path.write_bytes(written.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))


@pytest.fixture(scope="module", params=[torch.save, legacy, legacy_of_numpy_1])
def official(request, cells, tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / NAME
    request.param(contents(cells), path)
    return path


@pytest.fixture(scope="module")
def api(official):
    content = torch.load(official, weights_only=False)
    return nas_201_api.NASBench201API(content, verbose=False)


@pytest.fixture(scope="module")
def tables(official):
    return {table.meta.task: table for table in IMPORTER.read(official)}


def ask(api, index, task, split, epochs, seed):
    """The package's own answer; ``seed`` False is the mean over seeds."""
    dataset = TRAINED_ON[task][split]
    return api.get_more_info(index, dataset, hp=str(epochs), is_random=seed)[ANSWER[split]]


@pytest.mark.parametrize("task", TRAINED_ON)
@pytest.mark.parametrize("epochs", [12, 200])
def test_every_cell_is_what_the_package_answers(task, epochs, api, tables):
    table = tables[task]
    for split, dataset in TRAINED_ON[task].items():
        for index in range(len(SEEDS)):
            mean = table.accuracy(split, epochs)[index]
            assert mean == ask(api, index, task, split, epochs, False)
            run = api.query_by_index(index, dataset, hp=str(epochs))
            for seed in table.seeds(split, epochs):
                found = table.accuracy(split, epochs, seed)[index]
                if int(seed) in run:
                    assert found == ask(api, index, task, split, epochs, int(seed))
                else:
                    assert np.isnan(found)
    assert table.seeds("test") == table.seeds("val") == ["777", "888", "999"]
    assert table.seeds("test", 12) == ["111"]
    assert table.seeds("val", 12) == (["111", "777"] if task == "cifar10" else ["111"])


@pytest.mark.parametrize("task", TRAINED_ON)
def test_costs_are_those_of_the_package(task, api, tables):
    for index in range(len(SEEDS)):
        cost = api.get_cost_info(index, TRAINED_ON[task]["test"], hp="200")
        assert tables[task].params[index] == round(cost["params"] * 1e6)
        assert tables[task].madds[index] == round(cost["flops"] * 1e6)


def test_rows_and_metadata(cells, tables):
    assert list(tables) == ["cifar10", "cifar100", "imagenet16-120"]
    for table in tables.values():
        assert table.archs == cells[: len(SEEDS)]
        assert table.meta.licence == "MIT" and table.meta.version == "1.1"
        assert "Partial: 5 of 15625" in table.meta.notes
        assert table.meta.training["test_trained_on_all"]
        assert table.params.dtype == table.madds.dtype == np.int64


def test_short_trainings_may_be_missing(cells, tmp_path):
    torch.save(contents(cells, less=("cifar10-valid",)), tmp_path / NAME)
    cifar10, cifar100, _ = IMPORTER.read(tmp_path)
    assert cifar10.seeds("val", 12) == ["111", "777"]
    with pytest.raises(UsageError, match="no val.12.mean"):
        cifar100.accuracy("val", 12)


def drop_a_training(content):
    state = content["arch2infos"][2]["full"]
    del state["dataset_seed"]["cifar10-valid"]


def drop_an_evaluation(content):
    del content["arch2infos"][2]["full"]["all_results"]["cifar100", 777]["eval_acc1es"][
        "x-test@199"
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_a_training, "row 2 has no train.200.mean"),
        (drop_an_evaluation, "x-test@199"),
        (lambda content: content.pop("meta_archs"), "meta_archs"),
        (lambda content: content.update(arch2infos=[1, 2]), "damaged"),
        (lambda content: content["arch2infos"][1].pop("less"), "less"),
        (lambda content: content.update(meta_archs=["x"] * 9), "not a NAS-Bench-201 architecture"),
    ],
)
def test_a_file_in_another_layout_is_refused(change, reason, cells, tmp_path):
    content = contents(cells)
    change(content)
    torch.save(content, tmp_path / NAME)
    with pytest.raises(UsageError, match=reason) as error:
        IMPORTER.read(tmp_path / NAME)
    assert str(tmp_path / NAME) in str(error.value)


def test_a_file_cut_short_is_refused(official, tmp_path):
    content, path = official.read_bytes(), tmp_path / NAME
    rng = random.Random(0)
    for size in [0, 1, 30, len(content) - 1, *rng.sample(range(len(content)), 10)]:
        path.write_bytes(content[:size])
        with pytest.raises(UsageError, match=str(path)):
            IMPORTER.read(path)


@pytest.mark.parametrize("save", [torch.save, legacy])
def test_foreign_code_is_not_run(save, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    save({"meta_archs": Hostile()}, tmp_path / NAME)
    with pytest.raises(UsageError, match="asks for posix.mkdir|asks for nt.mkdir"):
        IMPORTER.read(tmp_path / NAME)
    assert not (tmp_path / "run").exists()


def test_tensors_are_refused(tmp_path):
    torch.save({"meta_archs": torch.zeros(3)}, tmp_path / NAME)
    with pytest.raises(UsageError, match="asks for torch"):
        IMPORTER.read(tmp_path / NAME)


def test_without_the_package_it_says_how_to_get_it(official, monkeypatch):
    monkeypatch.setitem(sys.modules, "nas_201_api", None)
    with pytest.raises(UsageError, match="`pip install nas-bench-201`"):
        IMPORTER.read(official)
