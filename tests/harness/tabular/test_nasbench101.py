import base64
import json
import struct

import numpy as np
import pytest

from harness.tabular.nasbench101 import IMPORTER
from harness.tabular.nasbench101_tfrecord import _edges, _operators
from harness.tabular.table import Table
from harness.tabular.tfrecord import masked_crc32c, read_records
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import EDGES, INTERIOR, OPERATORS, OUTPUT, decode_cell, live_cell
from searchspaces.nb101.cell import module_hash as hash_of
from searchspaces.nb101.space import NASBench101

OFFICIAL, MEANS = "nasbench_only108.tfrecord", "nb101_108epochs_mean_test.npz"
SPACE = NASBench101()


def matrix_of(genes):
    """Adjacency matrix of the live cell and the names of its vertices, in its own order."""
    cell = live_cell(genes)
    order = [0, *(v.slot for v in cell.vertices), OUTPUT]
    matrix = np.zeros((len(order), len(order)), dtype=int)
    for slot, parents in [*((v.slot, v.parents) for v in cell.vertices), (OUTPUT, cell.output)]:
        for parent in parents:
            matrix[order.index(parent), order.index(slot)] = 1
    return matrix, ["input", *(OPERATORS[v.operator] for v in cell.vertices), "output"]


def varint(value):
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def measurements(params, val, test):
    """A ModelMetrics message with three evaluations, the last of which counts."""
    message = b""
    for epoch, accuracies in ((0.0, (0.1, 0.1)), (54.0, (0.5, 0.5)), (108.0, (val, test))):
        values = (epoch, 13.0 * epoch, 0.999, *accuracies)
        doubles = b"".join(
            bytes([number << 3 | 1]) + struct.pack("<d", value)
            for number, value in enumerate(values, start=1)
        )
        doubles += b"\x32\x04path"
        message += b"\x0a" + varint(len(doubles)) + doubles
    return message + b"\x10" + varint(params) + b"\x19" + struct.pack("<d", 1769.1)


def record(genes, params, val, test, **changes):
    matrix, names = matrix_of(genes)
    fields = {
        "hash": hash_of(genes),
        "epochs": 108,
        "adjacency": "".join(map(str, matrix.ravel())),
        "operators": ",".join(names),
        "metrics": base64.encodebytes(measurements(params, val, test)).decode(),
    }
    return json.dumps(list((fields | changes).values())).encode()


def write(path, payloads):
    lengths = [struct.pack("<Q", len(payload)) for payload in payloads]
    checksums = masked_crc32c(lengths), masked_crc32c(payloads)
    rows = zip(lengths, checksums[0], payloads, checksums[1], strict=True)
    with open(path, "wb") as stream:
        for length, first, payload, second in rows:
            stream.write(length + struct.pack("<I", first) + payload + struct.pack("<I", second))
    return path


@pytest.fixture(scope="module")
def runs():
    """200 cells, with params and three (val, test) fractions each."""
    rng = np.random.default_rng(0)
    cells = {SPACE.sample(rng): None for _ in range(198)} | {
        decode_cell("out:0"): None,
        decode_cell("max:0|out:01"): None,
    }
    params = rng.integers(10**5, 10**8, len(cells)).tolist()
    return list(zip(cells, params, rng.uniform(0.1, 0.95, (len(cells), 3, 2)), strict=True))


@pytest.fixture(scope="module")
def official(runs, tmp_path_factory):
    payloads = [record(g, p, *acc[k]) for g, p, acc in runs for k in range(3)]
    return write(tmp_path_factory.mktemp("official") / OFFICIAL, payloads)


def test_every_run_of_the_official_file(official, runs, tmp_path):
    (table,) = IMPORTER.read(official)
    assert table.archs == [SPACE.encode(genes) for genes, _, _ in runs]
    assert table.params.tolist() == [params for _, params, _ in runs]
    accuracies = np.array([acc for _, _, acc in runs])
    for index, split in enumerate(("val", "test")):
        assert table.seeds(split) == ["0", "1", "2"]
        for repeat in range(3):
            found = table.accuracy(split, 108, repeat)
            np.testing.assert_allclose(found, 100 * accuracies[:, repeat, index], rtol=1e-15)
        np.testing.assert_allclose(
            table.accuracy(split), 100 * accuracies[:, :, index].mean(axis=1), rtol=1e-14
        )
        assert table.meta.resolution[split] == 0.01
    assert table.meta.name == "nb101-benchmark-cifar10" and table.meta.epochs == 108
    assert "Partial: 200 of 423624" in table.meta.notes and "SHA-256 differs" in table.meta.notes
    assert table.madds is None
    table.save(tmp_path / "t.parquet")
    assert Table.load(tmp_path / "t.parquet").meta == table.meta


