"""``nas-harness list``: what can be named on the command line, with a line each."""

from itertools import pairwise

import pytest
import tiny

from harness.cli import main
from harness.tabular.importer import IMPORTERS
from methods.registry import METHODS, SCORERS
from methods.search.table_search import SEARCHES
from searchspaces.registry import SPACES


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No tables or data sets of the machine's, and a working folder of the test's own."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def test_list_shows_everything_that_can_be_named(capsys, tmp_path):
    tiny.make_table(tmp_path / "data")
    assert main(["list", "--data", str(tmp_path / "data")]) == 0
    printed = capsys.readouterr().out
    for name in (
        "mngnas",
        "spos",
        "bohb",
        "Optuna",
        "smoke",
        "digits",
        "cifar10",
        "nb201-compact-digits",
    ):
        assert name in printed


def test_one_kind_of_what_can_be_named_is_listed_alone(capsys):
    assert main(["list", "methods"]) == 0
    printed = capsys.readouterr().out
    rivals = (
        "snas darts- pc-darts fairdarts p-darts setn nsas proxylessnas fbnet enas rsps rlnas "
        "greedynas mct-nas pa-da sumnas bossnas"
    )
    named = [line.split()[0] for line in printed.splitlines() if line[:2] == "  "]
    assert {*rivals.split()} <= {*named}
    assert "All go with all spaces, but" in printed and "presets:" not in printed
    assert main(["list", "presets"]) == 0
    assert capsys.readouterr().out == "presets: smoke, laptop, paper\n"
    assert main(["list", "method"]) == 2
    assert "unknown 'method'; did you mean 'methods'?" in capsys.readouterr().err


def test_spaces_are_listed_each_with_its_own_tables(capsys):
    assert main(["list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    tables = {above[0]: line[1:] for above, line in pairwise(lines) if line[:1] == ["tables:"]}
    for space in SPACES:
        named = " ".join(tables[space]).split(", ")
        assert named[-1] == f"{space}-compact-digits"
        tasks = ("cifar10", "cifar100", "imagenet16-120") if space == "nb201" else ("cifar10",)
        published = [f"{space}-benchmark-{task}" for task in tasks]
        assert named[:-1] == (published if space in IMPORTERS else [])


def test_a_line_says_what_each_method_and_space_is(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = {line.split()[0]: line.split(maxsplit=1)[1:] for line in lines if line[:2] == "  "}
    for name in (*METHODS, *SCORERS, *SEARCHES, *SPACES):
        assert len("".join(said[name])) > 20, name
    assert said["spos"] == ["SPOS: single path one-shot with uniform sampling (Guo et al. 2020)."]
    assert said["snip"] == ["Σ |w · ∂L/∂w|: what removing each weight would do to the loss."]
    assert "eight layers of three operators" in said["macro"][0]
