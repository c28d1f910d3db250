"""Plug-ins of other packages are checked by their names, and what is wrong with them is found."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from harness.cli import main as command_line
from harness.conformance.command import main
from methods.registry import METHODS

SUPPORT = Path(__file__).parents[1] / "support"
EXAMPLE = SUPPORT / "third_party"
SPACE_FAULTS = {
    "WrongCost": {"cost is that of the standalone network", "width changes the cost"},
    "GlobalDraws": {"draws are a function of the generator"},
    "Lenient": {
        "other strings are refused",
        "distorted strings are refused or understood",
    },
    "Forgetful": {
        "subnet gives the logits of its path",
        "gradient is that of the subnet and nothing else",
    },
    "Leaky": {
        "gradient is that of the subnet and nothing else",
        "a step leaves alone what its path does not use",
    },
    "Misnamed": {"it is made as the harness makes it"},
    "Few": {"enough draws are valid", "subnet gives the logits of its path"},
    "AnyScale": {"an unknown scale is refused"},
    "Homebound": {"it travels to other processes"},
    "Mirrored": {
        "strings go there and back",
        "distorted strings are refused or understood",
    },
    "Costless": {"its functions give what is due"},
    "Shrinking": {"operators of a site give one shape"},
    "Merging": {"architectures of one canonical key cost the same"},
    "Deputed": {"representatives compute the same"},
    "Lists": {"what is drawn has a gene for every site"},
    "Still": {"variation changes as much as it says"},
    "AllValid": {"genes that no site has are not valid"},
    "OneKey": {
        "canonical keys and descriptions tell architectures apart",
        "architectures of one canonical key cost the same",
    },
    "Reversed": {"nothing is smaller or larger than its extremes"},
    "Small": {"size is no less than what is found"},
    "Taciturn": {"description names every site"},
    "Scalar": {"standalone network returns stages and logits"},
    "Unseeded": {"seed fixes the initial weights"},
    "Blind": {"a hook that runs the operators of the path is the path"},
    "Secretive": {"state goes to a file and back"},
    "Sharing": {"training a subnet leaves the supernet alone"},
    "Broken": {"it can be made"},
    "Misspelt": {"what it means to override it does"},
}
METHOD_FAULTS = {
    "Nameless": {"what it cannot do it says"},
    "Amnesiac": {"training resumes where it stopped"},
    "Infinite": {"training resumes where it stopped"},
    "Costly": {"training costs what it declares"},
    "Peeking": {"weights learn from training images"},
    "Uncounted": {"training costs what it declares"},
    "Schooled": {"scores are of validation images"},
    "Unlimited": {"search ends with a valid architecture"},
    "Sociable": {"a score depends on its architecture alone"},
    "Remembering": {"search and scores need only what is kept"},
    "Restless": {"search and scoring leave the supernet alone"},
    "Wordless": {"its notes are sentences"},
    "Misspelling": {"what it means to override it does"},
}


def hyphenated(name):
    return re.sub("(?<=.)([A-Z])", r"-\1", name).lower()


def register(folder, package, group, names):
    """Make ``names`` of a module plug-ins of a package in ``folder``; returns their names."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    points = {hyphenated(name): f"{package}:{name}" for name in names}
    lines = [f"{name} = {target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[nas_harness.{group}]", *lines]))
    return list(points)


def check(folders, *arguments):
    """Exit status, standard output and standard error of the suite, elsewhere than in a checkout."""
    path = os.pathsep.join(map(str, [*folders, EXAMPLE, SUPPORT, *filter(None, sys.path)]))
    command = [sys.executable, "-m", "harness.conformance", *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=folders[0],
    )
    return done.returncode, done.stdout, done.stderr


def found(output):
    """Check by the first word of each subject."""
    told = defaultdict(set)
    for line in output.splitlines():
        subject, _, rest = line.partition(": ")
        told[re.split(r"[, ]", subject)[0]].add(re.search(r"\(([^()]+)\)$", rest)[1])
    return told