def test_repeats_may_be_scattered_and_fewer(runs, tmp_path):
    payloads = [record(g, p, *acc[k]) for k in range(3) for g, p, acc in runs[: 9 - 3 * k]]
    (table,) = IMPORTER.read(write(tmp_path / OFFICIAL, payloads))
    assert table.archs == [SPACE.encode(genes) for genes, _, _ in runs[:9]]
    for repeat in range(3):
        trained = ~np.isnan(table.accuracy("test", seed=repeat))
        assert trained.tolist() == [row < 9 - 3 * repeat for row in range(9)]
    assert table.accuracy("test")[8] == pytest.approx(100 * runs[8][2][0, 1])


def test_cells_in_another_labelling_are_the_same_architectures(tmp_path):
    genes = decode_cell("max:0|3x3:0|out:12")
    (table,) = IMPORTER.read(write(tmp_path / OFFICIAL, [record(genes, 9, 0.5, 0.5)]))
    assert table.archs == ["3x3:0|max:0|out:12"] == [SPACE.encode(genes)]


def test_multiply_adds_come_from_the_cost_model(official, runs):
    (table,) = IMPORTER.read(official, lambda arch, task: (0, len(arch) + len(task)))
    assert table.madds.tolist() == [len(arch) + len("cifar10") for arch in table.archs]
    assert table.params.tolist() == [params for _, params, _ in runs]


GENES = decode_cell("3x3:0|max:01|out:12")
DAMAGED = [
    ({"epochs": 36}, "36 epochs"),
    ({"operators": "input,conv3x3-bn-relu,avgpool,output"}, "avgpool|not in"),
    ({"operators": "conv3x3-bn-relu,maxpool3x3,maxpool3x3,output"}, "operators"),
    ({"operators": "input,conv3x3-bn-relu,output"}, "16 entries"),
    ({"adjacency": "0110001100010002"}, "in a matrix"),
    ({"adjacency": "0110001110010000"}, "ValueError"),  # an edge backwards
    ({"adjacency": "0100000100010000"}, "row 1 is not a pruned cell"),  # a loose end
    ({"metrics": base64.b64encode(measurements(1, 0.5, 0.5)[:100]).decode()}, "ValueError|Index"),
    ({"metrics": base64.b64encode(measurements(1, 0.5, 0.5)[:47]).decode()}, "cut short"),
    ({"metrics": ""}, "ValueError"),
    ({"metrics": 3}, "TypeError"),
    ({"metrics": base64.b64encode(measurements(1 << 63, 0.5, 0.5)).decode()}, "OverflowError"),
    ({"operators": 3}, "AttributeError"),
    (
        {"metrics": base64.b64encode(measurements(1, 1.5, 0.5)).decode()},
        r"accuracies of \[1.5, 0.5\]",
    ),
    (
        {"metrics": base64.b64encode(measurements(1, float("nan"), 0.5)).decode()},
        r"accuracies of \[nan, 0.5\]",
    ),
    ({"more": 1}, "ValueError"),
]


@pytest.mark.parametrize(("changes", "reason"), DAMAGED)
def test_a_record_in_another_layout_is_refused(changes, reason, tmp_path):
    other = record(decode_cell("out:0"), 1, 0.5, 0.5)
    path = write(tmp_path / OFFICIAL, [other, record(GENES, 1, 0.5, 0.5, **changes)])
    with pytest.raises(UsageError, match=reason) as error:
        IMPORTER.read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("payloads", "reason"),
    [
        ([], "is empty"),
        ([b"{"], "JSONDecodeError"),
        ([b"\xff"], "Unicode"),
        ([b"[" * 5000], "RecursionError"),
        ([record(GENES, 1, 0.5, 0.5)] * 4, "more than 3"),
        ([record(GENES, 1, 0.5, 0.5, hash=name) for name in "ab"], "several rows"),
    ],
)
def test_other_files_are_refused(payloads, reason, tmp_path):
    with pytest.raises(UsageError, match=reason):
        IMPORTER.read(write(tmp_path / OFFICIAL, payloads))


