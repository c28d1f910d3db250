"""What the tests of whole runs share."""

import pytest
import tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A data folder with a small table, and an empty folder of runs for every call."""
    base = tmp_path_factory.mktemp("pipeline")
    tiny.make_table(base / "data", seeds=2)
    return lambda name: {"data": base / "data", "runs": base / name}
