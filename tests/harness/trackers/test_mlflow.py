"""MLflow, read back by its own client."""

import pytest
import tracked

mlflow = pytest.importorskip("mlflow", reason="MLflow is the extra 'mlflow'")


@pytest.mark.slow
def test_a_run_goes_on_as_the_same_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder, picture = tmp_path / "runs" / tracked.NAME, tmp_path / "scatter.png"
    folder.mkdir(parents=True)
    picture.write_bytes(b"\x89PNG")
    tracked.tell_and_die(["mlflow"], folder)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("nas-harness").experiment_id
    (run,) = client.search_runs([experiment])
    assert (run.info.status, run.data.metrics["train/loss"]) == ("KILLED", 2.5)

    tracked.tell_all(["mlflow"], folder, picture)
    (run,) = client.search_runs([experiment])
    assert (run.info.run_name, run.info.status) == (tracked.NAME, "FINISHED")
    assert run.data.params == {"seed": "3", "train.steps": "100"}
    points = {
        name: [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
    assert points.pop("train/loss") == [(50, 2.5)]
    assert points.pop("watch/tau") == [(50, 0.4)]
    assert points.pop("search/best") == [(1, 90)]
    assert points.pop("costs/steps") == [(0, 100)]
    for name, value in tracked.LINES.items():
        assert points.pop(name) == [(0, value), (100, value)]
    assert points.keys() == {"watch/tau_low", "watch/tau_high", "found/truth"}
    assert [found.path for found in client.list_artifacts(run.info.run_id)] == ["scatter.png"]
