import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import made_meta

from harness.files.checksums import BLANK, seal
from harness.tabular.table import Table
from searchspaces.errors import UsageError


def assert_same(first, second):
    assert first.meta == second.meta
    assert first.archs == second.archs
    assert list(first.accuracies) == list(second.accuracies)
    for name, values in first.accuracies.items():
        np.testing.assert_array_equal(values, second.accuracies[name])
    assert list(first.costs) == list(second.costs)
    for name, values in first.costs.items():
        np.testing.assert_array_equal(values, second.costs[name])
    for one, other in ((first.params, second.params), (first.madds, second.madds)):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one, other)


percent = st.floats(0, 100)
text = st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def tables(draw, make):
    archs = draw(st.lists(text, unique=True, max_size=8))
    n = len(archs)
    names = draw(
        st.sets(st.from_regex(r"\A(train|val|test)\.[1-9]\d?\.(mean|\d{1,3})\Z"), max_size=5)
    )
    columns = {"test.5.mean": np.array(draw(st.lists(percent, min_size=n, max_size=n)), float)}
    for name in sorted(names - {"test.5.mean"}):
        value = percent if name.endswith(".5.mean") else percent | st.just(np.nan)
        columns[name] = np.array(draw(st.lists(value, min_size=n, max_size=n)), float)
    sizes = st.lists(st.integers(0, 2**62), min_size=n, max_size=n)
    costs = [draw(st.none() | sizes.map(lambda v: np.array(v, np.int64))) for _ in range(2)]
    training = draw(st.dictionaries(text, st.integers() | text | st.booleans(), max_size=3))
    known = st.lists(st.floats(allow_infinity=False) | st.just(np.nan), min_size=n, max_size=n)
    others = draw(st.dictionaries(text, known.map(lambda v: np.array(v, float)), max_size=2))
    made = make(archs, columns, *costs, notes=draw(text), training=training)
    return replace(made, costs=others, distinct=True)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
@pytest.mark.slow
def test_a_saved_table_loads_equal(data, make_table, tmp_path_factory):
    table = data.draw(tables(make_table))
    path = tmp_path_factory.mktemp("round") / "t.parquet"
    table.save(path)
    assert_same(table, Table.load(path))
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture(scope="module")
def saved(make_table, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "toy-small-digits.parquet"
    archs = [f"architecture {i}" for i in range(40)]
    rng = np.random.default_rng(3)
    columns = {f"test.5.{seed}": rng.uniform(0, 100, 40) for seed in ("mean", 0, 1)}
    make_table(archs, columns, np.arange(40), np.arange(40) * 7).save(path)
    return path


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_damaged_byte_goes_unnoticed(data, saved, tmp_path_factory):
    content = bytearray(saved.read_bytes())
    offset = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[offset:]
    else:
        content[offset] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=str(path)):
        Table.load(path)


@settings(deadline=None, max_examples=30)
@given(content=st.binary(max_size=200), framed=st.booleans(), sealed=st.booleans())
def test_any_other_file_is_refused(content, framed, sealed, tmp_path_factory):
    if sealed:
        content = seal(content + BLANK)
    path = tmp_path_factory.mktemp("other") / "t.parquet"
    path.write_bytes(b"PAR1" + content + b"PAR1" if framed else content)
    with pytest.raises(UsageError, match=str(path)):
        Table.load(path)


def test_what_is_wrong_with_a_file_is_said(saved, tmp_path):
    def refusal(content):
        path = tmp_path / "t.parquet"
        path.write_bytes(content)
        with pytest.raises(UsageError) as error:
            Table.load(path)
        return str(error.value)

    whole = saved.read_bytes()
    assert "cut short" in refusal(whole[: len(whole) // 2])
    assert "damaged" in refusal(whole[:100] + b"?" + whole[101:])
    assert "not a parquet file" in refusal(b"")
    assert "not a parquet file" in refusal(b"arch,accuracy\n")
    foreign = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1]}), foreign)
    assert "not a table of this harness" in refusal(foreign.getvalue().to_pybytes())
    with pytest.raises(UsageError, match="cannot read"):
        Table.load(tmp_path / "missing.parquet")
    with pytest.raises(UsageError, match="cannot read"):
        Table.load(tmp_path)


def sealed_parquet(path, columns, metadata):
    stored = pa.table(columns).replace_schema_metadata({**metadata, "seal": BLANK})
    sink = pa.BufferOutputStream()
    pq.write_table(stored, sink)
    path.write_bytes(seal(sink.getvalue().to_pybytes()))


