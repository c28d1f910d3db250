"""A run that is killed and goes on, read back with the packages of those who keep it."""

import io
import json
import struct
from contextlib import redirect_stderr
from importlib.util import find_spec
from types import SimpleNamespace

import pandas as pd
import pytest
import tiny
import tracked
from PIL import Image

from harness.trackers import tracking
from harness.trackers.mlflow import MLflow

pytest.importorskip("tensorboard", reason="TensorBoard is the extra 'tensorboard'")

SERVICES = ["tensorboard", *filter(find_spec, ("wandb", "mlflow"))]
NOT_HERE = {name: not find_spec(name) for name in ("wandb", "mlflow")}


def run_logged(config, folders, log=()):
    return tiny.run_plainly(config, folders, pictures=True, log=log)


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """The run, which TensorBoard saw killed, the others stopped; then it went on beside all."""
    home = tmp_path_factory.mktemp("logged")
    tiny.make_table(home / "data")
    config, said = tiny.config("spos"), io.StringIO()
    plain, folders = ({"data": home / "data", "runs": home / name} for name in ("plain", "runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracking, "PATIENCE", 300.0)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("WANDB_MODE", "offline")
        for name in ("NAS_HARNESS_HOME", "WANDB_CACHE_DIR"):
            patch.setenv(name, str(home / name))
        name = run_logged(config, plain)["run"]
        folder = folders["runs"] / name
        run = SimpleNamespace(config=config, folders=folders, folder=folder)
        run.plain = plain["runs"] / name
        run.history = pd.read_parquet(run.plain / "history.parquet")
        assert tiny.killed(3, run_logged, config, folders, ("tensorboard",)) == -9
        run.stopped = stopped(run)
        with redirect_stderr(said):
            run.record = run_logged(config, folders, SERVICES)
        assert "the run goes on without it" not in said.getvalue()
        yield run


def stopped(run):
    """What MLflow has of the run once its first rows were told, and its process left."""
    rows = run.history.to_dict("records")[:2]
    if "wandb" in SERVICES:
        tracked.tell_and_die(["wandb"], run.folder, run.folder.name, rows)
    if "mlflow" in SERVICES:
        ours = MLflow()
        ours.begin(run.folder.name, run.folder, {"seed": 3})
        for number, row in enumerate(rows):
            ours.log(number, row["step"], {"train/loss": row["loss"]})
        ours.leave()
        (found,) = of_mlflow(run)[1]
        return found


def lines(run):
    """Steps and values of all rows of the history, by phase and name."""
    return {
        f"{phase}/{name}": list(zip(told["step"], told[name], strict=True))
        for phase, rows in run.history.groupby("phase")
        for name in rows.columns.drop(["phase", "step"])
        if len(told := rows.dropna(subset=name))
    }


def results(record):
    """Lines of what came out, each from the first to the last step."""
    tau = record["metrics"]["all"]["kendall_tau"]
    named = {"tau": tau["value"], "tau_low": tau["low"], "tau_high": tau["high"]}
    named |= {f"floor_{name}": floor["value"] for name, floor in record["floors"].items()}
    ceilings = {name: found for name, found in record["ceiling"].items() if isinstance(found, dict)}
    named |= {f"ceiling_{name}": found["value"] for name, found in ceilings.items()}
    known = {name: value for name, value in named.items() if value is not None}
    return {f"result/{name}": [(0, value), (6, value)] for name, value in known.items()}


def same_points(found, wanted):
    """Values that TensorBoard keeps in four bytes."""
    assert [step for step, _ in found] == [step for step, _ in wanted]
    assert [value for _, value in found] == pytest.approx([value for _, value in wanted])
    return True


def of_tensorboard(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run.folder / "tensorboard"), {"scalars": 0, "images": 0}).Reload()
    points = {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }
    return found, points


def hparams(read):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    told = read.PluginTagToContent("hparams")
    tags = (f"_hparams_/session_{tag}" for tag in ("start_info", "end_info"))
    return [HParamsPluginData.FromString(told[tag]) for tag in tags]


def of_mlflow(run):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{run.folder.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("nas-harness").experiment_id
    return client, client.search_runs([experiment])


def of_wandb(path):
    """What is in a log of chunks, as LevelDB writes them."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := 2**15 - at % 2**15) < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        parts += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(parts)
            parts = b""


@pytest.mark.slow
def test_tensorboard_goes_on_in_the_same_curves(logged):
    record, folder = logged.record, logged.folder
    assert tiny.same(folder, logged.plain)
    read, found = of_tensorboard(logged)
    for name, points in (lines(logged) | results(record)).items():
        assert same_points(found[name], points)
    assert found["costs/image_passes"] == [(0, record["costs"]["image_passes"])]
    (scatter,) = read.Images("scatter")
    with Image.open(folder / "scatter.png") as picture:
        assert picture.size == (scatter.width, scatter.height)
    assert scatter.encoded_image_string == (folder / "scatter.png").read_bytes()
    assert (
        "| train.steps | 6 |"
        in read.Tensors("options/text_summary")[-1].tensor_proto.string_val[0].decode()
    )
    begun, ended = hparams(read)
    told = begun.session_start_info.hparams
    assert (told["train.steps"].number_value, told["method"].string_value) == (6, "spos")
    assert ended.session_end_info.status == 1  # success

    run_logged(logged.config, logged.folders, ("tensorboard",))
    assert of_tensorboard(logged)[1] == found


@pytest.mark.slow
@pytest.mark.skipif(NOT_HERE["mlflow"], reason="MLflow is the extra 'mlflow'")
def test_mlflow_goes_on_with_the_same_run(logged):
    last = logged.history["loss"][1]
    stopped = logged.stopped
    assert (stopped.info.status, stopped.data.metrics) == ("KILLED", {"train/loss": last})
    client, (run,) = of_mlflow(logged)
    assert (run.info.run_name, run.info.status) == (logged.folder.name, "FINISHED")
    options = dict(tracking.flattened(logged.config.to_dict()))
    assert run.data.params == {name: str(value) for name, value in options.items()}
    points = {
        name: [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
    record = logged.record
    for name, wanted in (lines(logged) | results(record)).items():
        assert points.pop(name) == wanted
    numbers = {k: v for k, v in record["costs"].items() if isinstance(v, int | float)}
    assert points == {f"costs/{name}": [(0, value)] for name, value in numbers.items()}
    assert [found.path for found in client.list_artifacts(run.info.run_id)] == ["scatter.png"]


@pytest.mark.slow
@pytest.mark.skipif(NOT_HERE["wandb"], reason="Weights & Biases is the extra 'wandb'")
def test_weights_and_biases_has_all_of_the_run_in_its_last_file(logged):
    first, last = files = sorted(logged.folder.glob("wandb/offline-run-*/*.wandb"))
    assert {file.name for file in files} == {f"run-{logged.folder.name}.wandb"}
    (code,) = (record.exit.exit_code for record in of_wandb(first) if record.HasField("exit"))
    assert code == 1
    told = list(of_wandb(last))
    (begun,) = (record.run for record in told if record.HasField("run"))
    options = {item.key: item.value_json for item in begun.config.update}
    assert (begun.run_id, options["train.steps"]) == (logged.folder.name, "6")
    assert not getattr(begun, "resume", False)  # it takes the place of the first
    rows = [
        {item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        for record in told
        if record.HasField("history")
    ]
    assert [row["_step"] for row in rows] == list(range(len(logged.history) + 2))
    for name, wanted in (lines(logged) | results(logged.record)).items():
        place = f"{name.partition('/')[0]}/step"
        assert [(row[place], row[name]) for row in rows if name in row] == wanted
    (scatter,) = last.parent.glob("files/media/images/scatter*.png")
    assert scatter.read_bytes() == (logged.folder / "scatter.png").read_bytes()
