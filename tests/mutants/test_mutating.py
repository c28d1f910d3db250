"""The tool that tries mistakes: what it thinks of, where it looks for tests, and what it says."""

import subprocess
from pathlib import Path

import pytest
from mutating import __main__ as command
from mutating.mistake import EQUIVALENT, OWN, Mistake, equivalents, own
from mutating.mutation_operators import is_module, mistakes_in, modules
from mutating.nearest import EVERY, MOST, nearest
from mutating.trying import KILLED, SLOW, SURVIVED, UNTESTED, copied, run

ROOT = Path(__file__).parents[2]
SOURCE = '''"""Of a few numbers."""

LEAST = 2


def spread(values, *, most=9.5):
    """Not > a mistake."""
    if not values or len(values) < LEAST:
        raise ValueError("no" + "thing")
    return max(values) - (min(values) + 0) if values[0] != most else 0
'''
TESTS = """from room.size import spread


def test_a_spread():
    assert spread([1, 5, 3]) == 4
"""


@pytest.fixture
def project(tmp_path):
    """A project of one file with one test."""
    files = {"room/__init__.py": "", "room/size.py": SOURCE, "tests/room/test_size.py": TESTS}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def changed(found, source=SOURCE):
    """The lines that ``found`` changes, as they would be."""
    return {mistake.lines(source)[1] for mistake in found}


def test_it_thinks_of_what_people_get_wrong(project):
    found = changed(mistakes_in(project, "room/size.py"))
    returned = "return {} if values[0] != most else 0"
    assert found >= {
        "LEAST = 3",
        "LEAST = 1",
        "def spread(values, *, most=19.0):",
        "if not values or len(values) <= LEAST:",
        "if not values or len(values) > LEAST:",
        "if not values:",
        "if len(values) < LEAST:",
        returned.format("max(values) + (min(values) + 0)"),
        returned.format("max(values)"),
        returned.format("min(values) - (min(values) + 0)"),
        returned.format("max(values) - (min(values))"),
        "return max(values) - (min(values) + 0) if values[0] == most else 0",
        "return max(values) - (min(values) + 0) if values[1] != most else 0",
        "return 0 if values[0] != most else max(values) - (min(values) + 0)",
    }
    assert not any("raise" in line or "mistake" in line for line in found)


def test_mistakes_are_texts_of_the_file_that_become_others():
    for file in modules(ROOT, ["harness/metrics/intervals.py", "searchspaces/chain/blocks.py"]):
        text, found = (ROOT / file).read_text(), mistakes_in(ROOT, file)
        assert len(found) > 100
        assert len(set(found)) == len(found)
        assert all(mistake.applied(text) != text for mistake in found)


def test_arguments_that_decide_no_number_are_left_alone(project):
    path = project / "room" / "size.py"
    path.write_text("pairs = zip(a, b, strict=True)\nmean = a.mean(b, axis=1)\n")
    lines = changed(mistakes_in(project, "room/size.py"), path.read_text())
    assert "mean = a.mean(b)" in lines and not any(line.endswith(" b)") for line in lines)
    assert all("strict=True" in line for line in lines if "zip" in line)


@pytest.mark.slow
def test_a_choice_is_a_function_of_its_seed_and_made_of_modules():
    first, again, other = (
        command.chosen(ROOT, ["harness/metrics/*"], 12, seed) for seed in (3, 3, 4)
    )
    assert first == again and len(first) == 12
    assert not set(first) & set(other)
    for mistake in first:
        assert is_module(mistake.applied((ROOT / mistake.file).read_text()))


def test_the_nearest_tests_are_those_of_the_mirrored_room():
    found = nearest(ROOT, "harness/metrics/intervals.py")
    assert found[0] == "tests/harness/metrics/test_intervals.py"
    assert found.index("tests/harness/metrics/test_evaluate.py") < found.index(
        "tests/harness/metrics/test_caveats.py"  # which does not import it
    )
    assert all((ROOT / test).is_file() for test in found)


