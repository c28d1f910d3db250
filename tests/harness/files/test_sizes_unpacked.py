"""Small files that unpack to much are refused before they do."""

import gzip
import io
import os
import pickle
import tarfile
import tracemalloc
import zipfile
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tables import made_meta

from harness.files.checksums import BLANK, seal
from harness.files.sizes import LIMITS, check_parquet, check_zip
from harness.resuming.workspace import load_tensors, save_tensors
from harness.scores.reading import read_scores
from harness.tabular.importer import IMPORTERS
from harness.tabular.table import Table
from harness.tasks.cifar_parquet import read_parquet
from harness.tasks.pickled_batches import parse_batch, read_batches
from reports.runs.record import Record
from searchspaces.errors import UsageError

LONG = "x" * 100_000


def repeated(value, rows: int = 20_000) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def columns(kind: str) -> dict[str, pa.Array]:
    """Much in little, in the columns that readers ask for."""
    if kind == "numbers":
        return {"arch": pa.nulls(40_000_000, pa.string()), "score": pa.nulls(40_000_000, pa.int8())}
    if kind == "texts":
        return {"arch": repeated(LONG), "score": pa.array(np.zeros(20_000))}
    images = pa.StructArray.from_arrays([repeated(LONG.encode())], ["bytes"])
    return {"img": images, "label": pa.array(np.zeros(20_000, np.int64))}


@cache
def bomb(kind: str) -> bytes:
    """A parquet file of some kilobytes that decodes to gigabytes."""
    sink = pa.BufferOutputStream()
    table = pa.table(columns(kind))
    with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"seal": BLANK.decode()})
    content = sink.getvalue().to_pybytes()
    assert len(content) < 300_000
    return seal(content)


def written(path: Path, kind: str) -> Path:
    path.write_bytes(bomb(kind))
    return path


def refused(read, *words, most=30_000_000) -> None:
    """In a sentence that says what it unpacks to, and with little memory."""
    usual = pa.default_memory_pool()
    watched = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(watched)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError) as caught:
            read()
        peak = tracemalloc.get_traced_memory()[1] + watched.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)
    assert "unpacks to" in str(caught.value) and "bytes, where a" in str(caught.value)
    assert all(word in str(caught.value) for word in words)
    assert peak < most


# Parquet ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_scores_that_decode_to_much(tmp_path, kind):
    table = Table(made_meta(), ["a"], {"test.5.mean": np.ones(1)})
    path = written(tmp_path / "scores.parquet", kind)
    refused(lambda: read_scores(path, table), str(path), "a score file may have")
    refused(lambda: Record(tmp_path, {}).scores(), str(path), "a table may have")


@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_a_table_that_decodes_to_much(tmp_path, kind):
    path = written(tmp_path / "t.parquet", kind)
    refused(lambda: Table.load(path), str(path), "a table may have")


def test_a_published_table_that_decodes_to_much(tmp_path):
    path = written(tmp_path / "nb201_v1_1.parquet", "texts")
    refused(lambda: IMPORTERS["nb201"].read(path), str(path), "a table may have")


