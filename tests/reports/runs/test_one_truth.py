"""Runs ranked against different trainings are not compared."""

import pytest

from harness.tabular import locate
from harness.tabular.locate import EMBEDDED, find_table
from harness.tabular.nasbench201_source import HALF_FILE
from harness.tabular.table import Table
from reports.page.folders import gather
from reports.papers.definition.item import Truth
from reports.papers.measured.truths import Truths
from reports.pictures.scatter import titles
from reports.runs.compare import summary
from reports.runs.record import load
from reports.text.comparison_table import to_markdown
from searchspaces.errors import UsageError


@pytest.fixture
def ranked(make_record, write_run):
    """``ranked(name, seed, **ground truth)``: the folder of a run of SPOS on CIFAR-10."""

    def write(name, seed, task="cifar10", **changes):
        content = make_record("spos", seed, 0.5)
        content["config"] |= {"space": "nb201", "task": task}
        del content["ground_truth"]["truth"]
        content["ground_truth"] |= changes
        return write_run(name, content)

    return write


def test_two_trainings_are_not_compared(ranked, tmp_path):
    folders = [ranked("a", 0, truth="cifar10"), ranked("b", 1, truth="cifar10-valid")]
    for compare in (summary, gather):
        with pytest.raises(UsageError, match="against the training cifar10, .*cifar10-valid"):
            compare(folders)
        compare(folders[:1])
    ranked("c", 0, task="cifar100", truth="cifar100")
    summary([folders[1], tmp_path / "c"])  # different tasks stand apart anyway


def test_records_from_before_trainings_had_names_are_of_the_table_s_own(ranked):
    assert load(ranked("a", 0, sha256=HALF_FILE)).get("ground_truth", "truth") == "cifar10-valid"
    assert load(ranked("b", 0, sha256="0" * 64)).get("ground_truth", "truth") == "cifar10"
    digits = load(ranked("c", 0, task="digits", sha256=HALF_FILE))
    assert digits.get("ground_truth", "truth") == "digits"


def test_comparisons_and_pictures_name_the_training(ranked):
    folder = ranked("a", 0, truth="cifar10-valid")
    assert "training cifar10-valid, test split" in to_markdown(summary([folder]))
    assert "training cifar10-valid, test split" in titles(load(folder))[2]


def test_printed_numbers_are_set_beside_the_usual_training(tmp_path, monkeypatch):
    """Also where the data folder has the other one only."""
    monkeypatch.setattr(locate, "EMBEDDED", EMBEDDED)
    half = Table.load(EMBEDDED / "nb201-benchmark-cifar10.parquet").of_training("cifar10-valid")
    half.save(tmp_path / "data" / "half.parquet")
    assert find_table("nb201", "benchmark", "cifar10", tmp_path / "data").meta.truth != "cifar10"
    table = Truths(tmp_path / "data").of(Truth("nb201", "cifar10"))
    assert table.meta.truth == "cifar10"
    assert table.accuracy("test").max() == pytest.approx(94.373, abs=5e-4)
