"""Score files: every layout gives the same scores, every defect one sentence naming it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import made_meta

from harness.scores.reading import USUAL, Choice, read_scores
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201()
CELLS = [
    SPACE.encode(arch) for arch in ((0, 0, 0, 0, 0, 0), (3, 1, 2, 4, 0, 3), (1, 1, 1, 1, 1, 1))
]
TUPLES = [
    "[(('none', 0),), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 2))]",
    "[(('nor_conv_3x3', 0),), (('skip_connect', 0), ('nor_conv_1x1', 1)), "
    "(('avg_pool_3x3', 0), ('none', 1), ('nor_conv_3x3', 2))]",
    "[(('skip_connect', 0),), (('skip_connect', 0), ('skip_connect', 1)), "
    "(('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 2))]",
]
SCORES = dict(zip(CELLS, (10.0, 91.25, -0.5), strict=True))
SPELLINGS = {"strings": CELLS, "rows": [0, 1, 2], "tuples": TUPLES}


def make_table(archs):
    return Table(made_meta(), list(archs), {"test.5.mean": np.linspace(10, 90, len(archs))})


TABLE = make_table(CELLS)


@pytest.fixture
def read(tmp_path):
    """``read(name, content)``: the scores in a file of that name."""

    def write_and_read(name, content, table=TABLE, choice=USUAL):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_scores(path, table, choice=choice)

    return write_and_read


def parquet(**columns):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_layout_and_spelling_gives_the_same_scores(read, spelling):
    keys, values = SPELLINGS[spelling], list(SCORES.values())
    pairs = list(zip(keys, values, strict=True))
    lines = "".join(f'"{key}",{value}\r\n' for key, value in pairs)
    files = {
        "plain.csv": lines,
        "named.csv": "arch,score\n" + lines,
        "titled.csv": "\ufeffArch string,val_acc\n" + lines,
        "more.csv": "score,seed,arch\n" + "".join(f'{v},7,"{k}"\n' for k, v in pairs),
        "dict.json": json.dumps(dict(pairs)),
        "pairs.json": json.dumps(pairs),
        "objects.json": json.dumps([{"arch": k, "score": v, "seed": 7} for k, v in pairs]),
        "columns.parquet": parquet(score=values, arch=keys, truth=[0.0, 0.0, 0.0]),
    }
    for name, content in files.items():
        assert list(read(name, content).items()) == list(SCORES.items()), name


def test_a_table_string_that_looks_like_a_number_is_not_a_row(read):
    table = make_table(["20", "1", "02"])
    found = read("macro.json", '{"1": 0.1, "02": 0.2}', table)
    assert found == {"1": 0.1, "02": 0.2}
    with pytest.raises(UsageError, match="only where all names are row numbers"):
        read("mixed.json", '{"1": 0.1, "02": 0.2, "0": 0.3}', table)


@pytest.mark.parametrize(
    "head",
    [
        "acc,Unnamed: 0",
        "rank,arch_id",
        "score,model",
        "scores,a",
        "acc,index",
        "x,arch-no",
        "loss,archid",
    ],
)
def test_row_numbers_are_told_from_scores_that_are_whole_numbers_too(read, head):
    expected = {CELLS[1]: 0.0, CELLS[0]: 2.0}
    assert read("whole.csv", f"{head}\n0,1\n2,0\n") == expected
    names = head.split(",")
    assert read("w.csv", f"{names[1]},{names[0]}\n1,0\n0,2\n") == expected
    records = [dict(zip(names, row, strict=True)) for row in ((0, 1), (2, 0))]
    assert read("whole.json", json.dumps(records)) == expected


def test_row_numbers_beside_fractions_or_repeated_numbers_are_the_others(read):
    assert read("a.csv", "x,y\n0.5,1\n2,0\n") == {CELLS[1]: 0.5, CELLS[0]: 2.0}
    assert read("a.csv", "x,y\n1,0.5\n0,2\n") == {CELLS[1]: 0.5, CELLS[0]: 2.0}
    assert read("b.csv", "x,y\n7,1\n7,0\n") == {CELLS[1]: 7.0, CELLS[0]: 7.0}
    both = "rank,model\n0,1\n1,0\n"
    with pytest.raises(UsageError, match="both columns hold whole numbers, .*--arch-column"):
        read("c.csv", both)
    expected = {CELLS[1]: 0.0, CELLS[0]: 1.0}
    for choice in (Choice("model"), Choice("", "rank"), Choice("model", "rank")):
        assert read("c.csv", both, choice=choice) == expected
    with pytest.raises(UsageError, match="both columns hold whole numbers"):
        read("c.json", "[[0, 1], [1, 0]]")
    assert read("c.json", "[[0, 1], [1, 0]]", choice=Choice("", "0")) == expected


@pytest.mark.parametrize("name", ["", "id", "Unnamed: 0"])
def test_a_count_of_the_rows_is_no_score(read, name):
    content = "".join(f"{row},{cell}\n" for row, cell in enumerate(CELLS))
    with pytest.raises(UsageError, match="there is only a count of the rows; .*--score-column"):
        read("count.csv", f"{name},arch\n{content}")
    found = read("rank.csv", f"rank,arch\n{content}")
    assert found == {cell: float(row) for row, cell in enumerate(CELLS)}


def test_an_equal_repetition_counts_once(read):
    assert read("twice.csv", "0,0.5\n1,0.6\n0,0.5\n") == {CELLS[0]: 0.5, CELLS[1]: 0.6}


def test_rows_told_apart_by_seeds_are_averaged(read):
    lines = [(0, 1, 0.1), (1, 1, 0.4), (0, 2, 0.2), (0, 3, 0.9), (1, 2, -0.6), (0, 1, 0.1)]
    content = "arch,seed,score\n" + "".join(f"{a},{seed},{score}\n" for a, seed, score in lines)
    found = read("seeds.csv", content)
    assert found == pytest.approx({CELLS[0]: 0.4, CELLS[1]: -0.1})
    assert any("2 architectures have several rows" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xlsx", b"PK\x03\x04", "a zip archive"),
        ("a.pkl", b"\x80\x04", "which could run code"),
        ("a.npy", b"\x93NUMPY\x01", "this .npy file cannot be read"),
        ("empty.csv", "", "no scores"),
        ("blank.csv", "\n\n", "no scores"),
        ("header.csv", "arch,score\n", "no scores"),
        ("wide.csv", "0,1,2\n", "line 1 has 3 columns"),
        ("cut.csv", "0,1\n1,2\n2", "line 3 has 1 columns"),
        ("unquoted.csv", f"{TUPLES[0]},10\n", "tuples in double quotes"),
        ("quote.csv", '"0,1\n', "not a CSV file"),
        ("binary.csv", b"\xff\xfe\x00", "not a CSV file"),
        ("first.csv", f"{CELLS[0]},abc\n{CELLS[1]},0.5\n", "is no number: abc"),
        ("later.csv", "0,0.5\n1,abc\n", "the score of '1' is no number: abc"),
        ("nan.csv", "0,nan\n", "the score of '0' is nan"),
        ("conflict.csv", f"{CELLS[0]},1\n{CELLS[0]},2\n", "has two scores, 1.0 and 2.0"),
        ("written.csv", f'{CELLS[0]},1\n"{TUPLES[0]}",2\n', "has two scores, 1.0 and 2.0"),
        ("mixed.csv", f"0,1\n{CELLS[0]},2\n", "only where all names are row numbers"),
        ("row.csv", "3,1\n", "'3' is not in the table nb201-small-digits"),
        ("either.csv", "5,9\n7,3\n", "both columns hold whole numbers"),
        ("negative.csv", "-1,1\n", "'-1' is not in the table"),
        ("huge.csv", f"{'9' * 5000},1\n", "is not in the table"),
        ("empty.json", "{}", "no scores"),
        ("none.json", "[]", "no scores"),
        ("cut.json", '{"0": 1, "1', "cut short"),
        ("deep.json", "[" * 100_000, "not a JSON file"),
        ("number.json", "7", "write an object of architecture: score"),
        ("bare.json", "[1, 2]", "2 scores without architectures, and the table"),
        ("triple.json", "[[0, 1], [1, 2, 3]]", "entry 1 is '[1, 2, 3]'"),
        ("nameless.json", '[{"a": 0, "b": 1, "c": 2}]', "the columns are a, b, c"),
        ("nan.json", '{"0": NaN}', "the score of '0' is nan"),
        ("big.json", '{"0": 1' + "0" * 400 + "}", "the score of '0' is inf"),
        ("null.json", '{"0": null}', "is no number: None"),
        ("bool.json", '{"0": true}', "is no number: True"),
        ("repeat.json", '{"0": 1, "0": 2}', "has two scores"),
        ("unknown.json", '{"|conv~0|": 1}', "'|conv~0|' is not in the table"),
        ("shape.parquet", parquet(a=["0"], b=[1.0], c=[2.0]), "the columns are a, b, c"),
        ("null.parquet", parquet(arch=["0"], score=pa.array([None], pa.float64())), "no number"),
        ("text.parquet", b"arch,score", "no scores"),
        ("cut.parquet", parquet(arch=["0"], score=[1.0])[:-9], "not a parquet file"),
    ],
)
def test_defects_get_one_sentence(read, name, content, says):
    with pytest.raises(UsageError) as caught:
        read(name, content)
    message = str(caught.value)
    assert says in message and name in message
    assert "\n" not in message and len(message) < 500


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*absent.json: No such file"):
        read_scores(tmp_path / "absent.json", TABLE)
