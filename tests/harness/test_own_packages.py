"""A working folder with packages of the same names hides nothing; other hidings are told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness

HOME = Path(harness.__file__).resolve().parent.parent
COMMANDS = {
    "harness": (["list"], "methods, each"),
    "harness.run": (["--help"], "usage: nas-harness run"),
    "harness.conformance": (["--help"], "usage: nas-harness conformance"),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "__init__.py").write_text("raise RuntimeError('not mine')\n")
    (tmp_path / "searchspaces").mkdir()  # a folder alone is a package too
    (tmp_path / "reports.py").write_text("raise RuntimeError('not mine')\n")
    return tmp_path


def called(module, arguments, cwd, *path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("module", COMMANDS)
def test_a_working_folder_with_the_same_names_hides_nothing(folder, module):
    arguments, begins = COMMANDS[module]
    ended = called(module, arguments, folder, HOME)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(begins)


@pytest.mark.parametrize("module", COMMANDS)
def test_what_hides_a_package_from_the_path_is_named(folder, tmp_path, module):
    (tmp_path / "elsewhere").mkdir()
    ended = called(module, COMMANDS[module][0], tmp_path / "elsewhere", folder, HOME)
    assert ended.returncode == 2
    assert ended.stdout == "" and ended.stderr.count("\n") == 1
    assert (
        f"the package 'methods' that Python finds is not the harness's but {folder}" in ended.stderr
    )
    assert "PYTHONPATH" in ended.stderr


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("searchspaces", "from harness import evaluate"),
        ("methods", "import harness\nharness.run_method('spos')"),
        ("reports", "import harness\nharness.run_method('spos', preset='smoke')"),
    ],
)
def test_a_script_beside_packages_of_the_same_names_is_told(tmp_path, name, script):
    """Of modules, which nothing goes on looking behind, wherever the harness is installed."""
    own = tmp_path / f"{name}.py"
    own.write_text("")
    (tmp_path / "mine.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    command = [sys.executable, "mine.py"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert not (tmp_path / "runs").exists()  # before anything is trained
    *_, last = ended.stderr.splitlines()
    assert last == (
        f"ImportError: the package '{name}' that Python finds is not the harness's but {own}; "
        "rename it, take its folder off Python's path (PYTHONPATH), or uninstall what brought it."
    )


@pytest.mark.slow
def test_what_needs_no_reports_goes_on_beside_others(tmp_path):
    (tmp_path / "reports.py").write_text("")
    script = "from harness import open_table\nprint(len(open_table('nb201', 'digits')))"
    nowhere = dict.fromkeys(("NAS_HARNESS_HOME", "NAS_HARNESS_DATA"), str(tmp_path))
    environment = os.environ | nowhere | {"PYTHONPATH": str(HOME)}
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "600\n"), ended.stderr


def test_the_checkout_itself_may_be_the_working_folder():
    ended = called("harness", ["--version"], HOME)
    assert ended.returncode == 0 and ended.stdout.startswith("nas-harness")
