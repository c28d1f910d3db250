"""Spaces of other packages run the same suite, and it finds what is wrong with them."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "tests" / "support" / "third_party"
FAULTS = {
    "WrongCost": {"test_cost_is_that_of_the_standalone_network", "test_width_changes_the_cost"},
    "GlobalDraws": {"test_draws_are_a_function_of_the_generator"},
    "Lenient": {
        "test_other_strings_are_refused",
        "test_distorted_strings_are_refused_or_understood",
    },
    "Forgetful": {
        "test_subnet_gives_the_logits_of_its_path",
        "test_gradient_is_that_of_the_subnet_and_nothing_else",
    },
    "Leaky": {
        "test_gradient_is_that_of_the_subnet_and_nothing_else",
        "test_a_step_leaves_alone_what_its_path_does_not_use",
    },
}


def run_suite(folders, names, *files):
    """The output of the suite on the spaces ``names``, with ``folders`` on the Python path."""
    tests = [f"tests/conformance/{file}" for file in files or ("",)]
    command = [sys.executable, "-m", "pytest", *tests, "-q", "--tb=line"]
    command += ["-p", "no:cacheprovider", *(f"--space={name}" for name in names)]
    path = os.pathsep.join(map(str, folders))
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_a_space_of_another_package_passes_by_its_name():
    status, output = run_suite([EXAMPLE], ["toy-chain"])
    assert status == 0, output
    assert re.search(r"\d+ passed, 1 skipped in", output), output  # it has no shadow BN


def test_faults_are_found_each_by_the_tests_that_are_about_it(tmp_path):
    info = tmp_path / "broken_chains-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-chains\nVersion: 1.0\n")
    names = {re.sub("(?<=.)([A-Z])", r"-\1", fault).lower(): fault for fault in FAULTS}
    points = [f"{name} = broken_chains:{fault}" for name, fault in names.items()]
    (info / "entry_points.txt").write_text("\n".join(["[nas_harness.spaces]", *points]))
    status, output = run_suite([EXAMPLE, tmp_path], names, "test_spaces.py", "test_networks.py")
    assert status == 1, output
    failed = re.findall(r"^FAILED \S+::(\w+)\[(\S+)\]", output, re.MULTILINE)
    found = {
        fault: {test for test, case in failed if name in case} for name, fault in names.items()
    }
    assert found == FAULTS, output


def test_an_unknown_name_is_answered_with_the_nearest():
    status, output = run_suite([EXAMPLE], ["toy-chian"])
    assert status != 0
    assert "did you mean 'toy-chain'" in output
    assert "Traceback" not in output
