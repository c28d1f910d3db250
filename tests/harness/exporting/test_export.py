"""From a run to a file: whose weights, what the card says, and what is refused."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import tiny
import torch

from harness.exporting.export import export_network
from harness.exporting.reading import exported_origin, read_exported
from harness.resuming.workspace import load_tensors
from harness.tasks import load_task
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

ALONE = """
import json, sys
import torch
extra = {"card.json": ""}
network = torch.export.load(sys.argv[1], extra_files=extra).module()
ours = {"harness", "searchspaces", "methods", "reports"} & sys.modules.keys()
size = json.loads(extra["card.json"])["input"]["shape"][1:]
images = torch.linspace(-1, 1, 144).view(1, 1, 12, 12)
logits = [network(images.expand(n, 1, 12, 12)).tolist() for n in (1, 3)]
print(json.dumps([sorted(ours), size, logits]))
"""


def copied(folder, to):
    """A run of its own to damage."""
    return shutil.copytree(folder, to / folder.name)


def test_the_file_is_what_the_run_scored(run, exported):
    """Its network has the supernet's weights, and the accuracy that they were scored with."""
    (folder, record, _), (path, card) = run, exported
    assert card["architecture"]["arch"] == record["found"]["arch"]
    assert card["accuracy"] == {"value": pytest.approx(card["score"]["value"], abs=0.51),
                                "split": "val", "images": 200}  # fmt: skip
    _, weights = read_exported(path)
    shared = load_tensors(folder / "checkpoint.pt")["method"]["supernet"]
    learned = {name: w for name, w in weights.items() if "running" not in name}
    assert learned and all(torch.equal(w, shared[name]) for name, w in learned.items())
    assert not all(torch.equal(w, shared[name]) for name, w in weights.items())

    task = load_task("digits")
    images, labels = next(task.batches("val", 200))
    logits = torch.export.load(path).module()(images)
    right = 100 * (logits.argmax(1) == labels).float().mean().item()
    assert right == pytest.approx(card["accuracy"]["value"], abs=0.51)


@pytest.mark.slow
def test_it_loads_where_nothing_of_the_harness_is(exported, tmp_path):
    path, _ = exported
    away = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ran = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", ALONE, str(path)],
        cwd=tmp_path, env=away, capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours, size, (one, three) = json.loads(ran.stdout)
    assert (ours, size) == ([], [1, 12, 12])
    assert len(three) == 3 and three[0] == pytest.approx(one[0], abs=1e-4)


def test_the_card_says_what_is_known(run, exported):
    (_, record, _), (path, card) = run, exported
    task = load_task("digits")
    assert card["input"]["mean"] == list(task.mean) and card["input"]["std"] == list(task.std)
    assert card["task"] == {
        "name": "digits", "classes": 10, "images_sha256": record["data"]["sha256"],
    }  # fmt: skip
    assert (card["seed"], card["search"]["method"]) == (3, "spos")
    assert card["costs"] == record["costs"]
    assert card["weights"]["batch_norm"].startswith("re-estimated on 64 training images")
    assert card["licence"]["code"].startswith("Apache-2.0")
    assert card["licence"]["images"].startswith("CC BY 4.0, Optical Recognition")
    assert card["exported_with"]["torch"] == torch.__version__

    inside, _ = read_exported(path)
    assert inside == {k: v for k, v in card.items() if k not in ("file", "file_sha256")}
    beside = path.with_name("found.pt2.md").read_text()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert card["file_sha256"] == sha256 and sha256 in beside
    assert card["weights"]["sha256"] in beside and record["run"] in beside
    rows = [line for line in beside.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)


def test_any_other_architecture_with_the_score_and_truth_of_the_run(run, tmp_path):
    folder, _, data = run
    row = pd.read_parquet(folder / "scores.parquet").iloc[0]
    card = export_network(folder, tmp_path / "a.pt2", row["arch"], "torch", data)
    assert card["score"] | {"value": 0} == {
        "value": 0, "ranked": True, "by": "accuracy", "split": "val", "bn": "recalibrate",
        "images": 200,
    }  # fmt: skip
    assert card["score"]["value"] == row["score"]
    assert card["accuracy"]["value"] == pytest.approx(row["score"], abs=0.51)
    assert card["truth"]["value"] == pytest.approx(row["truth"])
    assert card["truth"]["how"] == "read from the table"


def test_a_score_over_snapshots_is_called_their_mean(runs, tmp_path):
    folders = runs("snapshots")
    config = tiny.config("spos", "--score.snapshots", "3")
    record = tiny.run_plainly(config, folders, keep_checkpoint=True)
    folder = folders["runs"] / record["run"]
    row = pd.read_parquet(folder / "scores.parquet").iloc[0]
    card = export_network(folder, tmp_path / "a.pt2", row["arch"], "torch", folders["data"])
    assert (card["score"]["value"], card["score"]["snapshots"]) == (row["score"], 3)
    said = (tmp_path / "a.pt2.md").read_text()
    assert "(accuracy, val, mean of 3 snapshots of the supernet), in the ranking" in said


def test_the_same_twice_is_the_same_file_and_nothing_is_overwritten_unasked(run, exported):
    (folder, _, data), (path, card) = run, exported
    before = path.read_bytes()
    with pytest.raises(UsageError, match="found.pt2 exists; choose another --output, or .*overwr"):
        export_network(folder, path, "best", data=data)
    again = export_network(folder, path, "best", data=data, overwrite=True)
    assert again == card and path.read_bytes() == before
    path.rename(path.with_suffix(".kept"))
    with pytest.raises(UsageError, match="found.pt2.md exists"):
        export_network(folder, path, "best", data=data)
    path.with_suffix(".kept").rename(path)