def test_a_damaged_or_unknown_file_is_refused(official, tmp_path):
    content = bytearray(official.read_bytes())
    content[len(content) // 2] ^= 1
    for name, whole in ((OFFICIAL, content), (OFFICIAL, content[:-1]), (MEANS, b"PK"), ("x", b"")):
        (tmp_path / name).write_bytes(whole)
        with pytest.raises(UsageError, match="damaged|no known file") as error:
            IMPORTER.read(tmp_path / name)
        assert name in str(error.value)


def test_the_official_file_comes_before_the_means(runs, official, tmp_path):
    (tmp_path / OFFICIAL).symlink_to(official)
    (tmp_path / MEANS).write_bytes(b"not read")
    (table,) = IMPORTER.read(tmp_path)
    assert len(table) == len(runs)


def test_cells_of_a_file_that_tensorflow_wrote_have_the_hashes_it_says(shared_data):
    path = shared_data / "nb101" / "ecnas_energy_4V9E_estimate.tfrecord"
    for payload in next(read_records(path)):
        name, _, adjacency, operators, _ = json.loads(payload)
        genes = tuple(_operators(operators) + _edges(adjacency, operators.count(",") + 1))
        assert hash_of(genes) == name


@pytest.fixture(scope="module")
def means(shared_data):
    (table,) = IMPORTER.read(shared_data / "nb101" / MEANS)
    return table


@pytest.mark.slow
def test_the_means_of_all_cells(means, shared_data):
    with np.load(shared_data / "nb101" / MEANS) as stored:
        hashes, accuracy = stored["module_hash"], stored["mean_test_acc_108"]
    assert len(means) == 423_624 and "SHA-256" not in means.meta.notes
    np.testing.assert_array_equal(means.accuracy("test"), 100 * accuracy)
    assert means.accuracy("test").max() == pytest.approx(94.3176, abs=1e-4)
    for row in np.random.default_rng(0).choice(len(means), 300, replace=False):
        genes = SPACE.decode(means.archs[row])
        assert SPACE.encode(genes) == means.archs[row]
        assert SPACE.canonical(genes) == hashes[row].tobytes().hex()


@pytest.mark.slow
def test_a_table_of_all_cells_finds_every_one(means, tmp_path):
    rng = np.random.default_rng(0)
    columns = {
        f"{split}.108.{seed}": 100 * rng.uniform(size=len(means)).astype(np.float32)
        for split in ("val", "test")
        for seed in ("mean", 0, 1, 2)
    }
    table = Table(means.meta, means.archs, columns, means.params, means.params)
    table.save(tmp_path / "t.parquet")
    loaded = Table.load(tmp_path / "t.parquet")
    rows = rng.integers(len(loaded), size=10**6)
    names = [loaded.archs[row] for row in rows]
    np.testing.assert_array_equal(loaded.index(names), rows)
    np.testing.assert_array_equal(loaded.accuracy("val"), columns["val.108.mean"])


def test_layout_of_the_means(tmp_path):
    """A 4-vertex cell written bit by bit: edges 0-1, 0-2, 1-2, 1-3, 2-3 of the upper triangle."""
    np.savez(
        tmp_path / MEANS,
        n_vertices=np.array([4], np.uint8),
        adj_bits=np.array([0b111011], np.uint32),
        ops_base3=np.array([0 + 3 * 2], np.uint8),
        trainable_params=np.array([123], np.int32),
        mean_test_acc_108=np.array([0.9]),
    )
    (table,) = IMPORTER.read(tmp_path / MEANS)
    assert table.archs == ["3x3:0|max:01|out:12"]
    assert table.accuracy("test").tolist() == [90.0]
    assert "Partial" in table.meta.notes
    assert len(EDGES) + INTERIOR == 26


@pytest.mark.parametrize(
    "changes",
    [
        {"n_vertices": np.array([100_000])},
        {"n_vertices": np.array([1])},
        {"n_vertices": np.array(4)},
        {"adj_bits": np.array([0.5])},
        {"adj_bits": np.array([1, 2])},
        {"mean_test_acc_108": np.array(["much"])},
        {"trainable_params": np.array([{}])},
    ],
)
def test_means_of_another_layout_are_refused(changes, tmp_path):
    usual = {
        "n_vertices": np.array([4], np.uint8),
        "adj_bits": np.array([0b111011], np.uint32),
        "ops_base3": np.array([6], np.uint8),
        "trainable_params": np.array([123]),
        "mean_test_acc_108": np.array([0.9]),
    }
    np.savez(tmp_path / MEANS, **usual | changes)
    with pytest.raises(UsageError, match=f"{MEANS} is damaged or another file"):
        IMPORTER.read(tmp_path / MEANS)
