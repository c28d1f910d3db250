import ast
import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.tabular.nasbench201 import IMPORTER
from harness.tabular.table import Table
from searchspaces.errors import UsageError

CSV = {
    "cifar10": "nasbench201_cifar10.csv",
    "cifar100": "nasbench201_cifar100.csv",
    "imagenet16-120": "nasbench201_ImageNet16-120.csv",
}
TASKS = list(CSV)
IMAGES = {
    "cifar10": {"train": 25_000, "val": 25_000, "test": 10_000},
    "cifar100": {"train": 50_000, "val": 5_000, "test": 5_000},
    "imagenet16-120": {"train": 151_700, "val": 3_000, "test": 3_000},
}


def by_task(tables):
    return {table.meta.task: table for table in tables}


@pytest.mark.parametrize("task", TASKS)
def test_a_csv_becomes_a_table(task, published, tmp_path):
    path = published / CSV[task]
    (table,) = IMPORTER.read(path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert table.archs == [row["arch str"] for row in rows]
    for split, column in (("train", "train"), ("val", "validation"), ("test", "test")):
        expected = [float(row[f"{column} accuracy"]) for row in rows]
        assert table.accuracy(split).tolist() == expected
        assert table.meta.resolution[split] == 100 / IMAGES[task][split]
    assert (table.meta.space, table.meta.scale, table.meta.task) == ("nb201", "benchmark", task)
    assert table.meta.epochs == 200
    assert table.params is None and table.madds is None
    assert ("not the benchmark's usual CIFAR-10 test" in table.meta.notes) == (task == "cifar10")
    assert table.meta.training["test_trained_on_all"] == (task != "cifar10")
    table.save(tmp_path / "t.parquet")
    assert Table.load(tmp_path / "t.parquet").meta == table.meta


def test_a_folder_of_csvs_becomes_three_tables(published, tmp_path):
    for name in CSV.values():
        (tmp_path / name).symlink_to(published / name)
    tables = IMPORTER.read(tmp_path)
    assert [table.meta.task for table in tables] == TASKS
    (tmp_path / CSV["cifar100"]).unlink()
    assert by_task(IMPORTER.read(tmp_path)).keys() == {"cifar10", "imagenet16-120"}


def test_in_a_folder_the_joined_file_comes_first(published):
    tables = IMPORTER.read(published)
    assert [table.meta.task for table in tables] == TASKS
    assert {table.meta.created_by for table in tables} == {
        "nas-harness table import nb201 nb201_v1_1.parquet"
    }


def test_the_joined_file_becomes_three_tables(published):
    tables = by_task(IMPORTER.read(published / "nb201_v1_1.parquet"))
    rows = pq.read_table(published / "nb201_v1_1.parquet").to_pydict()
    stems = {
        "cifar10": ("c10valid_train", "c10valid_valid", "c10full_test"),
        "cifar100": ("c100_train", "c100_valid", "c100_test"),
        "imagenet16-120": ("in16_train", "in16_valid", "in16_test"),
    }
    for task, (train, val, test) in stems.items():
        table = tables[task]
        assert table.archs == rows["arch_str"]
        assert table.accuracy("train").tolist() == rows[f"{train}_200"]
        for split, stem in (("val", val), ("test", test)):
            assert table.accuracy(split).tolist() == rows[f"{stem}_200"]
            assert table.accuracy(split, 12).tolist() == rows[f"{stem}_12"]
        assert table.meta.training["test_trained_on_all"]
    for table in (tables["cifar100"], tables["imagenet16-120"]):
        assert table.seeds("test") == [] and table.params is None
    table = tables["cifar10"]
    assert (table.params / 1e6).tolist() == rows["params_M_c10"]
    assert (table.madds / 1e6).tolist() == rows["flops_M_c10"]
    assert table.seeds("test") == ["0", "1", "2"]
    runs = np.stack([table.accuracy("test", seed=seed) for seed in table.seeds("test")], axis=1)
    found = [row[~np.isnan(row)].tolist() for row in runs]
    assert found == rows["c10full_test_200_per_seed"]
    assert "does not say which seeds" in table.meta.notes


def test_a_cost_is_asked_for_where_the_source_has_none(published, cells):
    def cost(arch, task):
        return cells.index(arch) if arch in cells[:3] else 10**7, TASKS.index(task)

    tables = by_task(IMPORTER.read(published, cost))
    assert tables["cifar10"].madds.max() > 2  # the source's own
    for task in ("cifar100", "imagenet16-120"):
        assert tables[task].params[:4].tolist() == [0, 1, 2, 10**7]
        assert set(tables[task].madds) == {TASKS.index(task)}


@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_a_csv_cut_anywhere_is_refused(data, published, tmp_path_factory):
    content = (published / CSV["cifar10"]).read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        cut = content.rfind(b"\n", 0, cut) + 1  # at the end of a line
    path = tmp_path_factory.mktemp("cut") / CSV["cifar10"]
    path.write_bytes(content[:cut])
    with pytest.raises(UsageError, match=str(path)):
        IMPORTER.read(path)


def edit(column, value, row=7):
    def change(lines):
        fields = lines[row + 1].split(",")
        fields[column] = value
        lines[row + 1] = ",".join(fields)

    return change


def copy_cell(lines):
    edit(1, lines[3].split(",")[1])(lines)


def swap(lines):
    lines[3], lines[4] = lines[4], lines[3]


def rename(lines):
    lines[0] = lines[0].replace("test accuracy", "accuracy")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edit(7, "100.5"), "row 7 is 100.5"),
        (edit(7, "-1"), "no percentage"),
        (edit(7, "nan"), "row 7 has no test.200.mean"),
        (edit(7, ""), "damaged"),
        (edit(7, "high"), "damaged"),
        (edit(1, "|none~0|"), "not a NAS-Bench-201 architecture"),
        (
            edit(1, "|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
            "not a NAS-Bench-201",
        ),
        (edit(0, "8"), "in their order"),
        (copy_cell, "several rows"),
        (swap, "in their order"),
        (rename, "test accuracy"),
        (lambda lines: lines.pop(), "15624 architectures"),
    ],
)
def test_a_damaged_csv_is_refused(change, reason, published, tmp_path):
    lines = (published / CSV["cifar100"]).read_text().splitlines()
    change(lines)
    path = tmp_path / CSV["cifar100"]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=reason) as error:
        IMPORTER.read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("column", ["arch_id", "c100_test_12", "c10full_test_200_per_seed"])
