"""TensorBoard, read back by its own package."""

import pandas as pd
import pytest
import tiny
from PIL import Image

pytest.importorskip("tensorboard", reason="TensorBoard is the extra 'tensorboard'")


@pytest.fixture
def accumulated():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(folder):
        return EventAccumulator(str(folder / "tensorboard"), {"scalars": 0, "images": 0}).Reload()

    return read


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    tiny.make_table(tmp_path / "data")
    return {"data": tmp_path / "data", "runs": tmp_path / "runs"}


def points(read, folder):
    found = read(folder)
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def hparams(read):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    told = read.PluginTagToContent("hparams")
    tags = (f"_hparams_/session_{tag}" for tag in ("start_info", "end_info"))
    return [HParamsPluginData.FromString(told[tag]) for tag in tags]


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_in_the_same_curves(folders, tmp_path, accumulated):
    config, more = tiny.config("spos"), {"log": ("tensorboard",)}
    plain = tmp_path / "plain"
    tiny.run_plainly(config, folders | {"runs": plain}, pictures=True)
    assert tiny.killed(3, run_logged, config, folders, more) == -9
    record = run_logged(config, folders, more)
    folder = folders["runs"] / record["run"]
    assert tiny.same(folder, plain / record["run"])

    found = points(accumulated, folder)
    history = pd.read_parquet(folder / "history.parquet")
    for phase, name in (("train", "loss"), ("search", "best")):
        rows = history[history["phase"] == phase]
        wanted = list(zip(rows["step"], rows[name], strict=True))
        assert [s for s, _ in wanted] == [s for s, _ in found[f"{phase}/{name}"]]
        assert [v for _, v in found[f"{phase}/{name}"]] == pytest.approx([v for _, v in wanted])
    floor = record["floors"]["params"]["value"]
    assert found["result/floor_params"] == [(0, pytest.approx(floor)), (6, pytest.approx(floor))]
    assert found["costs/image_passes"] == [(0, record["costs"]["image_passes"])]
    read = accumulated(folder)
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

    before = found
    run_logged(config, folders, more)
    assert points(accumulated, folder) == before


def run_logged(config, folders, more):
    return tiny.run_plainly(config, folders, pictures=True, **more)
