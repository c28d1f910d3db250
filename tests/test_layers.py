"""The import contracts between and within the packages, and tidy sources."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINTER = str(Path(sys.executable).parent / "lint-imports")
# A line for a file that breaks each contract; also what only a type checker would import counts.
BREAKING = {
    "One-way layers": ("searchspaces/errors.py", "import methods.base"),
    "The rooms of harness": ("harness/files/sizes.py", "import harness.tasks.base"),
    "The rooms of reports": ("reports/runs/record.py", "import reports.page.compose"),
    "The rooms of printed papers": (
        "reports/papers/definition/fields.py",
        "import reports.papers.measured.cells",
    ),
    "No circles in harness": (
        "harness/files/sizes.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import harness.files.store",
    ),
    "No circles in search spaces and methods": ("methods/lazy.py", "import methods.scoring"),
    "No circles in reports": ("reports/style/theme.py", "import reports.style.formatting"),
}


def _run(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def _verdicts(folder: Path) -> dict[str, str]:
    """KEPT or BROKEN of each contract, for the sources in ``folder``."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [LINTER, "--no-cache"]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    ends = (line.rpartition(" ") for line in result.stdout.splitlines())
    return {name: verdict for name, _, verdict in ends if verdict in ("KEPT", "BROKEN")}


@pytest.fixture
def copied(tmp_path):
    """The sources, to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("searchspaces", "methods", "harness", "reports"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc", "*.parquet")
        )
    return tmp_path


@pytest.mark.slow
def test_imports_keep_to_the_contracts():
    _run(LINTER, "--no-cache")


@pytest.mark.slow
def test_what_breaks_a_contract_is_seen(copied):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    names = [contract["name"] for contract in contracts["contracts"]]
    assert BREAKING.keys() == set(names)
    assert _verdicts(copied) == dict.fromkeys(names, "KEPT")
    for name, (file, line) in BREAKING.items():
        path = copied / file
        before = path.read_text()
        path.write_text(f"{before}\n{line}\n")
        assert _verdicts(copied)[name] == "BROKEN"
        path.write_text(before)


def test_extras_are_imported_by_what_needs_them_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = ("optuna", "tensorboard", "wandb", "mlflow", "syne_tune", "torch.utils.tensorboard")
    extras += ("onnx", "onnxscript", "onnxruntime")
    at_once = re.compile(
        rf"^(?:from|import) (?:{'|'.join(map(re.escape, extras))})\b", re.MULTILINE
    )
    packages = ("searchspaces", "methods", "harness", "reports")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    assert not [file for file in files if at_once.search(file.read_text(encoding="utf-8"))]
    assert at_once.search("import os\nimport wandb\n") and len(files) > 300
    assert not [need for need in project["dependencies"] if need.startswith(extras)]


def test_every_package_says_that_it_is_typed_when_installed():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    for package in tools["importlinter"]["root_packages"]:
        assert (ROOT / package / "py.typed").exists()
        assert "py.typed" in tools["setuptools"]["package-data"][package]


@pytest.mark.slow
def test_types_of_the_interfaces_fit(tmp_path):
    _run(sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path))


@pytest.mark.slow
def test_ruff_is_content():
    _run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")
    _run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".")