def test_a_joined_file_without_a_column_is_refused(column, published, tmp_path):
    path = tmp_path / "nb201_v1_1.parquet"
    pq.write_table(pq.read_table(published / path.name).drop_columns(column), path)
    with pytest.raises(UsageError, match=column):
        IMPORTER.read(path)


@pytest.mark.parametrize("keep", [0, 4, 1000, -1])
def test_a_joined_file_cut_short_is_refused(keep, published, tmp_path):
    path = tmp_path / "nb201_v1_1.parquet"
    path.write_bytes((published / path.name).read_bytes()[:keep])
    with pytest.raises(UsageError, match=str(path)):
        IMPORTER.read(path)


def test_a_joined_file_with_fewer_rows_or_gaps_is_refused(published, tmp_path):
    path = tmp_path / "nb201_v1_1.parquet"
    whole = pq.read_table(published / path.name)
    pq.write_table(whole.slice(0, 100), path)
    with pytest.raises(UsageError, match="100 architectures"):
        IMPORTER.read(path)
    gap = [None, *whole["c100_test_200"].to_pylist()[1:]]
    at = whole.column_names.index("c100_test_200")
    pq.write_table(whole.set_column(at, "c100_test_200", [gap]), path)
    with pytest.raises(UsageError, match="1 gaps"):
        IMPORTER.read(path)


def test_unknown_sources_are_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        IMPORTER.read(tmp_path / "nb201_v1_1.parquet")
    with pytest.raises(UsageError, match="has none of nb201_v1_1.parquet, NAS-Bench"):
        IMPORTER.read(tmp_path)
    (tmp_path / "mine.csv").write_text("")
    with pytest.raises(UsageError, match="mine.csv is no known file"):
        IMPORTER.read(tmp_path / "mine.csv")


def test_a_file_that_differs_from_the_published_one_is_noted(published):
    assert "SHA-256 differs" in IMPORTER.read(published)[0].meta.notes


def test_the_real_maxima(shared_data):
    tables = by_task(IMPORTER.read(shared_data / "nb201" / "nb201_v1_1.parquet"))
    maxima = {
        (task, split): round(float(tables[task].accuracy(split).max()), 3)
        for task in TASKS
        for split in ("val", "test")
    }
    assert maxima == {
        ("cifar10", "val"): 91.607,
        ("cifar10", "test"): 94.373,
        ("cifar100", "val"): 73.493,
        ("cifar100", "test"): 73.513,
        ("imagenet16-120", "val"): 46.733,
        ("imagenet16-120", "test"): 47.311,
    }
    assert "SHA-256 differs" not in "".join(table.meta.notes for table in tables.values())


def test_the_real_sources_agree(shared_data):
    joined = by_task(IMPORTER.read(shared_data / "nb201" / "nb201_v1_1.parquet"))
    for task, name in CSV.items():
        (table,) = IMPORTER.read(shared_data / "nb201" / name)
        assert table.archs == joined[task].archs
        same = ("train", "val") if task == "cifar10" else ("train", "val", "test")
        for split in same:
            np.testing.assert_allclose(
                table.accuracy(split), joined[task].accuracy(split), rtol=0, atol=1e-12
            )
        assert "SHA-256 differs" not in table.meta.notes
    table = joined["cifar10"]
    runs = [table.accuracy("test", seed=seed) for seed in table.seeds("test")]
    np.testing.assert_allclose(np.nanmean(runs, axis=0), table.accuracy("test"), atol=1e-9)
    counts = np.bincount(np.sum(~np.isnan(runs), axis=0))
    assert counts.tolist() == [0, 2225, 5439, 7961]


@pytest.mark.slow
def test_released_one_shot_predictions_rank_as_known(shared_data):
    table = by_task(IMPORTER.read(shared_data / "nb201" / "nb201_v1_1.parquet"))["cifar10"]
    name = "few_shot_nas_one_shot_supernet_nb201.json"
    scores = np.full(len(table), np.nan)
    for key, score in json.loads((shared_data / "predictions" / name).read_text()).items():
        nodes = ast.literal_eval(key)
        cell = "+".join(f"|{'|'.join(f'{op}~{i}' for op, i in node)}|" for node in nodes)
        scores[table.index([cell])] = score
    assert round(kendalltau(scores, table.truth("test")).statistic, 4) == 0.4849
    assert round(kendalltau(scores, table.accuracy("test")).statistic, 4) == 0.4847