@pytest.mark.parametrize(
    ("columns", "change", "reason"),
    [
        ({}, {"schema_version": 99}, "schema 99"),
        ({}, {"space": None}, "columns of a table"),
        ({}, {"surprise": 1}, "columns of a table"),
        ({"accuracy": [1.0]}, {}, "split.epochs.seed"),
        ({"test.5.mean": [101.0]}, {}, "no percentage"),
        ({"test.5.mean": ["high"]}, {}, "columns of a table"),
        ({"test.5.mean": pa.array([None], pa.float64())}, {}, "columns of a table"),
    ],
)
def test_a_sealed_file_of_another_schema_is_refused(columns, change, reason, saved, tmp_path):
    meta = json.loads(pq.read_schema(saved).metadata[b"nas_harness"]) | change
    meta = {key: value for key, value in meta.items() if value is not None}
    path = tmp_path / "t.parquet"
    sealed_parquet(path, {"arch": ["a"], **columns}, {"nas_harness": json.dumps(meta)})
    with pytest.raises(UsageError, match=reason):
        Table.load(path)


def test_a_sealed_file_without_metadata_is_refused(tmp_path):
    sealed_parquet(tmp_path / "t.parquet", {"arch": ["a"]}, {})
    with pytest.raises(UsageError, match="columns of a table"):
        Table.load(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("archs", "columns", "reason"),
    [
        ("aa", {"test.5.mean": [1.0, 2.0]}, "several rows"),
        ("ab", {"test.5.mean": [1.0]}, "1 values for 2"),
        ("ab", {"test.5.mean": [1.0, -0.1]}, "row 1 is -0.1"),
        ("ab", {"test.5.mean": [1.0, 100.1]}, "no percentage"),
        ("ab", {"test.5.mean": [1.0, np.inf]}, "no percentage"),
        ("ab", {"test.5.mean": [1.0, np.nan]}, "row 1 has no test.5.mean"),
        ("ab", {"valid.5.mean": [1.0, 2.0]}, "split.epochs.seed"),
        ("ab", {"test.5.best": [1.0, 2.0]}, "split.epochs.seed"),
        ("ab", {"test.05.mean": [1.0, 2.0]}, "split.epochs.seed"),
    ],
)
def test_impossible_tables_are_refused(archs, columns, reason, make_table):
    with pytest.raises(UsageError, match=reason):
        make_table(archs, {name: np.array(values) for name, values in columns.items()})


def test_costs_must_have_a_value_per_architecture(make_table):
    with pytest.raises(UsageError, match="params has 1 values"):
        make_table("ab", params=np.array([1]))


def test_costs_are_known_by_name_and_accuracies_are_none(make_table):
    sizes, latency = np.array([3, 4]), np.array([0.5, np.nan])
    table = replace(make_table("ab", madds=sizes), costs={"latency_ms": latency}, distinct=True)
    assert table.cost("madds") is sizes and table.cost("latency_ms") is latency
    for name in ("params", "test.5.mean", "latency"):
        with pytest.raises(UsageError, match=f"no cost '{name}'; it has madds, latency_ms.$"):
            table.cost(name)
    with pytest.raises(UsageError, match="no cost 'madds'; it has none"):
        make_table("ab").cost("madds")
    with pytest.raises(UsageError, match="latency_ms has 2 values for 3"):
        replace(make_table("abc"), costs={"latency_ms": latency}, distinct=True)


def test_queries(make_table):
    gap = np.array([1.0, np.nan])
    columns = {
        "test.5.mean": np.array([10.0, 20.0]),
        "test.5.999": gap,
        "test.5.77": gap + 1,
        "test.5.100": gap,
        "test.50.mean": gap,
        "val.5.mean": np.array([30.0, 40.0]),
    }
    table = make_table("ab", columns)
    assert len(table) == 2
    np.testing.assert_array_equal(table.index(["b", "c", "a", "b"]), [1, -1, 0, 1])
    assert table.index([]).dtype == np.int64
    with pytest.raises(UsageError, match=r"several architectures; give one as \['ab'\]"):
        table.index("ab")
    assert table.accuracy("test").tolist() == [10, 20]
    np.testing.assert_array_equal(table.accuracy("test", 50), gap)
    np.testing.assert_array_equal(table.accuracy("test", seed=999), gap)
    np.testing.assert_array_equal(table.accuracy("test", 5, "77"), gap + 1)
    assert table.seeds("test") == ["77", "100", "999"]
    assert table.seeds("test", 50) == table.seeds("val") == []
    with pytest.raises(UsageError, match="no train.5.mean"):
        table.accuracy("train")
    with pytest.raises(UsageError, match=r"test.5.998; did you mean 'test.5.999'\?"):
        table.accuracy("test", seed=998)
    with pytest.raises(UsageError, match="how many val images"):
        table.truth("val")


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(0, 3000), min_size=1, max_size=3),
    noise=st.floats(-1e-7, 1e-7),
)
def test_truth_is_a_whole_number_of_images_whatever_the_noise(counts, noise, make_table):
    step = 100 / 3000
    mean = float(np.clip(np.mean(counts) * step + noise, 0, 100))
    table = make_table("a", {"test.5.mean": np.array([mean])}, resolution={"test": step})
    doubled = 2 * sum(counts)
    expected = round(doubled / len(counts) / 2) if len(counts) != 2 else round(sum(counts) / 2)
    np.testing.assert_allclose(table.truth("test"), [expected * step], rtol=1e-12)