def test_the_one_file_of_tests_of_a_folder_is_near_to_all_of_it():
    assert nearest(ROOT, "methods/p_darts/searches.py")[0] == "tests/methods/test_p_darts.py"


@pytest.mark.parametrize("file", ["searchspaces/chain/blocks.py", "methods/base.py"])
def test_suites_of_whatever_is_registered_are_near_however_many_others_are(file):
    found, suites = nearest(ROOT, file), EVERY[file.partition("/")[0]]
    assert len(found) == len(set(found)) <= MOST and {*suites} < {*found}
    assert all((ROOT / test).is_file() for test in found)


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("max(values) -", "min(values) -", KILLED),
        pytest.param(
            "LEAST = 2", "LEAST = '", KILLED, marks=pytest.mark.slow
        ),  # no module any more
        pytest.param("LEAST = 2", "LEAST = 3", SURVIVED, marks=pytest.mark.slow),
        pytest.param(
            "LEAST = 2", "LEAST = 2\nwhile LEAST:\n    pass", SLOW, marks=pytest.mark.slow
        ),
    ],
)
def test_a_mistake_is_tried_in_a_copy_that_is_whole_again(project, old, new, outcome):
    mistake = Mistake("room/size.py", SOURCE.index(old), old, new)
    limit = 3 if outcome == SLOW else 120
    verdict = run(project, mistake, ["tests/room/test_size.py"], limit)
    assert verdict.outcome == outcome
    assert (project / "room" / "size.py").read_text() == SOURCE
    if old.startswith("max"):
        assert verdict.by == "tests/room/test_size.py::test_a_spread"
    assert run(project, mistake, [], limit).outcome == UNTESTED


def test_a_copy_has_what_git_knows_or_would_take(project, tmp_path_factory):
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    (project / ".gitignore").write_text("*.log\n")
    (project / "some.log").touch()
    copy = copied(project, tmp_path_factory.mktemp("copy"))
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert names == {
        ".gitignore", "room/__init__.py", "room/size.py", "tests/room/test_size.py",
    }  # fmt: skip


def test_survivors_are_listed_and_the_known_ones_with_their_reason(project):
    text = SOURCE.index("LEAST = 2")
    seen, unseen, equal = (
        command.Verdict(Mistake("room/size.py", text, "LEAST = 2", f"LEAST = {n}"), outcome)
        for n, outcome in ((1, KILLED), (3, SURVIVED), (4, SURVIVED))
    )
    known = {("room/size.py", "LEAST = 2", "LEAST = 4"): "four is two."}
    lines = command.table([seen, unseen, equal], project, known).splitlines()
    assert lines[2:] == [
        "| room/size.py:3 | `LEAST = 2` | `LEAST = 3` | survived |",
        "| room/size.py:3 | `LEAST = 2` | `LEAST = 4` | equivalent: four is two. |",
    ]


@pytest.mark.slow
def test_the_projects_own_mistakes_can_be_made():
    found = own(ROOT, OWN)
    assert len(set(found)) == len(found) > 20
    for mistake in found:
        text = mistake.applied((ROOT / mistake.file).read_text())
        assert is_module(text) or not mistake.file.endswith(".py")
        assert mistake.tests
        for test in mistake.tests:
            file, _, name = test.partition("::")
            name = name.partition("[")[0]
            assert (ROOT / file).exists(), test
            assert not name or f"\ndef {name}(" in (ROOT / file).read_text(), test


def test_a_listed_mistake_that_fits_no_place_is_named(project):
    path = project / "some.toml"
    path.write_text('[[mistake]]\nfile = "room/size.py"\nold = "values"\nnew = "x"\n')
    with pytest.raises(ValueError, match="some.toml: 'values' is 6 times in room/size.py"):
        own(project, project)


def test_known_equivalents_are_of_lines_that_there_are():
    for file, old, new in equivalents(EQUIVALENT):
        assert old != new
        assert old in " ".join((ROOT / file).read_text().split()), (file, old)
