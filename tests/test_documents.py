"""The documents say what is so: their Python runs, their links lead somewhere, README is short."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def snippets(name, language):
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all snippets run, so that one finds the runs of another."""
    return tmp_path_factory.mktemp("snippets")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DOCUMENTS if snippets(name, "python")])
def test_the_python_in_the_documents_runs(name, folder, monkeypatch, capsys):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(folder / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.chdir(folder)
    names = {"__name__": "snippet"}
    for number, snippet in enumerate(snippets(name, "python")):
        exec(compile(snippet, f"{name}, snippet {number}", "exec"), names)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    missing = [link for link in local if not ((ROOT / name).parent / link).exists()]
    assert not missing


def test_the_interface_is_written_up_as_its_docstrings_say():
    written = runpy.run_path(str(ROOT / "docs" / "write_api.py"))["page"]()
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == written, (
        "run python docs/write_api.py"
    )


def test_measured_tables_are_what_the_packaged_runs_say():
    script = runpy.run_path(str(ROOT / "docs" / "write_tables.py"))
    for document in script["DOCUMENTS"]:
        text = document.read_text(encoding="utf-8")
        assert "<!-- table " in text
        assert text == script["written"](document), "run python docs/write_tables.py"


def test_readme_opens_at_once():
    lines = README.splitlines()
    assert len(lines) <= 150
    assert lines.index("```bash") < 30
    rows = [line for line in lines if line.startswith("|")]
    assert 2 < len(rows) <= 2 + 8
    assert README.count("![") == 2
    assert README.index("## How to read the numbers") < README.index("![") < README.index(rows[0])


def test_the_map_of_concepts_leads_to_files():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Where the ideas of the papers are")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")][
        2:
    ]
    assert len(rows) >= 10
    for concept, _, where in rows:
        files = re.findall(r"`([^`]+)`", where)
        assert files, concept
        assert all((ROOT / file).is_file() for file in files), concept


PACKAGES = "searchspaces|methods|harness|reports"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_and_modules_that_documents_name_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = re.findall(rf"(?<![\w/.-])(?:{PACKAGES}|tests|docs)/[\w/.-]*\w", text)
    modules = re.findall(rf"(?<![\w/.-])(?:{PACKAGES})(?:\.\w+)+(?!\()", text)
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [module for module in modules if not is_importable(module)]
    assert not missing


def is_importable(dotted):
    """Whether it is a module, a package or a name in one; nothing is imported."""
    path = ROOT / dotted.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    *_, name = dotted.split(".")
    places = (path.parent / "__init__.py", path.parent.with_suffix(".py"))
    return any(
        re.search(rf"\b{name}\b", place.read_text(encoding="utf-8"))
        for place in places
        if place.exists()
    )


def test_a_file_that_is_gone_would_be_missed():
    assert is_importable("harness.files") and is_importable("searchspaces.errors.UsageError")
    assert not is_importable("harness.places") and not is_importable("searchspaces.errors.Usage")


def test_the_test_command_is_found_where_the_script_looks_for_it():
    after = README.partition("<!-- test command -->\n")[2]
    command = re.match(r"```bash\n(.*)\n```\n", after)
    assert command and "pytest" in command[1] and "'.[test]'" in command[1]