def test_truth_ties_architectures_with_different_numbers_of_seeds(make_table):
    columns = {"test.5.mean": np.array([93.75, np.mean([93.76, 93.74, 93.751])])}
    truth = make_table("ab", columns).truth("test")
    assert truth[0] == truth[1]


def test_saving_to_a_place_that_cannot_be_written_says_so(make_table, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        make_table().save(tmp_path / "file" / "t.parquet")


def test_a_failed_save_leaves_the_old_table(make_table, saved, tmp_path):
    path = tmp_path / "t.parquet"
    table = make_table()
    table.save(path)
    bad = replace(table, meta=replace(table.meta, training={"lr": float("nan")}))
    with pytest.raises(ValueError, match="JSON"):
        bad.save(path)
    assert_same(table, Table.load(path))


def test_opening_a_table_does_not_import_pandas_or_torch(saved):
    code = (
        "import sys; from harness.tabular.table import Table; "
        f"Table.load({str(saved)!r}); assert not {{'pandas', 'torch'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_training_brings_its_own_test_columns_and_nothing_else_changes(make_table):
    names = (
        "test.5.mean",
        "test.5.0",
        "half:test.5.mean",
        "half:test.5.1",
        "val.5.mean",
        "train.5.mean",
    )
    columns = {name: np.array([10.0, 20.0]) + place for place, name in enumerate(names)}
    truths = {"whole": 50, "half": 25, "third": 17}
    training = {"lr": 0.1, "truth": "whole", "truth_images": truths, "test_trained_on_all": True}
    table = make_table("ab", columns, np.array([1, 2]), np.array([3, 4]), training=training)
    table = replace(table, costs={"latency": np.array([5.0, 6.0])}, distinct=True)
    half = table.of_training("half")
    assert {name: values.tolist() for name, values in half.accuracies.items()} == {
        "test.5.mean": [12, 22],
        "test.5.1": [13, 23],
        "val.5.mean": [14, 24],
        "train.5.mean": [15, 25],
    }
    assert half.archs == table.archs and half.costs == table.costs
    assert (half.params.tolist(), half.madds.tolist()) == ([1, 2], [3, 4])
    own = {"truth": "half", "truth_images": {"half": 25}, "test_trained_on_all": False}
    assert half.meta == replace(table.meta, version="1 half", training=training | own)
    assert half.meta.truth_text == "half (trained on 25 images)"
    assert table.of_training("") is table is table.of_training("whole")
    with pytest.raises(UsageError, match="the training whole and half and third, none of 'x'"):
        table.of_training("x")


def test_an_identity_is_of_all_that_a_ranking_depends_on():
    usual = made_meta()
    zeros = "0" * 64
    assert usual.identity == f"nb201-small-digits 1 {zeros} schema 1"
    changes = ({"space": "x"}, {"scale": "x"}, {"task": "x"}, {"version": "2"}, {"sha256": "1"})
    assert len({made_meta(**change).identity for change in ({}, *changes)}) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"space": 3},
        {"notes": None},
        {"epochs": 0},
        {"epochs": 5.0},
        {"epochs": True},
        {"resolution": {"test": 0}},
        {"resolution": {"test": 101}},
        {"resolution": {"test": "1"}},
        {"training": []},
        {"measured": None},
    ],
)
def test_metadata_of_other_kinds_are_refused(change):
    with pytest.raises(UsageError, match=f"wrong value for {next(iter(change))}; make the table"):
        made_meta(**change)


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        (("train", "val", "test"), "train and val and test accuracy"),
        (("train",), "train accuracy"),
        (("test",), "test accuracy"),
        ((), "no accuracy"),
    ],
)
def test_a_table_tells_which_accuracies_it_has(make_table, splits, told):
    columns = {f"{split}.5.mean": np.full(2, 50.0) for split in splits} | {"val.3.0": np.ones(2)}
    assert repr(make_table(columns=columns)) == (
        f"<Table toy-small-digits: 2 architectures, {told} after 5 epochs>"
    )
