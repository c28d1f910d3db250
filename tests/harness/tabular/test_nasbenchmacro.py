import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.tabular.nasbenchmacro import IMPORTER
from harness.tabular.table import Table
from searchspaces.errors import UsageError

NAME = "nas-bench-macro_cifar10.json"
KEYS = ["".join(key) for key in product("012", repeat=8)]


@pytest.fixture(scope="module")
def content():
    """All keys in the file's own layout, in some order, with random numbers."""
    rng = np.random.default_rng(0)
    accuracies = rng.uniform(40, 95, (len(KEYS), 3)).round(2)
    costs = rng.integers(10**5, 10**8, (len(KEYS), 2)).tolist()
    entries = {
        key: {
            "test_acc": row.tolist(),
            "mean_acc": float(np.mean(row)),
            "std": float(np.std(row)),
            "params": params,
            "flops": flops,
        }
        for key, row, (params, flops) in zip(KEYS, accuracies, costs, strict=True)
    }
    return {KEYS[index]: entries[KEYS[index]] for index in rng.permutation(len(KEYS))}


@pytest.fixture(scope="module")
def text(content):
    return json.dumps(content)


def read(folder, text):
    (folder / NAME).write_text(text)
    return IMPORTER.read(folder / NAME)


def test_the_file_becomes_a_table(content, text, tmp_path):
    (table,) = read(tmp_path, text)
    assert table.meta.name == "macro-benchmark-cifar10"
    assert table.archs == KEYS
    assert table.seeds("test") == ["0", "1", "2"]
    for trial in range(3):
        expected = [content[key]["test_acc"][trial] for key in KEYS]
        assert table.accuracy("test", seed=trial).tolist() == expected
    np.testing.assert_allclose(
        table.accuracy("test"), [content[key]["mean_acc"] for key in KEYS], rtol=0, atol=1e-12
    )
    assert table.params.tolist() == [content[key]["params"] for key in KEYS]
    assert table.madds.tolist() == [content[key]["flops"] for key in KEYS]
    assert table.params.dtype == table.madds.dtype == np.int64
    assert table.meta.epochs == 50 and table.meta.resolution == {"test": 0.01}
    assert table.meta.training["test_trained_on_all"]
    table.save(tmp_path / "t.parquet")
    assert Table.load(tmp_path / "t.parquet").meta == table.meta


@pytest.mark.slow
def test_what_the_accuracies_are_is_noted(text, tmp_path):
    (table,) = read(tmp_path, text)
    assert "best epoch" in table.meta.notes and "validation" in table.meta.notes
    assert "SHA-256 differs" in table.meta.notes
    with pytest.raises(UsageError, match="no val.50.mean"):
        table.accuracy("val")


def test_a_folder_is_searched_for_the_file(text, tmp_path):
    with pytest.raises(UsageError, match=f"has none of {NAME}"):
        IMPORTER.read(tmp_path)
    read(tmp_path, text)
    assert [table.meta.task for table in IMPORTER.read(tmp_path)] == ["cifar10"]


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_file_cut_anywhere_is_refused(data, text, tmp_path_factory):
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(UsageError, match=NAME):
        read(tmp_path_factory.mktemp("cut"), text[:cut])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("test_acc", [50.0, 50.0], "ValueError"),
        ("test_acc", [50.0, 50.0, "50.0"], "no float"),
        ("test_acc", [50.0, 50.0, None], "no float"),
        ("test_acc", [50.0, 50.0, 50.0], "accuracies of 00000012 have another mean"),
        ("test_acc", [50.0, 50.0, float("nan")], "another mean"),
        ("test_acc", 50.0, "TypeError"),
        ("mean_acc", 50.0, "another mean"),
        ("std", 50.0, "or deviation"),
        ("params", 1.5, "no int"),
        ("params", True, "no int"),
        ("params", 0, "two costs"),
        ("flops", "7713280", "no int"),
        ("flops", 10**40, "damaged"),
    ],
)
def test_a_wrong_value_is_refused(field, value, reason, content, tmp_path):
    entry = {**content["00000012"], field: value}
    with pytest.raises(UsageError, match=reason) as error:
        read(tmp_path, json.dumps({**content, "00000012": entry}))
    assert str(tmp_path / NAME) in str(error.value)


def test_an_impossible_percentage_is_refused(content, tmp_path):
    entry = {**content["00000012"], "test_acc": [101.0] * 3, "mean_acc": 101.0, "std": 0.0}
    with pytest.raises(UsageError, match="row 5 is 101.0, which is no percentage"):
        read(tmp_path, json.dumps({**content, "00000012": entry}))


@pytest.mark.slow
@pytest.mark.parametrize("field", ["test_acc", "mean_acc", "std", "params", "flops"])
def test_a_missing_field_is_refused(field, content, tmp_path):
    entry = {k: v for k, v in content["00000012"].items() if k != field}
    with pytest.raises(UsageError, match=field):
        read(tmp_path, json.dumps({**content, "00000012": entry}))


@pytest.mark.slow
def test_missing_wrong_and_repeated_keys_are_refused(content, text, tmp_path):
    first, *rest = content
    fewer = {key: content[key] for key in rest}
    for wrong in (fewer, {**fewer, "00000003": content[first]}, {**content, "0": content[first]}):
        with pytest.raises(UsageError, match="6561 keys"):
            read(tmp_path, json.dumps(wrong))
    again = f', "{first}": {json.dumps(content[first])}}}'
    with pytest.raises(UsageError, match="appears twice"):
        read(tmp_path, text[:-1] + again)


@pytest.mark.parametrize("text", ["[]", "null", "{}", "", "\x00", "{" * 10_000, "[" * 100_000])
def test_another_file_is_refused(text, tmp_path):
    with pytest.raises(UsageError, match="not the file of NAS-Bench-Macro"):
        read(tmp_path, text)


def test_the_real_file(shared_data):
    (table,) = IMPORTER.read(shared_data / "macro" / NAME)
    assert "SHA-256 differs" not in table.meta.notes
    assert table.archs == KEYS
    best = table.accuracy("test")[table.index(["22212220"])[0]]
    assert best == table.accuracy("test").max() and round(float(best), 3) == 93.127
    row = table.index(["00000000"])[0]
    assert (table.params[row], table.madds[row]) == (387_882, 7_713_280)
    truth = table.truth("test")
    assert round(kendalltau(table.madds, truth).statistic, 3) == 0.556
    assert round(kendalltau(table.params, truth).statistic, 3) == 0.218
    trials = [table.accuracy("test", seed=seed) for seed in table.seeds("test")]
    between = [kendalltau(trials[a], trials[b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(between, 0.88, atol=0.003)
