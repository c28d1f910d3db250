"""Every study named in tox.ini is an item that there is, and says what it is."""

import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from shutil import copy

import pytest

from reports.papers.definition.loading import item_names, load_item

ROOT = Path(__file__).parents[1]
OWN = ("py", "rounding", "lint", "mutants")
STUDIES = (
    *(f"table-{number}" for number in (5, 10, 11, 15)),
    *(f"ablation-{name}" for name in ("kd", "teachers", "retrain", "perturb", "qp", "sampling")),
    *(f"fig-{number}" for number in (10, 13, 14)),
    "ennas-fig-1", "ennas-fig-2", "paper-mngnas", "paper-ennas",
)  # fmt: skip
TWO = """
[tox]
env_list = first, second

[study]
runner = shared
env_dir = {work_dir}{/}studies
package = editable
extras = test
commands = python -c "import needed, sys; print('in', sys.prefix, '{posargs}')"

[testenv:first]
base = study

[testenv:second]
base = study
"""
# Of two packages, each built by a file beside it without any network.
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "1"
optional-dependencies.test = {needs}
"""
BACKEND = """
from pathlib import Path
from zipfile import ZipFile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open({diary!r}, "a") as diary:
        diary.write("{name} ")
    file, about = "{name}-1-py3-none-any.whl", "{name}-1.dist-info/"
    with ZipFile(Path(wheel_directory, file), "w") as wheel:
        wheel.writestr("{name}.py", "")
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "RECORD", "")
    return file

build_editable = build_wheel
"""


@pytest.fixture(scope="module")
def written():
    """What tox.ini says of each environment, with what it takes over from its bases."""
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    sections = {}
    for name in parser.sections():
        if name.startswith("testenv:"):
            own = dict(parser[name])
            for base in own.get("base", "").replace(",", " ").split():
                own = dict(parser[base]) | own
            sections[name.removeprefix("testenv:")] = own
    return sections


def tox(*arguments, folder):
    pytest.importorskip("tox")
    command = [sys.executable, "-m", "tox", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_all_are_there_and_share_one_virtual_environment(written):
    assert set(written) == {*OWN, *STUDIES}
    how = ("runner", "env_dir", "package", "extras")  # tox makes it anew where one differs
    assert {tuple(each[key] for key in how) for each in written.values()} == {
        ("shared", "{work_dir}{/}py", "editable", "test")
    }


def test_each_is_described_on_one_line(written):
    descriptions = [environment["description"] for environment in written.values()]
    assert len(set(descriptions)) == len(written)
    assert all("\n" not in text and len(text) < 90 for text in descriptions)


@pytest.mark.parametrize("name", STUDIES)
def test_each_study_reproduces_items_with_runs(written, name):
    command = shlex.split(written[name]["commands"].replace("{env_name}", name))
    program, verb, paper, item, rest = command
    assert (program, verb, rest) == ("nas-harness", "reproduce", "{posargs}")
    if item == "--all":
        assert name == f"paper-{paper}"
        assert item_names(paper)
    else:
        assert name.endswith(item)
        assert load_item(paper, item).configs()


@pytest.mark.slow
def test_rounding_runs_the_same_tests_by_three_kinds_of_kernels(written):
    own, *others = written["rounding"]["commands"].strip().splitlines()
    assert own == written["py"]["commands"]
    told = []
    for command in (own, *others):
        *kernels, last = command.split(own)
        assert not last
        words = shlex.split("".join(kernels))
        ask = [sys.executable, "-c", "import torch; print(torch.backends.cpu.get_cpu_capability())"]
        told.append(subprocess.check_output([*words, *ask], text=True).strip())
    if told[0].startswith("AVX"):
        assert told[1:] == ["AVX2", "DEFAULT"]
    assert told[2] in ("DEFAULT", told[0])  # another processor has kernels of one kind


@pytest.mark.slow
def test_tox_lists_each_with_its_description(written):
    listed = tox("list", folder=ROOT)
    for name, environment in written.items():
        assert any(
            line.split()[:1] == [name] and line.endswith(environment["description"])
            for line in listed.splitlines()
        )


@pytest.mark.slow
def test_tox_makes_the_shared_environment_once_and_installs_what_it_needs_once(tmp_path):
    diary, own = tmp_path / "diary", tmp_path.resolve() / "own"
    for name, needs in (("own", [f"needed @ {own.with_name('needed').as_uri()}"]), ("needed", [])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, needs=needs))
        (folder / "backend.py").write_text(BACKEND.format(name=name, diary=str(diary)))
    copy(ROOT / "toxfile.py", own)
    (own / "tox.ini").write_text(TWO)
    shared = own / ".tox" / "studies"
    assert f"in {shared} smoke" in tox("run", "-e", "first", "--", "smoke", folder=own)
    (shared / "installed").touch()
    assert f"in {shared} paper" in tox("run", "-e", "second", "--", "paper", folder=own)
    assert (shared / "installed").exists()
    assert diary.read_text().split().count("needed") == 1


def test_lint_checks_what_may_import_what(written):
    assert "lint-imports" in written["lint"]["commands"].split("\n")
