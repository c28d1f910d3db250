"""The runs of the package: read where a folder has none, and packed as they were written."""

import json
from pathlib import Path

import pytest
import tiny

from harness.commands.run import main as run
from harness.measured import packaged
from reports.runs.record import load, run_folders
from searchspaces.errors import UsageError


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a finished run and one that was only begun."""
    place = tmp_path_factory.mktemp("packed")
    tiny.make_table(place)
    folder = place / "runs"
    run([*tiny.arguments("spos"), "--data", str(place), "--runs", str(folder)])
    (folder / "begun").mkdir()
    (folder / "begun" / "checkpoint.pt").write_bytes(b"")
    return folder


@pytest.mark.slow
def test_a_packed_run_is_the_run_without_what_is_large(runs, tmp_path):
    (packed,) = packaged.pack(runs, tmp_path / "package")
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    assert sorted(path.name for path in packed.iterdir()) == sorted(packaged.KEPT)
    for name in packaged.KEPT:
        assert (packed / name).read_bytes() == (folder / name).read_bytes()
    assert load(packed).content == load(folder).content
    assert load(packed).scores().equals(load(folder).scores())


def test_a_folder_without_a_finished_run_is_told(tmp_path):
    with pytest.raises(UsageError, match="holds no finished run"):
        list(packaged.pack(tmp_path, tmp_path / "package"))


@pytest.mark.slow
def test_measured_are_the_packaged_runs_unless_a_folder_is_called_so(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged, "PACKAGED", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    (packed,) = packaged.pack(runs, tmp_path / "package")
    assert run_folders([Path("measured")]) == [packed]
    assert packaged.places(Path("measured")) == (tmp_path / "package",)
    assert packaged.places(runs) == (runs, tmp_path / "package")
    (tmp_path / "measured" / packed.name).mkdir(parents=True)
    assert packaged.place(Path("measured")) == Path("measured")


@pytest.mark.parametrize("folder", sorted(packaged.PACKAGED.glob("*")), ids=lambda path: path.name)
def test_each_run_of_the_package_is_whole(folder):
    record = load(folder)
    assert len(record.scores()) == record.get("n")
    assert sorted(path.name for path in folder.iterdir()) == sorted(packaged.KEPT)
    # Nothing of the machine that it ran on but what its results may hang on.
    assert "/home" not in json.dumps(record.content) and "/tmp" not in json.dumps(record.content)
