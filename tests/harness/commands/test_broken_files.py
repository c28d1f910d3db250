"""A space in a file that is no good, in every command that takes one: a sentence, no traceback."""

import pytest

from harness.cli import main

SPACE = "./stem_of_text.py:Mine"
STEM_OF_TEXT = """
from searchspaces.chain.blocks import Identity, MBConv
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace

class Mine(ChainSpace):
    name = "mine"
    operators = (Identity(project=True), MBConv(kernel=3, expansion=2))
    skeletons = {"compact": Skeleton("8", 1, (Stage(8, 2, 2), Stage(12, 2, 1)), 16)}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("broken")
    (made / "stem_of_text.py").write_text(STEM_OF_TEXT)
    (made / "scores.json").write_text('{"0101": 1.0, "1010": 2.0}')
    return made


@pytest.mark.parametrize(
    "command",
    [
        "run --method spos --preset smoke",
        "grid --method spos --preset smoke --seed 0",
        "evaluate scores.json",
        "search --queries 10 --repeats 2",
        "draw --random 0",
        "train-standalone --arch 0121 --preset smoke",
        "latency measure",
        "table build --architectures 4",
    ],
)
@pytest.mark.parametrize("given", [["--space", SPACE], [f"--space={SPACE}"]])
def test_the_command_that_finds_what_is_wrong_is_told(command, given, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main([*command.split(), *given]) == 2
    told = capsys.readouterr().err
    assert "TypeError: '<' not supported between instances of 'str' and 'int'; `nas-harness" in told
    assert told.endswith(f"--space {SPACE}` says which.\n") and "Traceback" not in told


def test_without_a_file_errors_keep_their_traceback(monkeypatch):
    monkeypatch.setattr("harness.commands.evaluate.main", lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["evaluate", "scores.json", "--space", "nb201"])
