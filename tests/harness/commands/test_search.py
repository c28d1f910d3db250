"""``nas-harness search``: what it prints and writes, and what it refuses."""

import json

import pandas
import pytest
from searched import options
from tiny import make_table

from harness.commands.search import main, parse
from harness.simulation.published import PUBLISHED
from harness.simulation.searches import flat_rows
from methods.search.table_search import USUAL
from searchspaces.errors import UsageError


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder whose only table has twenty cells of NAS-Bench-201."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    make_table(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("suffix, read", [("csv", pandas.read_csv), ("parquet", None)])
def test_the_command_prints_and_writes_the_same(data, tmp_path, capsys, suffix, read):
    read = read or pandas.read_parquet
    path = tmp_path / f"out.{suffix}"
    main(f"--data {data} --queries 30 --repeats 3 --output {path} --json".split())
    result = json.loads(capsys.readouterr().out)
    assert (result["n_table"], result["moves"], result["scale"]) == (20, "table", "compact")
    rows = read(path).to_dict("records")
    assert [{k: pytest.approx(v) for k, v in r.items()} for r in flat_rows(result)] == rows
    main(f"--data {data} --queries 30 --repeats 3 --method rea --rea.sample 2".split())
    out = capsys.readouterr().out
    assert "stay among them" in out and out.splitlines()[-1].startswith("rea: test ")


@pytest.mark.parametrize(
    "wrong, hint",
    [
        ("--method reaa", "did you mean 'rea'"),
        ("--method random bohbb", "did you mean 'bohb'"),
        ("--method", "--method"),
        ("--queries 0", "at least 1"),
        ("--repeats x", "whole number"),
        ("--max-madds nan", "--max-madds"),
        ("--max-madds -1", "--max-madds"),
        ("--sampler TPESampler", "optuna:TPESampler"),
        ("--output curves.txt", ".csv or .parquet"),
        ("--method rea --rea.populatoin 5", "did you mean '--rea.population'"),
        ("--method random --rea.population 5", "unknown option"),
        ("--method reinforce --reinforce.lr 0", "--reinforce.lr"),
        ("--method rea --rea.sample many", "whole number"),
    ],
)
def test_mistakes_are_one_sentence(wrong, hint):
    with pytest.raises(UsageError, match=hint):
        parse(wrong.split())


def test_several_searches_run_side_by_side():
    assert list(parse(["--method", "local-search", "random", "local-search"])[1]) == [
        *("local-search", "random")
    ]
    found = parse(["--method", "bananas", "all", "--bananas.every", "4", "--queries", "9"])[1]
    assert list(found) == ["bananas", *USUAL] and found["bananas"].every == 4


def test_nas_bench_macro_has_no_validation_accuracies(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    arguments = ["--space", "macro", "--task", "cifar10"]
    with pytest.raises(UsageError, match="no val accuracies"):
        main(arguments)


def test_a_budget_brings_the_options_of_the_authors_and_any_can_be_given():
    (known,) = PUBLISHED
    _, found = parse(["--budget-seconds", "12000"])
    assert (found["rea"].population, found["rea"].sample) == (10, 3)
    _, found = parse(["--budget-seconds", "12000", "--rea.sample", "5"])
    assert (found["rea"].population, found["rea"].sample) == (10, 5)
    assert parse([])[1] == options(*USUAL)
    assert list(known.tests) == list(USUAL)
    with pytest.raises(UsageError, match="--budget-seconds"):
        parse(["--budget-seconds", "-1"])


def test_the_command_simulates_within_seconds(capsys):
    main(
        [
            "--task",
            "cifar10",
            "--method",
            "rea",
            "--signal",
            "val.12",
            "--budget-seconds",
            "2000",
            "--repeats",
            "3",
            "--json",
        ]
    )
    result = json.loads(capsys.readouterr().out)
    assert (result["signal"], result["budget_seconds"], result["queries"]) == ("val.12", 2000, None)
    assert result["options"]["rea"] == {"population": 10, "sample": 3}
    assert [row["seconds"] for row in result["curves"]["rea"]] == [200, 500, 1000, 2000]
    assert result["published"] == {}


def test_samplers_come_beside_the_searches_that_are_named(data, capsys):
    pytest.importorskip("optuna", reason="Optuna is the extra 'optuna'")
    sampler = "optuna:TPESampler(n_startup_trials=3)"
    assert list(parse(["--sampler", sampler])[1]) == [*USUAL, sampler]
    asked = f"--data {data} --queries 8 --repeats 2 --method random --sampler".split()
    main([*asked, sampler])
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith(f"{sampler}: test ")
    widths = {len(line) for line in out.splitlines() if line.startswith(("queries", "      8"))}
    assert len(widths) == 1
