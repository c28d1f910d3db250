"""What the tests of exporting share: a run of a second that kept its weights."""

import pytest
import tiny

from harness.exporting.export import export_network


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A data folder with a small table, and an empty folder of runs for every call."""
    base = tmp_path_factory.mktemp("exporting")
    tiny.make_table(base / "data", seeds=2)
    return lambda name: {"data": base / "data", "runs": base / name}


@pytest.fixture(scope="module")
def run(runs):
    """The folder of a finished run, its record, and its folder of data."""
    folders = runs("spos")
    record = tiny.run_plainly(tiny.config("spos"), folders, keep_checkpoint=True)
    return folders["runs"] / record["run"], record, folders["data"]


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """The network that the run found, for PyTorch, and its card."""
    folder, _, data = run
    path = tmp_path_factory.mktemp("exported") / "found.pt2"
    return path, export_network(folder, path, "best", data=data)
