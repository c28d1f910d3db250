"""A study chooses on one sample by validation truth and reports on the others by test truth."""

import numpy as np
import pandas as pd
import pytest
import tiny
from scipy.stats import kendalltau

from harness.cli import main
from harness.commands.study import complete
from harness.running.assembly import sampled_rows
from searchspaces.errors import UsageError

SAMPLE = 8


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("study")
    return {"table": tiny.make_table(base / "data"), "data": base / "data", "runs": base / "runs"}


def studied(folders, capsys, *more):
    options = tiny.arguments("spos", "--task", "digits", "--supernet.width", "4", *more)
    at = options.index("--rank.architectures")
    del options[at : at + 2]
    at = options.index("--seed")
    del options[at : at + 2]
    places = ["--data", str(folders["data"]), "--runs", str(folders["runs"]), "--workers", "1"]
    assert main(["study", "--development", str(SAMPLE), *options, *places]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("report", [False, True])
def test_rows_are_taus_of_the_sample_or_of_the_others(folders, capsys, report):
    more = ["--report"] * report + ["--seed", "7"]
    lines = studied(folders, capsys, *more, "--score.by", "accuracy", "loss")
    table, sample = folders["table"], set(sampled_rows(folders["table"], SAMPLE).tolist())
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert {row[0] for row in rows} == {"score.by accuracy", "score.by loss"}
    expected = {}
    for path in folders["runs"].glob("nb201*/scores.parquet"):
        scores = pd.read_parquet(path)
        if len(scores) != (tiny.ARCHITECTURES if report else SAMPLE):
            continue
        row = table.index(scores["arch"].tolist())
        chosen = np.array([(r in sample) != report for r in row])
        truth = table.truth("test" if report else "val")[row]
        by = "loss" if scores["score"].max() < 0 else "accuracy"
        expected[f"score.by {by}"] = kendalltau(scores["score"][chosen], truth[chosen]).statistic
        assert chosen.sum() == (tiny.ARCHITECTURES - SAMPLE if report else SAMPLE)
    assert {row[0]: row[1] for row in rows} == {s: f"{t:.3f}" for s, t in expected.items()}
    assert float(rows[0][1]) >= float(rows[1][1])


def test_a_study_brings_its_seeds_and_sample():
    chosen = complete(["--space", "macro"], 500, report=False)
    assert chosen[-2:] == ["--rank.architectures", "500"] and "102" in chosen
    reported = complete(["--method", "fairnas"], 500, report=True)
    assert reported[-2:] == ["--rank.architectures", "0"]
    assert reported.count("--method") == 1 and {"0", "1", "2"} < set(reported)
    with pytest.raises(UsageError, match="use --development for the sample"):
        complete(["--rank.architectures", "7"], 500, report=False)


def test_a_table_without_validation_truth_is_refused(capsys):
    assert main(["study", "--space", "macro", "--supernet.width", "4", "--seed", "100"]) == 2
    assert "has no val" in capsys.readouterr().err
