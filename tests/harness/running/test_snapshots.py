"""Runs whose scores are means over snapshots: killed, taken over, ranked by processes, watched."""

from signal import SIGKILL

import numpy as np
import pandas as pd
import pytest
import tiny

from harness.config.config import Config, with_values
from harness.jobs import pool
from harness.running.assembly import training_identity
from harness.running.run_record import render_record
from searchspaces.registry import SPACES


@pytest.fixture(scope="module")
def reference(folders):
    config = tiny.config("spos", "--score.snapshots", "3")
    own = folders("undisturbed")
    record = tiny.run_plainly(config, own)
    return config, own["runs"] / record["run"], record


def test_the_record_says_it(reference, folders):
    _, folder, record = reference
    plain = tiny.run_plainly(tiny.config("spos"), folders("plain"))
    assert record["scoring"] == plain["scoring"] | {"snapshots": 3}
    passes = [own["costs"]["scoring_image_passes"] for own in (record, plain)]
    assert passes[0] == 3 * passes[1]
    assert record["training"]["compute"] == plain["training"]["compute"]
    said = "scores mean of 3 snapshots, on the val split, BN recalibrate"
    assert said in render_record(record, folder)
    right = 2 * 3 * pd.read_parquet(folder / "scores.parquet")["score"]  # of 200 images
    np.testing.assert_allclose(right, right.round(), rtol=0, atol=1e-9)
    assert (right % 3).round().nunique() > 1


@pytest.mark.slow
def test_a_run_killed_behind_its_snapshots_ends_with_the_same_bits(reference, folders):
    config, folder, _ = reference
    own = folders("killed")
    for attempt, writes in enumerate((4, 3, 2, 3)):
        assert tiny.run_killed(config, own, writes) == -SIGKILL, attempt
    record = tiny.run_plainly(config, own)
    assert tiny.same(folder, own["runs"] / record["run"])


@pytest.mark.slow
def test_several_processes_rank_as_one(reference, folders, monkeypatch):
    config, folder, record = reference
    two = folders("two processes")
    monkeypatch.setattr(pool, "get_context", tiny.quick_context)
    tiny.run_plainly(config, two, workers=2)
    assert tiny.same(folder, two["runs"] / record["run"])


@pytest.mark.slow
def test_a_shared_supernet_brings_its_snapshots(reference, folders, capsys):
    config, _, _ = reference
    other = with_values(config, {"score.images": 100})
    alone = tiny.run_plainly(other, folders("alone"))
    taken = tiny.run_plainly(other, {**folders("undisturbed")})
    assert "supernet taken" in capsys.readouterr().err
    runs = [folders(name)["runs"] / alone["run"] for name in ("alone", "undisturbed")]
    assert taken["run"] == alone["run"] and tiny.same(*runs)


def test_other_snapshots_are_another_run_and_another_training():
    plain, space = Config(method="spos"), SPACES["nb201"]("compact")
    several = [with_values(plain, {"score.snapshots": number}) for number in (1, 2, 3)]
    assert len({config.run_name("t") for config in several}) == 3
    assert several[0].run_name("t") == plain.run_name("t")
    assert "snapshots" not in plain.to_dict()["score"]
    identities = [training_identity(config, space, 10) for config in several]
    assert identities[0] == training_identity(plain, space, 10)
    assert "snapshots" not in identities[0] and identities[1] != identities[2]


def test_the_last_point_of_a_curve_is_of_all_snapshots(reference, folders):
    """Of all that are ranked, so that the run's own τ is that of the sample."""
    config = with_values(reference[0], {"rank.architectures": 0})
    record = tiny.run_plainly(config, own := folders("watched"), watch=2)
    history = pd.read_parquet(own["runs"] / record["run"] / "history.parquet")
    curve = history[history["phase"] == "watch"]
    assert curve["step"].tolist() == [2, 4, 6]
    assert curve["tau"].iloc[-1] == record["metrics"]["all"]["kendall_tau"]["value"]