@pytest.mark.slow
def test_onnx_of_the_same_network(run, exported, tmp_path):
    import onnxruntime

    (folder, _, data), (path, card) = run, exported
    other = export_network(folder, tmp_path / "found.onnx", "best", data=data)
    assert other["weights"] == card["weights"] and other["accuracy"] == card["accuracy"]
    session = onnxruntime.InferenceSession(tmp_path / "found.onnx")
    images, _ = next(load_task("digits").batches("test", 7))
    (logits,) = session.run(None, {"images": images.numpy()})
    torch.testing.assert_close(
        torch.from_numpy(logits), torch.export.load(path).module()(images), atol=1e-4, rtol=1e-4
    )
    with pytest.raises(UsageError, match="found.onnx is for running.*--format torch"):
        exported_origin(tmp_path / "found.onnx")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"arch": "|a~0|"}, "'|a~0|' is not a NAS-Bench-201 architecture"),
        ({"arch": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"}, "nothing joins input and"),
        ({"output": "net.pt"}, "net.pt has to end in .pt2 (torch) or .onnx (onnx)"),
        ({"format_name": "onnx"}, "net.pt2 has to end in .onnx for onnx"),
        ({"format_name": "onxx"}, "--format: unknown 'onxx'; did you mean 'onnx'?"),
    ],
)
def test_what_cannot_be_exported_is_said(run, tmp_path, asked, said):
    folder, _, data = run
    given = {"output": "net.pt2", "arch": "best", "data": data} | asked
    output = tmp_path / given.pop("output")
    with pytest.raises(UsageError) as error:
        export_network(folder, output, **given)
    assert said in str(error.value)
    assert not list(tmp_path.iterdir())


def test_runs_without_weights_say_how_to_get_them(run, tmp_path):
    folder = copied(run[0], tmp_path)
    (folder / "checkpoint.pt").unlink()
    output = tmp_path / "a.pt2"
    with pytest.raises(UsageError, match="kept no weights; delete .* again with --keep-checkpoint"):
        export_network(folder, output, "best", data=run[2])
    record = json.loads((folder / "run.json").read_text())
    told = record | {"training": {"steps": 0}, "config": record["config"] | {"method": "params"}}
    (folder / "run.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match="params trains no network.*train-standalone --run"):
        export_network(folder, output, "best", data=run[2])
    (folder / "run.json").write_text(json.dumps(record | {"scoring": None}))
    with pytest.raises(UsageError, match="run.json has no 'scoring'; run its command again"):
        export_network(folder, output, "best", data=run[2])
    with pytest.raises(UsageError, match="holds neither a finished run"):
        export_network(tmp_path, output, "best", data=run[2])


def test_other_images_and_damaged_weights_are_refused(run, tmp_path):
    folder, output = copied(run[0], tmp_path), tmp_path / "a.pt2"
    record = json.loads((folder / "run.json").read_text())
    other = record | {"data": record["data"] | {"sha256": "0" * 64}}
    (folder / "run.json").write_text(json.dumps(other))
    with pytest.raises(UsageError, match="images of digits are not those that the run"):
        export_network(folder, output, "best", data=run[2])
    (folder / "run.json").write_text(json.dumps(record))
    content = bytearray((folder / "checkpoint.pt").read_bytes())
    content[1000] ^= 1
    (folder / "checkpoint.pt").write_bytes(content)
    with pytest.raises(UsageError, match="checkpoint.pt is damaged"):
        export_network(folder, output, "best", data=run[2])
    assert not output.exists()


def test_files_that_are_no_exported_networks_are_refused(exported, tmp_path):
    path, _ = exported
    wrong = tmp_path / "wrong.pt2"
    wrong.write_bytes(b"no zip file")
    with pytest.raises(UsageError, match="wrong.pt2 is no network that `nas-harness export` wrote"):
        read_exported(wrong)
    with pytest.raises(UsageError, match=r"absent.pt2 is no network.*FileNotFoundError"):
        read_exported(tmp_path / "absent.pt2")
    program = torch.export.load(path)
    torch.export.save(program, wrong)
    with pytest.raises(UsageError, match="wrong.pt2 has no card of this version"):
        read_exported(wrong)
    card, _ = read_exported(path)
    program.state_dict["classifier.bias"].data.add_(1)
    torch.export.save(program, wrong, extra_files={"card.json": json.dumps(card)})
    with pytest.raises(UsageError, match="wrong.pt2 is damaged: its weights are not those of"):
        read_exported(wrong)


@pytest.mark.slow
def test_a_method_that_retrains_what_it_finds_leaves_that_network(runs, tmp_path):
    folders = runs("mngnas")
    record = tiny.run_plainly(tiny.config("mngnas"), folders, keep_checkpoint=True)
    folder = folders["runs"] / record["run"]
    card = export_network(folder, tmp_path / "a.pt2", "best", data=folders["data"])
    searched = pd.read_parquet(folder / "history.parquet").query("phase == 'search'")["best"].max()
    assert card["accuracy"]["value"] == pytest.approx(searched, abs=0.51)
    assert card["weights"]["from"].startswith("inherited from the supernet, then retrained")
    state = load_tensors(folder / "checkpoint.pt")["method"]
    arch = SPACES["nb201"]("compact").decode(record["found"]["arch"])
    teachers = state["groups"]["small"] + state["groups"]["large"]
    (found,) = [member for member in teachers if tuple(member["arch"]) == arch]
    _, weights = read_exported(tmp_path / "a.pt2")
    names = [name for name in weights if "running" not in name]
    assert all(torch.equal(weights[name], found["network"][name]) for name in names)
