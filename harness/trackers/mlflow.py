"""MLflow: a database beside the runs, or the server that ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.trackers.tracker import Tracker

EXPERIMENT = "nas-harness"
TAG = "nas_harness_run"
BATCH = 100  # parameters that MLflow takes at once


class MLflow(Tracker):
    """Options as parameters, lines as metrics, the scatter as an artifact.

    A run is found again by its tag; points that it has are left out.
    """

    package = "mlflow"

    def begin(self, name: str, folder: Path, parameters: Mapping[str, Any]) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        runs = folder.resolve().parent
        uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{runs / 'mlflow.db'}")
        with FileLock(runs / ".mlflow.lock"):  # of runs side by side, one makes the database
            self.client = MlflowClient(tracking_uri=uri)
            known = self.client.get_experiment_by_name(EXPERIMENT)
            place = None if "MLFLOW_TRACKING_URI" in os.environ else (runs / "mlflow").as_uri()
            experiment = (
                known.experiment_id if known else self.client.create_experiment(EXPERIMENT, place)
            )
            begun = self.client.search_runs([experiment], f"tags.{TAG} = '{name}'")
            if not begun:
                begun = [self.client.create_run(experiment, run_name=name, tags={TAG: name})]
        self.id = begun[0].info.run_id
        self.client.update_run(self.id, status="RUNNING")
        self.last = {
            key: max(point.step for point in self.client.get_metric_history(self.id, key))
            for key in begun[0].data.metrics
        }
        options = [Param(key, str(value)) for key, value in parameters.items()]
        for start in range(0, len(options), BATCH):
            self.client.log_batch(self.id, params=options[start : start + BATCH])

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        new = {key: value for key, value in values.items() if step > self.last.get(key, -1)}
        self.client.log_batch(self.id, [Metric(key, new[key], now, step) for key in new])
        self.last |= dict.fromkeys(new, step)

    def picture(self, name: str, path: Path) -> None:
        self.client.log_artifact(self.id, str(path))

    def end(self, results: Mapping[str, float]) -> None:
        self.log(0, 0, {key: value for key, value in results.items() if key not in self.last})
        self.client.set_terminated(self.id)

    def leave(self) -> None:
        self.client.set_terminated(self.id, "KILLED")
