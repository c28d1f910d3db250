import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tabular.tfrecord import masked_crc32c, read_records
from searchspaces.errors import UsageError


def reference_crc32c(block):
    """Bit by bit, as RFC 3720 defines it."""
    crc = 0xFFFFFFFF
    for byte in block:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def checksum(block):
    crc = reference_crc32c(block)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")


def framed(payload):
    length = len(payload).to_bytes(8, "little")
    return length + checksum(length) + payload + checksum(payload)


def read(path):
    return [payload for batch in read_records(path) for payload in batch]


@pytest.mark.parametrize(
    ("block", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
    ],
)
def test_checksums_of_the_rfc(block, crc):
    assert reference_crc32c(block) == crc
    assert masked_crc32c([block])[0] == int.from_bytes(checksum(block), "little")


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_checksums_of_blocks_of_any_lengths(blocks):
    expected = [int.from_bytes(checksum(block), "little") for block in blocks]
    assert masked_crc32c(blocks).tolist() == expected


@settings(max_examples=30)
@given(payloads=st.lists(st.binary(max_size=60), max_size=8), size=st.integers(1, 3))
def test_payloads_come_back_in_order(payloads, size, tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "f.tfrecord"
    path.write_bytes(b"".join(map(framed, payloads)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.tabular.tfrecord._BATCH", size)
        assert read(path) == payloads


@pytest.fixture(scope="module")
def content():
    return b"".join(framed(bytes(range(i, i + 20))) for i in range(5))


@settings(max_examples=100)
@given(data=st.data())
def test_no_damaged_byte_goes_unnoticed(data, content, tmp_path_factory):
    offset = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[offset] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "f.tfrecord"
    path.write_bytes(damaged)
    with pytest.raises(UsageError, match=f"{path} is cut short or damaged"):
        read(path)


def test_a_file_cut_within_a_record_is_refused(content, tmp_path):
    path, record = tmp_path / "f.tfrecord", len(content) // 5
    for size in range(len(content)):
        path.write_bytes(content[:size])
        if size % record == 0:
            assert len(read(path)) == size // record
        else:
            with pytest.raises(UsageError, match="cut short"):
                read(path)


def test_a_record_of_impossible_length_is_not_read_into_memory(tmp_path):
    length = (1 << 40).to_bytes(8, "little")
    (tmp_path / "f.tfrecord").write_bytes(length + checksum(length))
    with pytest.raises(UsageError, match="a record of 1099511627776 bytes"):
        read(tmp_path / "f.tfrecord")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path / "missing.tfrecord")
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path)


def test_a_file_that_tensorflow_wrote(shared_data):
    payloads = read(shared_data / "nb101" / "ecnas_energy_4V9E_estimate.tfrecord")
    rows = [json.loads(payload) for payload in payloads]
    assert len(rows) == 364
    assert len({row[0] for row in rows}) == 91
    assert {row[1] for row in rows} == {4, 12, 36, 108}
    assert np.all([len(row[2]) == (row[3].count(",") + 1) ** 2 for row in rows])
