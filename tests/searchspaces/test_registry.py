"""Lazy registries with suggestions, entry points and files."""

import pickle
import re
import sys
from importlib.metadata import EntryPoint

import pytest

from searchspaces import registry
from searchspaces.errors import UsageError, first_line
from searchspaces.registry import SPACES, Registry, Spaces, called, file_of, nearest, short, stem


@pytest.fixture
def numbers(monkeypatch):
    point = EntryPoint("tau", "math:tau", "test.numbers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] * (group == point.group))
    return Registry("number", "test.numbers", {"pi": "math:pi", "broken": "no_such_module:x"})


def test_targets_are_imported_on_first_use(numbers):
    import math

    assert numbers["pi"] == math.pi
    assert numbers["tau"] == math.tau  # a third party's
    assert list(numbers) == ["broken", "pi", "tau"]  # listing imports nothing
    assert "tau" in numbers
    assert "e" not in numbers


def test_unknown_names_suggest_the_nearest(numbers):
    with pytest.raises(UsageError, match="unknown number 'taw'; did you mean 'tau'"):
        numbers["taw"]
    with pytest.raises(UsageError, match="known: broken, pi, tau"):
        numbers["zzzz"]


def test_third_parties_cannot_replace_what_is_built_in(monkeypatch):
    point = EntryPoint("pi", "math:e", "test.numbers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    import math

    assert Registry("number", "test.numbers", {"pi": "math:pi"})["pi"] == math.pi


def test_what_an_error_says_in_a_line():
    for said, line in (("  one thing.\nand more", "one thing"), ("what:", "what"), ("", "")):
        assert first_line(ValueError(said)) == line


def test_nearest_ignores_case():
    assert nearest("SPOS", ["spos", "mngnas"]) == "; did you mean 'spos'?"


@pytest.mark.parametrize("name", ["my/pi", "my\\pi", "..", "pi\n"])
def test_a_name_that_is_no_part_of_a_path_is_refused(numbers, monkeypatch, name):
    point = EntryPoint(name, "math:pi", "test.numbers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(
        UsageError, match="(?s)^the number .* for a name, and names are parts of those"
    ):
        numbers[name]


# Files --------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path, monkeypatch):
    """``written(name, source)``: a file in the working folder, and no trace of it afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(name, source):
        (tmp_path / name).write_text(source)
        return tmp_path / name

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_what_a_file_holds_is_named_by_both(numbers, written):
    path = written("own_numbers.py", "class Golden:\n    value = 1.618\n")
    golden = numbers["own_numbers.py:Golden"]
    assert golden.value == 1.618
    assert numbers["./own_numbers.py:Golden"] is numbers[f"{path}:Golden"] is golden
    assert type(pickle.loads(pickle.dumps(golden()))) is golden
    assert "own_numbers.py:Golden" not in numbers
    assert "own_numbers.py:Golden" not in list(numbers)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing_numbers.py:Golden", "there is no file .*missing_numbers.py"),
        ("own_numbers.py:Goldn", "own_numbers.py has no 'Goldn'; did you mean 'Golden'?"),
        ("faulty_numbers.py:Golden", "cannot be imported: NameError in line 2: name 'phi' is not"),
        ("odd_numbers.py:Golden", "odd_numbers.py: the kernel of MBConv is an odd number, not 2."),
        ("cut_numbers.py:Golden", "cannot be imported: SyntaxError: "),
        ("random.py:Golden", "random.py has the name of another module, random; rename the file"),
        ("math.py:Golden", "math.py has the name of another module, math; rename the file"),
        ("own_numbers:Golden", "unknown number 'own_numbers:Golden'"),
    ],
)
def test_files_that_do_not_hold_it_are_refused_in_a_sentence(numbers, written, name, sentence):
    for module in ("own_numbers", "random", "math"):
        written(f"{module}.py", "class Golden:\n    value = 1.618\n")
    written("faulty_numbers.py", "class Golden:\n    value = phi\n")
    written("cut_numbers.py", "class Golden(:\n")
    written("odd_numbers.py", "from searchspaces.chain.blocks import MBConv\nMBConv(2, 1)\n")
    with pytest.raises(UsageError, match=re.escape(sentence).replace(r"\.\*", ".*")) as error:
        numbers[name]
    assert "\n" not in str(error.value)


def test_names_in_files_are_told_from_others():
    for name in ("spos", "a:b", "my.py", ":x", ""):
        assert file_of(name) is None
        assert short(name) == name
    assert file_of("~/m.py:M").is_absolute()
    assert short("./folder/m.py:M") == "M"


# What is meant ------------------------------------------------------------------------------


HELPERS = "from pathlib import Path\nfrom math import tau as goldish\n"


def test_a_file_without_a_name_is_answered_with_what_it_has(numbers, written):
    written("gold_numbers.py", f"{HELPERS}class Golden:\n    value = 1.618\n")
    sentence = "name what is in ./gold_numbers.py as FILE.py:NAME; it has Golden."
    with pytest.raises(UsageError, match=f"^{re.escape(sentence)}$"):
        numbers["./gold_numbers.py"]
    with pytest.raises(UsageError, match="has no 'Paht'; known: Golden.$"):
        numbers["gold_numbers.py:Paht"]
    written("no_numbers.py", HELPERS)
    with pytest.raises(UsageError, match="it has no number.$"):
        numbers["no_numbers.py"]
    with pytest.raises(UsageError, match="no_numbers.py has no 'Path2', and no number.$"):
        numbers["no_numbers.py:Path2"]
    with pytest.raises(UsageError, match="there is no file .*none.py"):
        numbers["none.py"]


SPACE = "    scales, supernet, standalone = ('compact',), None, None\n"


def test_a_space_of_a_name_or_scale_that_is_no_part_of_a_path_is_refused(written):
    other = SPACE.replace("compact", "a/b")
    written(
        "slashed.py", f"class A:\n    name = 'my/space'\n{SPACE}class B:\n    name = 'b'\n{other}"
    )
    for kind, name in (("A", "my/space"), ("B", "a/b")):
        sentence = f"the search space ./slashed.py:{kind} has '{name}' for a name, and"
        with pytest.raises(UsageError, match=sentence):
            SPACES[f"./slashed.py:{kind}"]


def test_no_space_has_the_name_of_one_that_is_built_in(written):
    written("same_space.py", f"class Mine:\n    name = 'nb201'\n{SPACE}")
    sentence = "the name of same_space.py:Mine is 'nb201', that of a built-in search space"
    with pytest.raises(UsageError, match=sentence):
        SPACES["same_space.py:Mine"]
    written("other_space.py", f"class Mine:\n    name = 'nb2012'\n{SPACE}")
    assert SPACES["other_space.py:Mine"].name == "nb2012"
    assert called(SPACES["other_space.py:Mine"]) == "./other_space.py:Mine"
    assert called(SPACES["nb201"]) == "nb201"
    assert (stem("other_space.py:Mine"), stem("nb201")) == ("nb2012", "nb201")
    written("same_again.py", "from searchspaces.nb201.space import NASBench201\n")
    assert SPACES["same_again.py:NASBench201"] is SPACES["nb201"]


def test_a_registered_space_has_no_built_in_name_either(written, monkeypatch):
    written("packed_space.py", f"class Mine:\n    name = 'macro'\n{SPACE}")
    monkeypatch.syspath_prepend(".")
    point = EntryPoint("mine", "packed_space:Mine", "nas_harness.spaces")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    spaces = Spaces("search space", "nas_harness.spaces", SPACES._builtin)
    with pytest.raises(UsageError, match="the name of mine is 'macro', that of a built-in"):
        spaces["mine"]
