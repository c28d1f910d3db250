"""An error in a file of the user's is told with function, file and line."""

from concurrent.futures.process import _ExceptionWithTraceback

import pytest

from harness.running.own_files import errors_located
from searchspaces.errors import UsageError

SOURCE = "def inner(x):\n    return int(x)\n\n\ndef mine(x):\n    return inner(x)\n"
SENTENCE = r"^inner in mine.py, line 2, raises ValueError: invalid literal for int.*: 'many'\.$"


@pytest.fixture
def mine(tmp_path):
    path = tmp_path.resolve() / "mine.py"
    names = {}
    exec(compile(SOURCE, str(path), "exec"), names)
    return f"{path}:mine", names["mine"]


def test_the_innermost_function_of_the_file_is_named(mine):
    name, function = mine
    with pytest.raises(UsageError, match=SENTENCE) as error, errors_located("spos", name):
        function("many")
    assert isinstance(error.value.__cause__, ValueError)


def test_of_another_process_too(mine):
    name, function = mine
    try:
        function("many")
    except ValueError as error:
        rebuild, parts = _ExceptionWithTraceback(error, error.__traceback__).__reduce__()
        error.__traceback__ = None
    with pytest.raises(UsageError, match=SENTENCE), errors_located(name, "nb201"):
        raise rebuild(*parts)


def test_what_another_file_cannot_use_has_a_command_that_finds_the_function(mine):
    name, _ = mine
    sentence = (
        r"^a function of the files given seems to .* than is due, for test_own_files.py, line \d+, "
        r"raises AttributeError: 'list' object has no attribute 'tolist'; "
        rf"`nas-harness conformance --method {name} --space nb201` says which\.$"
    )
    with pytest.raises(UsageError, match=sentence) as error, errors_located(name, "nb201"):
        _ = [1].tolist()
    assert isinstance(error.value.__cause__, AttributeError)


def test_where_no_method_is_in_play_none_is_named(mine):
    name, _ = mine
    sentence = rf"`nas-harness conformance --space {name}` says which\.$"
    with pytest.raises(UsageError, match=sentence), errors_located("", name):
        _ = [1].tolist()


def test_who_ends_the_program_has_not_done_what_was_asked_for(mine):
    """With status 0 the shell would take it for success; built-in methods never do."""
    name, _ = mine
    names = {}
    exec(compile("def leave():\n    raise SystemExit(0)\n", name.split(":")[0], "exec"), names)
    with (
        pytest.raises(UsageError, match=r"^leave in mine.py, line 2, raises SystemExit: 0\.$"),
        errors_located(name, "nb201"),
    ):
        names["leave"]()
    sentence = r"^a method or space raises SystemExit: 3\.$"
    with pytest.raises(UsageError, match=sentence), errors_located("spos", "nb201"):
        raise SystemExit(3)


def test_other_errors_stay_what_they_are(mine):
    name, function = mine
    with pytest.raises(ValueError, match="'many'"), errors_located("spos", "nb201"):
        function("many")
    with pytest.raises(OSError, match="of the disk"), errors_located(name, "nb201"):
        raise OSError("of the disk")
    with pytest.raises(UsageError, match="^said before$"), errors_located(name, "nb201"):
        raise UsageError("said before")
    with pytest.raises(MemoryError), errors_located(name, "nb201"):
        raise MemoryError