def test_encoded_images_that_decode_to_much(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    path = written(tmp_path / "train.parquet", "images")
    refused(lambda: read_parquet(path, "label"), str(path), "a set of images may have")


NESTED = {
    "plain": (pa.string(), LONG),
    "large": (pa.large_string(), LONG),
    "bytes of one length": (pa.binary(100_000), LONG.encode()),
    "list": (pa.list_(pa.string()), [LONG]),
    "large list": (pa.large_list(pa.string()), [LONG]),
    "list of one length": (pa.list_(pa.string(), 2), [LONG, LONG]),
    "map": (pa.map_(pa.string(), pa.string()), [("k", LONG)]),
    "struct of lists": (pa.struct([("a", pa.list_(pa.string()))]), {"a": [LONG]}),
    "list of structs": (pa.list_(pa.struct([("a", pa.binary())])), [{"a": LONG.encode()}]),
}


@pytest.mark.parametrize("store_schema", [True, False])
@pytest.mark.parametrize("name", NESTED)
def test_texts_are_found_wherever_they_are(tmp_path, monkeypatch, name, store_schema):
    monkeypatch.setitem(LIMITS, "table", 3)
    kind, value = NESTED[name]
    for rows, group in ((40, 40), (40, 7)):
        table = pa.table({"n": range(rows), "c": pa.array([value] * rows, kind)})
        pq.write_table(table, tmp_path / "t", row_group_size=group, store_schema=store_schema)
        refused(lambda: check_parquet(tmp_path / "t", "table"))
    pq.write_table(table[:5], tmp_path / "t", store_schema=store_schema)
    check_parquet(tmp_path / "t", "table")


@pytest.mark.slow
@given(
    st.lists(st.none() | st.text(max_size=9), min_size=1, max_size=40),
    st.integers(1, 50),
    st.booleans(),
)
def test_texts_count_about_as_much_as_they_decode_to(tmp_path_factory, values, group, code):
    path, values = tmp_path_factory.mktemp("t") / "t.parquet", 9 * values
    table = pa.table({"c": pa.array(values, pa.string()), "n": range(len(values))})
    pq.write_table(table, path, row_group_size=group, use_dictionary=code)
    texts = sum(len(value.encode()) for value in values if value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LIMITS, "table", (texts + 8 * len(values) - 1) / 1e6)
        with pytest.raises(UsageError, match="unpacks to"):
            check_parquet(path, "table")
        groups = -(-len(values) // group)
        patch.setitem(LIMITS, "table", (2 * texts + 30 * len(values) + 800 * groups) / 1e6)
        check_parquet(path, "table")


# Archives ---------------------------------------------------------------------------------------


def test_an_npz_that_unpacks_to_much(tmp_path, monkeypatch):
    path = tmp_path / "nb101_108epochs_mean_test.npz"
    np.savez_compressed(path, n_vertices=np.zeros(8_000_000, np.int8))
    monkeypatch.setitem(LIMITS, "table", 8)
    refused(lambda: IMPORTERS["nb101"].read(path), str(path), most=1_000_000)


def test_an_npz_that_claims_more_than_it_has(tmp_path):
    path = tmp_path / "nb101_108epochs_mean_test.npz"
    header = io.BytesIO()
    shape = {"descr": "|i1", "fortran_order": False, "shape": (1 << 60,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("n_vertices.npy", header.getvalue())
    with pytest.raises(UsageError, match="is damaged or another file"):
        IMPORTERS["nb101"].read(path)


def test_a_checkpoint_that_unpacks_to_much(tmp_path, monkeypatch):
    path = tmp_path / "c.pt"
    save_tensors(path, {"w": torch.zeros(1000)})
    size = sum(len(member) for member in unpacked(path))
    monkeypatch.setitem(LIMITS, "checkpoint", max(size, path.stat().st_size) / 1e6)
    assert torch.equal(load_tensors(path)["w"], torch.zeros(1000))
    monkeypatch.setitem(LIMITS, "checkpoint", 1)
    packed(path, {"c/data.pkl": bytes(4_000_000)})
    refused(lambda: load_tensors(path), str(path), most=1_000_000)


def unpacked(path):
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def packed(path, members):
    """A deflated zip file with its checksum behind it, as checkpoints have."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    content = buffer.getvalue()
    assert len(content) < 100_000
    path.write_bytes(content + sha256(content).digest())


def test_the_official_file_unpacks_to_no_more_than_its_limit(tmp_path, monkeypatch):
    pytest.importorskip("nas_201_api")
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    packed(path, {"archive/data.pkl": bytes(4_000_000)})
    monkeypatch.setitem(LIMITS, "published benchmark", 3)
    refused(lambda: IMPORTERS["nb201"].read(path), str(path), most=1_000_000)


def test_members_of_a_zip_count_together(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for name in "abc":
            archive.writestr(name, bytes(1000))
    monkeypatch.setitem(LIMITS, "table", 3000 / 1e6)
    check_zip(tmp_path / "z", "table")
    monkeypatch.setitem(LIMITS, "table", 2999 / 1e6)
    refused(lambda: check_zip(tmp_path / "z", "table"), "3,000 bytes")


def tar(members, style=tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=style) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


BATCH = pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1]}, protocol=3)
ARCHIVES = {
    "a long member": tar({"test": bytes(8_000_000)}),
    "another long member": tar({"other": bytes(8_000_000), "test": BATCH}),
    "a long name": tar({"x" * 8_000_000: b"", "test": BATCH}),
    "a long name in a header of its own": tar({"x" * 8_000_000: b""}, tarfile.PAX_FORMAT),
    "what follows the end": tar({"test": BATCH}) + bytes(8_000_000),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_unpacked_up_to_its_limit(tmp_path, monkeypatch, name):
    path = tmp_path / "c.tar.gz"
    path.write_bytes(gzip.compress(ARCHIVES[name]))
    monkeypatch.setitem(LIMITS, "set of images", 1)
    refused(lambda: read_batches(path, ["test"], "labels"), str(path), most=6_000_000)


def test_a_member_that_claims_to_be_large_is_not_begun(tmp_path):
    member = tarfile.TarInfo("test")
    member.size = 8 * 10**9
    path = tmp_path / "c.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf() + bytes(10_000_000)))
    words = f"test in {path} unpacks to 8,000,000,000 bytes", "a batch of images may have"
    refused(lambda: read_batches(path, ["test"], "labels"), *words, most=1_000_000)


def test_an_archive_as_large_as_may_be(tmp_path, monkeypatch):
    path, content = tmp_path / "c.tar.gz", tar({"test": BATCH})
    path.write_bytes(gzip.compress(content))
    monkeypatch.setitem(LIMITS, "set of images", len(content) / 1e6)
    assert read_batches(path, ["test"], "labels")["test"][1].tolist() == [0, 1]
    monkeypatch.setitem(LIMITS, "set of images", (len(content) - 1) / 1e6)
    refused(lambda: read_batches(path, ["test"], "labels"), "unpacks to at least")


# Pickles ----------------------------------------------------------------------------------------


def test_a_pickle_does_not_fill_the_memory_with_numbers_of_objects(tmp_path):
    content = b"\x80\x02]r" + (1 << 22).to_bytes(4, "little") + b"."
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="damaged"):
            parse_batch(content, tmp_path / "test", "labels", 16)
        ours = tracemalloc.get_traced_memory()[1]
        pickle.loads(content)
        theirs = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ours < 1_000_000 < theirs  # bytes; the largest number would make it 32 GB


def test_the_largest_record_of_a_tfrecord_file_fits_many_times_into_memory(tmp_path):
    from harness.tabular import tfrecord

    assert tfrecord._LONGEST * tfrecord._BATCH <= 1 << 27
    path = tmp_path / "nasbench_only108.tfrecord"
    path.write_bytes((tfrecord._LONGEST + 1).to_bytes(8, "little") + bytes(4) + os.urandom(9000))
    with pytest.raises(UsageError, match=f"a record of {tfrecord._LONGEST + 1} bytes"):
        IMPORTERS["nb101"].read(path)
