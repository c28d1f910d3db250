"""Fixtures shared by all tests."""

import os
import random
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: tests run in parallel processes

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "steady", deadline=None, derandomize=True, max_examples=50, print_blob=True
)
hypothesis.settings.register_profile("campaign", deadline=None, max_examples=1000, print_blob=True)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=1,
        metavar="N",
        help="how often tests/reliability kills each kind of job",
    )
    parser.addoption(
        "--samples",
        type=int,
        default=0,
        metavar="N",
        help="samples of each kind whose intervals are counted; 0: as few as tell",
    )


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names are the same in every process: bytes (an archive carries its time) are not in them."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """No test depends on how many random numbers those before it drew, nor do its fixtures."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real benchmark data; the test is skipped where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NAS_HARNESS_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real benchmark data: set NAS_HARNESS_DATA to a folder that has it")
    return folder


@pytest.fixture(autouse=True)
def no_packaged_runs(request, monkeypatch, tmp_path_factory):
    """Folders of runs are what a test puts into them; those of the package have their own tests."""
    from harness.measured import packaged

    if request.module.__name__.rpartition(".")[2] != "test_packaged":
        monkeypatch.setattr(packaged, "PACKAGED", tmp_path_factory.getbasetemp() / "no-package")
