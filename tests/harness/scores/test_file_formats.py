"""What each kind of file holds: the tree, or the rows, whatever it is called."""

import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.scores import file_formats
from harness.scores.file_formats import read_content
from harness.scores.frame import Frame
from searchspaces.errors import UsageError


def npy(values, dtype=None):
    stream = io.BytesIO()
    np.save(stream, np.array(values, dtype))
    return stream.getvalue()


def parquet(names, *columns):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], names), sink)
    return sink.getvalue().to_pybytes()


def text_rows(*rows):
    return Frame([""] * len(rows[0]), [list(row) for row in rows], named=False)


NUMBERS = (
    "{'a': np.float64(1.5), 'b': tensor(2.5, device='cuda:0'), 'c': numpy.int32(-3), "
    "'d': array(4.), 'e': tensor(1e-05, grad_fn=<MeanBackward0>, dtype=torch.float64)}"
)
READ = {
    "s.json": ('{"a": 1, "b": [2], "a": 3}', [("a", 1), ("b", [2]), ("a", 3)]),
    "none": (' {"a": {"b": null}}', [("a", [("b", None)])]),
    "lines.jsonl": ('{"a": 1}\n\n{"b": 2}\n', [[("a", 1)], [("b", 2)]]),
    "lines of lists": ("[1, 2]\n[3, 4]\n", [[1, 2], [3, 4]]),
    "printed.txt": ("{'a': 1, 'b': (2, None)}", [("a", 1), ("b", [2, None])]),
    "numbers.txt": (NUMBERS, [("a", 1.5), ("b", 2.5), ("c", -3), ("d", 4.0), ("e", 1e-5)]),
    "default.txt": ("defaultdict(<class 'float'>, {'a': 1})", [("a", 1)]),
    "ordered.txt": ("OrderedDict([('a', 1)])", [["a", 1]]),
    "counter.txt": ("Counter({'a': 1})", [("a", 1)]),
    "assigned.py": ("\nscores = ['a', 2]\n", ["a", 2]),
    "called like another.json": ("# by hand\na,1\nb,2\n", text_rows("a1", "b2")),
    "of tabs.json": ("a\t1\nb\t2\n", text_rows("a1", "b2")),
    "of semicolons.JSON": ("a;1\nb;2\n", text_rows("a1", "b2")),
    "choices.csv": ("[1, 2];3\n[0, 1];4\n", text_rows(["[1, 2]", "3"], ["[0, 1]", "4"])),
    "zipped.csv.gz": (gzip.compress(b"a,1\nb,2"), text_rows("a1", "b2")),
    "zipped.gz": (gzip.compress(b'{"a": 1}'), [("a", 1)]),
    "mark.csv": ("a,1\nb,2".encode("utf-8-sig"), text_rows("a1", "b2")),
    "wide.csv": (b"\xff\xfe" + "a,ü\nb,2".encode("utf-16-le"), text_rows("aü", "b2")),
    "turned.csv": (b"\xfe\xff" + "a,1\nb,2".encode("utf-16-be"), text_rows("a1", "b2")),
    "one.npy": (npy([1.5, 2]), [1.5, 2]),
    "whole.npy": (npy([1, 2], "u1"), [1, 2]),
    "two.npy": (npy([[0, 1.5], [1, 2]]), [[0, 1.5], [1, 2]]),
    "text.npy": (npy([["a", "1.5"]]), [["a", "1.5"]]),
    "named.npy": (npy([("a", 1.5)], [("arch", "U4"), ("s", "f8")]), Frame(["arch", "s"], [["a", 1.5]])),
    "s.parquet": (parquet(["s", "arch"], [1, None], ["a", "b"]), Frame(["s", "arch"], [[1, "a"], [None, "b"]])),
    "index.csv": (parquet(["s", "__index_level_0__"], [1.5], ["a"]), Frame(["s", ""], [[1.5, "a"]])),
}  # fmt: skip


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_content(path)


@pytest.mark.parametrize("name", READ)
def test_its_content_is_read(tmp_path, name):
    content, expected = READ[name]
    assert read(tmp_path, name, content) == expected


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("s.json", "7", "it holds a single value"),
        ("s.json.gz", gzip.compress(b"7"), "it holds a single value"),
        ("s.json", '{"a": 1, ', r"not a JSON file, or it is cut short: .*property name.*char 9"),
        ("s.txt", "{'a': 1, 'b'", "not a JSON file, or it is cut short"),
        ("s.npy", npy([[[1.0, 2.0]]]), r"this array of float64 has the shape \(1, 1, 2\)"),
        ("s.npy", npy([True, False]), r"this array of bool has the shape \(2,\)"),
        ("s.npy", npy([[("a", 1)]], [("x", "U1"), ("y", "i4")]), "has the shape"),
        ("s.npy", npy([None, 2]), r"this .npy file cannot be read"),
        ("s.parquet", parquet(["s", "s"], [1], [2]), "several columns of one name: s, s"),
        ("s.xlsx", b"PK\x03\x04", "this is a zip archive"),
        ("s.csv.gz", gzip.compress(b"a,1\nb,2")[:-4], "this gzip archive is damaged"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path, name, content, said):
    with pytest.raises(UsageError, match=f"{name}: .*{said}"):
        read(tmp_path, name, content)


def test_a_printed_dict_may_be_so_long_and_no_longer(tmp_path, monkeypatch):
    text = "{'a': 1}"
    monkeypatch.setattr(file_formats, "_LONGEST_REPR", len(text))
    assert read(tmp_path, "s.txt", text) == [("a", 1)]
    with pytest.raises(UsageError, match="not a JSON file"):
        read(tmp_path, "s.txt", "{'ab': 1}")
