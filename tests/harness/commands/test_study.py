"""A study chooses on one sample by validation truth and reports on the others by test truth."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny
from scipy.stats import kendalltau

from harness.cli import main
from harness.commands import study
from harness.commands.study import complete, tau
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


@pytest.mark.parametrize("report", [False, True])
def test_a_tau_is_of_the_sample_by_validation_or_of_the_others_by_test(tmp_path, folders, report):
    table = folders["table"]
    archs = table.archs[::-1]
    scores = np.random.default_rng(1).normal(size=len(archs))
    pd.DataFrame({"arch": archs, "score": scores}).to_parquet(tmp_path / "scores.parquet")
    rows, sample = table.index(archs), set(sampled_rows(table, SAMPLE).tolist())
    chosen = np.array([(row in sample) != report for row in rows])
    truth = table.truth("test" if report else "val")[rows]
    expected = kendalltau(scores[chosen], truth[chosen]).statistic
    assert tau(tmp_path, table, SAMPLE, report=report) == pytest.approx(expected, abs=1e-12)


def test_a_row_has_the_mean_and_range_of_its_seeds_and_their_minutes(tmp_path, monkeypatch):
    """Skewed, so that no mean is a median; a run without τ counts as −1."""
    found = {
        "lr 1 seed 0": (0.5, 60), "lr 1 seed 1": (0.6, 120), "lr 1 seed 2": (0.9, 360),
        "lr 2 seed 0": (0.8, 30), "lr 3 seed 0": (None, 90),
    }  # fmt: skip
    labelled, folders = [], {}
    for label, (_, seconds) in found.items():
        labelled.append((label, SimpleNamespace(seed=int(label[-1]), method="spos")))
        folders[label] = tmp_path / label.replace(" ", "-")
        folders[label].mkdir()
        record = {"costs": {"seconds": seconds}}
        (folders[label] / "run.json").write_text(json.dumps(record))
    taus = {folders[label]: value for label, (value, _) in found.items()}
    monkeypatch.setattr(study, "tau", lambda folder, *_, report: taus[folder])
    lines = study.rendered(labelled, folders, dict.fromkeys(found), 500, report=True).splitlines()
    assert lines[0] == (
        "| setting | τ, test accuracy, all but the 500 of the sample | lowest | highest | seeds | "
        "minutes |"
    )
    assert lines[2:] == [
        "| lr 2 | 0.800 | 0.800 | 0.800 | 1 | 0.5 |",
        "| lr 1 | 0.667 | 0.500 | 0.900 | 3 | 3.0 |",
        "| lr 3 | -1.000 | -1.000 | -1.000 | 1 | 1.5 |",
    ]
    chosen = study.rendered(labelled, folders, dict.fromkeys(found), 1500, report=False)
    assert "| τ, validation accuracy of the 1,500 of the sample |" in chosen


def test_a_study_brings_its_seeds_and_sample():
    assert complete(["--space", "macro"], 400, report=False) == [
        *["--space", "macro", "--method", "spos", "--task", "cifar10", "--seed", "100", "101", "102"],
        "--rank.architectures", "400",
    ]  # fmt: skip
    assert complete(["--method", "fairnas"], 400, report=True) == [
        *[
            "--method",
            "fairnas",
            "--task",
            "cifar10",
            "--seed",
            "0",
            "1",
            "2",
            "--rank.architectures",
            "0",
        ]
    ]
    with pytest.raises(UsageError, match="use --development for the sample"):
        complete(["--rank.architectures", "7"], 500, report=False)


def test_a_table_without_validation_truth_is_refused(capsys):
    assert main(["study", "--space", "macro", "--supernet.width", "4", "--seed", "100"]) == 2
    assert "has no val" in capsys.readouterr().err
