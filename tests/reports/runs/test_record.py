import hashlib
import json

import pandas as pd
import pytest

from reports.runs.record import is_run, load, load_all
from searchspaces.errors import UsageError


def test_values_are_found_by_nested_names(write_run, make_record):
    found = load(write_run("a", make_record(tau=0.5)))
    assert found.get("config", "method") == "spos"
    assert found.get("config", "nothing", "here") is None
    assert found.number("costs", "seconds") == 60
    assert found.interval("metrics", "all", "kendall_tau") == {
        "value": 0.5, "low": 0.46, "high": 0.54, "n": 600,
    }  # fmt: skip
    assert found.interval("ceiling", "validation")["value"] is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"schema_version": 1, "conf', "cannot read"),
        ("[1, 2]", "no record"),
        ('{"schema_version": 99}', "another version"),
        ('{"schema_version": 1, "config": {"method": "spos"}}', "config.space is missing"),
        ("{}", "another version"),
    ],
)
def test_damaged_records_are_refused(tmp_path, text, problem):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=problem):
        load(tmp_path)


@pytest.mark.parametrize("name", ["scores.parquet", "history.parquet"])
def test_a_file_that_is_not_what_the_run_wrote_is_named(write_run, make_record, name):
    content = b"a score of one run"
    sums = {name: hashlib.sha256(content).hexdigest()}
    folder = write_run("a", make_record(files=sums))
    path = folder / name
    path.write_bytes(content)
    assert load(folder).get("files") == sums
    path.write_bytes(content.replace(b"one", b"two"))
    with pytest.raises(UsageError, match=f"{name} is damaged.*delete the folder and run again"):
        load_all([folder])
    path.unlink()
    with pytest.raises(UsageError, match=f"{name} is missing, .*, or delete the folder and run"):
        load_all([folder])


@pytest.mark.parametrize("value", ["high", float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(write_run, make_record, value):
    found = load(write_run("a", make_record(metrics__all__kendall_tau__value=value)))
    with pytest.raises(UsageError, match="metrics.all.kendall_tau.value is no number"):
        found.interval("metrics", "all", "kendall_tau")


def test_what_is_no_interval_is_refused(write_run, make_record):
    found = load(write_run("a", make_record(floors__params=0.4)))
    with pytest.raises(UsageError, match="floors.params is no interval"):
        found.interval("floors", "params")


def test_folders_without_a_record_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no folder .*nowhere; give one of runs"):
        load(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no run, .*; give the folder that"):
        load_all([tmp_path])


@pytest.mark.parametrize("trace", ["checkpoint.pt", "scores.partial.jsonl", ".lock"])
def test_unfinished_runs_are_refused_alone_and_left_out_of_many(
    tmp_path, write_run, make_record, capsys, trace
):
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / trace).touch()
    assert is_run(begun)
    with pytest.raises(UsageError, match="not finished"):
        load(begun)
    finished = write_run("finished", make_record())
    (finished / ".lock").touch()
    assert [r.folder for r in load_all([begun, finished, finished])] == [finished.resolve()]
    assert f"left out {begun.resolve()}: the run is not finished" in capsys.readouterr().err
    with pytest.raises(UsageError, match="no finished run"):
        load_all([begun])


@pytest.mark.parametrize(
    "damage", ["absent", "truncated", "column", "nan", "empty", "structs", "moments", "nameless"]
)
def test_damaged_scores_are_refused(write_run, make_record, make_scores, damage):
    frame = make_scores(50)
    if damage == "column":
        frame = frame.drop(columns="truth")
    if damage == "nan":
        frame.loc[3, "score"] = float("nan")
    if damage == "empty":
        frame = frame.head(0)
    if damage == "structs":
        frame["score"] = [{"a": 1}] * 50
    if damage == "moments":
        frame["truth"] = pd.Timestamp("2020")
    if damage == "nameless":
        frame.loc[3, "arch"] = None
    folder = write_run("a", make_record(), None if damage == "absent" else frame)
    if damage == "truncated":
        path = folder / "scores.parquet"
        path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UsageError, match="scores.parquet"):
        load(folder).scores()


def test_records_are_read_as_written(write_run, make_record):
    content = make_record("mngnas", seed=2)
    folder = write_run("a", content)
    assert load(folder).content == json.loads(json.dumps(content)) | {"protocol": "all"}
