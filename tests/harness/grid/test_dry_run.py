"""A dry run names runs and carries none out."""

import json
from pathlib import Path

import pytest
import tiny

from harness.cli import main
from harness.config.config import SCHEMA_VERSION


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    tiny.make_table(folder)
    return folder


def test_a_dry_run_names_what_is_finished_and_what_is_to_do(data, tmp_path, capsys):
    line = ["grid", "--method", "spos", "fairnas", "--preset", "smoke", "--seed", "0", "1"]
    line += ["--data", str(data), "--runs", str(tmp_path / "runs"), "--dry-run"]
    assert main(line) == 0
    planned = capsys.readouterr().out.splitlines()
    assert [row.split()[1:] for row in planned] == [["to", "do"]] * 4
    assert not (tmp_path / "runs").exists()
    folders = [Path(row.split()[0]) for row in planned]
    methods = [folder.name.split("-")[2] for folder in folders]
    assert methods == ["spos", "spos", "fairnas", "fairnas"]
    folders[2].mkdir(parents=True)
    (folders[2] / "run.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION}))
    assert main(line) == 0
    again = capsys.readouterr().out.splitlines()
    assert again == [f"{folders[2]}  finished", *(planned[n] for n in (0, 1, 3))]
