"""The one-way imports searchspaces <- methods <- harness <- reports, and tidy sources."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def _run(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_imports_go_one_way():
    _run(str(Path(sys.executable).parent / "lint-imports"), "--no-cache")


def test_ruff_is_content():
    _run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")
    _run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".")
