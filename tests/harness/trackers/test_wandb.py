"""Weights & Biases without an account, read back from the files that it would send."""

import json
import struct

import pytest
import tracked

pytest.importorskip("wandb", reason="Weights & Biases is the extra 'wandb'")


def records(path):
    """What is in a log of chunks, as LevelDB writes them."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := 2**15 - at % 2**15) < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        parts += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(parts)
            parts = b""


@pytest.mark.slow
def test_a_run_goes_on_under_the_same_name_after_a_kill(tmp_path, monkeypatch):
    for name, value in (("WANDB_MODE", "offline"), ("WANDB_CACHE_DIR", str(tmp_path / "cache"))):
        monkeypatch.setenv(name, value)
    tracked.tell_and_die(["wandb"], tmp_path)
    tracked.tell_all(["wandb"], tmp_path)
    first, last = files = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert {file.name for file in files} == {f"run-{tracked.NAME}.wandb"}
    (code,) = (record.exit.exit_code for record in records(first) if record.HasField("exit"))
    assert code == 1
    told = list(records(last))  # all of the run
    (begun,) = (record.run for record in told if record.HasField("run"))
    options = {item.key: item.value_json for item in begun.config.update}
    assert (begun.run_id, options["train.steps"]) == (tracked.NAME, "100")
    rows = [
        {item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        for record in told
        if record.HasField("history")
    ]
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4]
    assert (rows[0]["train/loss"], rows[0]["train/step"]) == (2.5, 50)
    assert (rows[1]["watch/tau"], rows[2]["search/best"]) == (0.4, 90)
    assert [rows[at]["result/step"] for at in (3, 4)] == [0, 100]
    for name, value in tracked.LINES.items():
        assert rows[3][name] == rows[4][name] == value
