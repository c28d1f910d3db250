"""A dry run names runs and carries none out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from harness.cli import main
from harness.commands import grid as grid_command
from harness.config.config import SCHEMA_VERSION
from harness.files.store import write_json
from harness.grid.grid import planned
from harness.grid.plan import announcement, planned_rows
from harness.grid.queue import Job, Outcome
from harness.resuming.workspace import Workspace
from harness.running.assembly import ground_truth
from harness.running.pipeline import Execution
from searchspaces.errors import UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    tiny.make_table(folder)
    return folder


def test_runs_are_named_by_the_truths_that_they_are_ranked_against(tmp_path):
    """A table of two trainings."""
    table = tiny.make_table(tmp_path / "one")
    truths = {"truth": "whole", "truth_images": {"whole": 9, "half": 4}}
    half = {"half:test.4.mean": table.accuracy("test") / 2}
    meta = replace(table.meta, training=truths)
    both = replace(table, meta=meta, accuracies=table.accuracies | half, distinct=True)
    both.save(tmp_path / "data" / "both.parquet")
    configs = [tiny.config("spos", "--truth", truth) for truth in ("whole", "half")]
    names = []
    for config in configs:
        identity = ground_truth(config, tmp_path / "data")[1].meta.identity
        names.append(config.run_name(identity))
    execution = Execution(data=tmp_path / "data", runs=tmp_path / "runs")
    jobs, outcome, _ = planned([(config.truth, config) for config in configs], execution)
    assert [job.name for job in jobs] == names and not outcome.failed
    assert "half" in identity


def test_a_dry_run_names_what_is_finished_and_what_is_to_do(data, tmp_path, capsys):
    line = ["grid", "--method", "spos", "fairnas", "--preset", "smoke", "--seed", "0", "1"]
    line += ["--data", str(data), "--runs", str(tmp_path / "runs"), "--dry-run"]
    line += ["--workers", "2"]
    assert main(line) == 0
    *planned, said = capsys.readouterr().out.splitlines()
    costs = ["to do: a supernet of 200 steps of 64 images"] * 2 + [
        "to do: a supernet of 40 steps of 64 images"
    ] * 2
    assert [row.partition("  ")[2] for row in planned] == costs
    assert said == ("4 runs: 4 to do, 2 at a time; how long they take is told while they run.")
    assert not (tmp_path / "runs").exists()
    folders = [Path(row.split()[0]) for row in planned]
    methods = [folder.name.split("-")[2] for folder in folders]
    assert methods == ["spos", "spos", "fairnas", "fairnas"]
    folders[2].mkdir(parents=True)
    record = {"schema_version": SCHEMA_VERSION, "costs": {"seconds": 50.0}}
    (folders[2] / "run.json").write_text(json.dumps(record))
    folders[1].mkdir()
    (folders[1] / "checkpoint.pt").touch()
    assert main(line) == 0
    finished, first, begun, other, said = capsys.readouterr().out.splitlines()
    assert (finished, first) == (f"{folders[2]}  finished", planned[0])
    assert begun == planned[1].replace("to do", "begun")
    assert other == f"{planned[3]}, about 50 s"
    assert said == (
        "4 runs: 1 finished, 3 to do, 2 at a time; about 50 s for 1 of them, by what finished runs "
        "of other seeds have taken once they had started."
    )


def test_runs_that_share_a_supernet_name_the_one_that_trains_it(data, tmp_path, capsys):
    line = ["grid", "--method", "spos", "--score.by", "accuracy", "loss", "--preset", "smoke"]
    line += ["--data", str(data), "--runs", str(tmp_path / "runs"), "--dry-run"]
    assert main(line) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    name = Path(first.split()[0]).name
    assert second.endswith(f"  to do: the supernet of {name}")


@pytest.mark.parametrize(
    ("taken", "slots", "said"),
    [
        ({0: 100.0}, 2, "about 2 min, by what"),  # two runs of 100 s, none shorter than itself
        ({0: 100.0, 3: 200.0}, 1, "about 5 min, by what"),  # 150 s each
        ({}, 1, "how long they take is told while they run"),
    ],
)
def test_time_is_that_of_other_seeds(tmp_path, taken, slots, said):
    for seed, seconds in taken.items():
        folder = tmp_path / f"a-s{seed}"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"costs": {"seconds": seconds}}))
    (tmp_path / "a-s9").mkdir()
    (tmp_path / "a-s9" / "run.json").write_text("damaged")
    jobs = [Job(f"s{seed}", None, Workspace(tmp_path / f"a-s{seed}"), "") for seed in (1, 2)]
    outcome = Outcome({"s0": "a-s0"}, {"mad": "why."})
    told = announcement(jobs, outcome, slots, last=2)
    start = (
        f"6 runs: 1 finished, 1 impossible, 2 to do, 2 ensembles of them to come last, {slots} at"
    )
    assert told.startswith(start) and said in told
    assert announcement([], outcome, slots) == "2 runs: 1 finished, 1 impossible, 0 to do."


def test_time_is_told_of_the_runs_of_which_it_is_known(tmp_path):
    for seed, seconds in {0: 100.0, 7: 500.0}.items():
        (tmp_path / f"a-s{seed}").mkdir()
        write_json(tmp_path / f"a-s{seed}" / "run.json", {"costs": {"seconds": seconds}})
    jobs = [
        Job(name, None, Workspace(tmp_path / name), name, 0) for name in ("a-s1", "b-s1", "a-s2")
    ]
    by = "by what finished runs of other seeds have taken once they had started."
    assert announcement(jobs, Outcome(), 0) == f"3 runs: 3 to do; about 10 min for 2 of them, {by}"
    assert announcement(jobs[:1], Outcome(), 3) == f"1 run: 1 to do, 3 at a time; about 5 min, {by}"
    costs = [cost for _, _, cost in planned_rows(jobs, Outcome(), tmp_path)]
    known = "to do: trains nothing, about 5 min"
    assert costs == [known, "to do: trains nothing", known]


def test_a_grid_ends_with_the_comparison_of_its_runs(data, tmp_path, monkeypatch, capsys):
    compared = []
    outcome = Outcome({"a": "one", "b": "two"}, {"c": "it broke."})
    monkeypatch.setattr("harness.grid.grid.run_grid", lambda *given, **named: outcome)

    def comparing(folders):
        compared.append(folders)
        print("they compare")

    monkeypatch.setattr(grid_command, "COMPARISONS", {"runs": comparing})
    line = ["grid", "--method", "spos", "--seed", "0", "1", "2", "--runs", str(tmp_path)]
    assert main(line) == 2
    folders = [str(tmp_path / name) for name in ("one", "two")]
    assert compared == [folders]
    said = capsys.readouterr()
    assert said.out.split() == folders  # what a script reads
    assert "they compare" in said.err and "1 of 3 runs failed" in said.err
    monkeypatch.setattr(grid_command, "COMPARISONS", {"runs": refusing})
    del outcome.failed["c"]
    assert main(line) == 0  # the runs are there
    assert capsys.readouterr().err == "not compared: it is not like the other.\n"
    outcome.finished.clear()
    main(line)
    assert capsys.readouterr().out == ""


def refusing(folders):
    raise UsageError("it is not like the other.")
