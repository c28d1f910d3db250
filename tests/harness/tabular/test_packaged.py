"""The published tables that come with the package: the published figures, all of them, unnamed."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from harness.tabular import nasbench101_hashes
from harness.tabular.ground_truth import analytic_cost
from harness.tabular.importer import IMPORTERS
from harness.tabular.locate import EMBEDDED, find_table, import_tables
from harness.tabular.nasbench101_hashes import cells_of_hashes
from harness.tabular.package_published import PUBLISHED, main
from harness.tabular.table import Table
from harness.tasks import IMAGES
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

ROOT = Path(__file__).parents[3]
FILES = sorted(EMBEDDED.glob("*-benchmark-*.parquet"))
NB201 = ("cifar10", "cifar100", "imagenet16-120")


@pytest.fixture(scope="module")
def tables():
    return {path.stem: Table.load(path) for path in FILES}


def test_what_the_package_has(tables):
    assert {name: len(table) for name, table in tables.items()} == {
        "macro-benchmark-cifar10": 6_561,
        "nb101-benchmark-cifar10": 423_624,
        **{f"nb201-benchmark-{task}": 15_625 for task in NB201},
    }
    everything = [*EMBEDDED.glob("*.parquet"), *EMBEDDED.glob("*.npz")]
    assert sum(path.stat().st_size for path in everything) <= 8_000_000
    for name, table in tables.items():
        assert table.meta.name == name and "SHA-256" not in table.meta.notes


@pytest.mark.parametrize(
    ("name", "truths", "on_all", "resolution", "epochs"),
    [
        ("macro-benchmark-cifar10", {"cifar10": 50_000}, True, {"test": 0.01}, 50),
        ("nb101-benchmark-cifar10", {"cifar10": 40_000}, False, {"test": 0.01}, 108),
        (
            "nb201-benchmark-cifar10",
            {"cifar10": 50_000, "cifar10-valid": 25_000},
            True,
            {"train": 1 / 250, "val": 1 / 250, "test": 0.01},
            200,
        ),
        (
            "nb201-benchmark-cifar100",
            {"cifar100": 50_000},
            True,
            {"train": 1 / 500, "val": 0.02, "test": 0.02},
            200,
        ),
        (
            "nb201-benchmark-imagenet16-120",
            {"imagenet16-120": 151_700},
            True,
            {"train": 1 / 1517, "val": 1 / 30, "test": 1 / 30},
            200,
        ),
    ],
)
def test_trainings_images_and_epochs_are_those_of_the_papers(
    name, truths, on_all, resolution, epochs, tables
):
    meta = tables[name].meta
    assert meta.truths == truths and meta.truth == next(iter(truths))
    assert meta.training["test_trained_on_all"] is on_all and meta.epochs == epochs
    assert meta.resolution == pytest.approx(resolution)


def test_maxima_and_columns(tables):
    best = {name: tables[f"nb201-benchmark-{name}"] for name in NB201}
    assert [round(best[task].accuracy("val").max(), 3) for task in NB201] == [
        91.607,
        73.493,
        46.733,
    ]
    assert [round(best[task].accuracy("test").max(), 3) for task in NB201] == [
        94.373,
        73.513,
        47.311,
    ]
    assert best["cifar10"].seeds("test") == ["0", "1", "2"]
    half = best["cifar10"].of_training("cifar10-valid")
    assert half.accuracy("test").max() == pytest.approx(91.523, abs=5e-4)
    for table in best.values():
        assert all(f"{split}.12.mean" in table.accuracies for split in ("val", "test"))
    assert tables["nb101-benchmark-cifar10"].accuracy("test").max() == pytest.approx(
        94.3176, abs=1e-4
    )
    macro = tables["macro-benchmark-cifar10"]
    assert macro.seeds("test") == ["0", "1", "2"]
    best_macro = macro.accuracy("test")[macro.index(["22212220"])[0]]
    assert best_macro == macro.accuracy("test").max() == pytest.approx(93.127, abs=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.space)
def test_packaged_is_published_on_every_row(published, shared_data, tables):
    for table in IMPORTERS[published.space].read(published.find(shared_data)):
        own = tables[table.meta.name]
        assert own.archs == table.archs
        kept = {n for n in table.accuracies if not n.startswith("train.")}
        assert own.accuracies.keys() == kept
        for name in kept:
            np.testing.assert_array_equal(own.accuracies[name], table.accuracies[name])
        assert own.meta.identity == table.meta.identity
        assert own.meta.training == table.meta.training
        for name in ("params", "madds"):
            if getattr(table, name) is not None:
                np.testing.assert_array_equal(getattr(own, name), getattr(table, name))


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_costs_are_those_of_the_space(name, tables):
    table, rng = tables[name], np.random.default_rng(0)
    space, image = SPACES[table.meta.space]("benchmark"), IMAGES[table.meta.task]
    for row in rng.choice(len(table), 300, replace=False).tolist():
        cost = space.cost(space.decode(table.archs[row]), image)
        assert (cost.params, cost.madds) == (table.params[row], table.madds[row])


def test_the_script_makes_the_files_of_the_package(shared_data, tmp_path, monkeypatch):
    few = [published for published in PUBLISHED if published.space == "macro"]
    monkeypatch.setattr("harness.tabular.package_published.PUBLISHED", few)
    main([str(shared_data), "--output", str(tmp_path)])
    (made,) = tmp_path.iterdir()
    again, own = Table.load(made), Table.load(EMBEDDED / made.name)
    assert again.meta == own.meta and again.archs == own.archs
    with pytest.raises(UsageError, match="has no nas-bench-macro_cifar10.json"):
        main([str(tmp_path)])


def test_attribution_travels_with_the_tables(tables):
    notice = " ".join((ROOT / "NOTICE").read_text().split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "NOTICE" in project["project"]["license-files"]
    data = project["tool"]["setuptools"]["package-data"]["harness.tabular"]
    assert {"embedded/*.parquet", "embedded/*.npz"} <= {*data}
    for table in tables.values():
        assert table.meta.authors.partition(" (")[0] in notice
        assert table.meta.sha256 in notice
        assert all(word in notice for word in ("Apache-2.0", "MIT"))
        assert "package_published" in table.meta.created_by


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_they_are_found_without_data(name, home):
    assert find_table(*name.split("-", 2)).meta.name == name


@pytest.mark.slow
def test_tables_of_smaller_spaces_are_made_of_a_packaged_one(home):
    space = SPACES["nb101-mixpath"]("benchmark")
    table = find_table("nb101-mixpath", "benchmark", "cifar10", cost=analytic_cost(space))
    assert len(table) == 255 and table.madds is not None
    whole = Table.load(EMBEDDED / "nb101-benchmark-cifar10.parquet")
    arch = space.decode(table.archs[7])
    (row,) = whole.index(cells_of_hashes([space.canonical(arch)]))
    assert table.accuracy("test")[7] == whole.accuracy("test")[row]


@pytest.mark.slow
def test_a_file_of_ones_own_wins(home, published, tmp_path):
    place = ("nb201", "benchmark", "cifar10")
    theirs = find_table(*place, published)
    packaged = find_table(*place)
    assert theirs.meta.sha256 != packaged.meta.sha256
    import_tables("nb201", published / "nb201_v1_1.parquet")
    assert find_table(*place).meta.sha256 == theirs.meta.sha256


def test_what_was_fetched_wins_only_where_it_is_fuller(home, published):
    fetched = home / "data" / "nb201"
    fetched.mkdir(parents=True)
    for path in published.glob("*.csv"):
        (fetched / path.name).symlink_to(path)
    for task in NB201:
        assert "package_published" in find_table("nb201", "benchmark", task).meta.created_by
    (fetched / "nb201_v1_1.parquet").symlink_to(published / "nb201_v1_1.parquet")
    assert "table import" in find_table("nb201", "benchmark", "cifar10").meta.created_by


def test_the_other_training_is_chosen_by_name(home, published, tmp_path):
    place = ("nb201", "benchmark", "cifar10")
    own, half = find_table(*place), find_table(*place, truth="cifar10-valid")
    assert (own.meta.truth, half.meta.truth) == ("cifar10", "cifar10-valid")
    assert half.meta.truth_text == "cifar10-valid (trained on 25,000 images)"
    assert own.meta.identity != half.meta.identity
    assert half.seeds("test") == [] and not half.meta.training["test_trained_on_all"]
    np.testing.assert_array_equal(own.accuracy("val"), half.accuracy("val"))
    only_half = tmp_path / "data"
    only_half.mkdir()
    (only_half / "nasbench201_cifar10.csv").symlink_to(published / "nasbench201_cifar10.csv")
    assert find_table(*place, only_half).meta.truth == "cifar10-valid"
    assert "package_published" in find_table(*place, only_half, truth="cifar10").meta.created_by
    with pytest.raises(UsageError, match="none of 'cifar10-vald'; did you mean 'cifar10-valid'"):
        find_table(*place, truth="cifar10-vald")


def test_module_hashes_find_their_cells(tables, tmp_path):
    table, rng = tables["nb101-benchmark-cifar10"], np.random.default_rng(1)
    space = SPACES["nb101"]("benchmark")
    rows = [0, len(table) - 1, *rng.choice(len(table), 200, replace=False).tolist()]
    hashes = [space.canonical(space.decode(table.archs[row])) for row in rows]
    assert table.index(cells_of_hashes(hashes)).tolist() == rows
    typo = hashes[5][:-1] + ("0" if hashes[5][-1] != "0" else "1")
    strangers = [typo, "f" * 32, "0" * 32, "", "x" * 32, hashes[0][:10], hashes[0].upper() + "0"]
    assert cells_of_hashes(strangers) == [""] * len(strangers)
    with pytest.raises(ValueError, match="do not ascend"):
        nasbench101_hashes.save(np.zeros((2, 16), np.uint8), tmp_path)


@pytest.mark.slow
def test_all_published_hashes_find_the_row_of_their_cell(shared_data, tables):
    table = tables["nb101-benchmark-cifar10"]
    with np.load(shared_data / "nb101" / "nb101_108epochs_mean_test.npz") as stored:
        hashes = [row.tobytes().hex() for row in stored["module_hash"]]
        accuracy = 100 * stored["mean_test_acc_108"]
    rows = table.index(cells_of_hashes(hashes))
    np.testing.assert_array_equal(table.accuracy("test")[rows], accuracy)