@pytest.mark.slow
def test_a_space_of_another_package_passes_by_its_name(tmp_path):
    status, output, error = check([tmp_path], "--space", "toy-chain")
    assert (status, output) == (0, ""), output + error
    assert "toy-chain: keeps its promises" in error
    assert "spos on toy-chain: keeps its promises" in error


@pytest.mark.slow
def test_faults_of_spaces_are_found_each_by_the_checks_that_are_about_it(tmp_path):
    names = register(tmp_path, "broken_chains", "spaces", SPACE_FAULTS)
    arguments = [f"--space={name}" for name in names]
    method = register(tmp_path, "broken_methods", "methods", ["Nameless"])[0]
    status, output, error = check([tmp_path], *arguments, f"--method={method}")
    assert status == 1, error
    spaces = "\n".join(line for line in output.splitlines() if not line.startswith(f"{method} "))
    assert found(spaces) == {hyphenated(name): what for name, what in SPACE_FAULTS.items()}, output


@pytest.mark.slow
def test_faults_of_methods_are_found_each_by_the_checks_that_are_about_it(tmp_path):
    names = register(tmp_path, "broken_methods", "methods", METHOD_FAULTS)
    arguments = [f"--method={name}" for name in names]
    status, output, error = check([tmp_path], *arguments, "--space=toy-chain")
    assert status == 1, error
    assert found(output) == {hyphenated(name): what for name, what in METHOD_FAULTS.items()}, output
    assert "toy-chain: keeps its promises" in error


@pytest.mark.slow
def test_plug_ins_in_files_are_checked_without_a_package(tmp_path):
    space = EXAMPLE / "toy_chain" / "space.py"
    (tmp_path / "toy_space.py").write_text(space.read_text())
    (tmp_path / "forgetful_method.py").write_text((SUPPORT / "broken_methods.py").read_text())
    arguments = ["--space", "./toy_space.py:ToyChain", "--method", "./forgetful_method.py:Amnesiac"]
    status, output, error = check([tmp_path], *arguments)
    assert status == 1, error
    assert found(output) == {"Amnesiac": METHOD_FAULTS["Amnesiac"]}
    assert output.startswith("Amnesiac on toy-chain: resumed from its state_dict halfway")
    assert output.count("\n") == 1 and "tensors more): what it draws has to come from" in output
    assert "./toy_space.py:ToyChain: keeps its promises" in error


def test_a_plug_in_that_cannot_be_imported_is_a_finding(tmp_path, monkeypatch, capsys):
    (tmp_path / "no_such_parts.py").write_text("import parts_that_nobody_has\n")
    register(tmp_path, "no_such_parts", "methods", ["Partless"])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(METHODS, "_scanned", False)
    monkeypatch.setattr(METHODS, "_targets", dict(METHODS._targets))
    assert main(["--method", "partless"]) == 1
    assert capsys.readouterr().out == (
        "partless: it cannot be imported: ModuleNotFoundError in no_such_parts.py, line 1: No module "
        "named 'parts_that_nobody_has'.\n"
    )


def test_every_check_is_one_that_can_fail():
    from harness.conformance.methods import METHOD_CHECKS
    from harness.conformance.networks import SUPERNET_CHECKS
    from harness.conformance.suite import SPACE_CHECKS

    names = {check.__name__.replace("_", " ") for check in (*SPACE_CHECKS, *SUPERNET_CHECKS)}
    assert names == set().union(*SPACE_FAULTS.values())
    names = {check.__name__.replace("_", " ") for check in METHOD_CHECKS}
    of_scorers = {"what trains nothing says so", "what trains nothing ranks"}  # see their own tests
    assert names - of_scorers == set().union(*METHOD_FAULTS.values())


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["--space", "nb210"], "nb201"),
        (["--method", "spso"], "spos"),
        (["--spaec", "x"], "--space"),
    ],
)
def test_an_unknown_name_is_answered_in_a_sentence_with_the_nearest(capsys, arguments, meant):
    assert command_line(["conformance", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert f"did you mean '{meant}'" in printed.err
