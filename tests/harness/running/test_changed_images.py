"""Whatever was begun on images is not continued on others, and says so."""

from dataclasses import replace

import own_images
import pytest
import tiny
import torch

from harness.config.config import with_values
from harness.files.store import append_line
from harness.resuming.workspace import Workspace
from harness.standalone import build_table as builder
from harness.standalone.config import base_config
from harness.standalone.run import StandaloneExecution, run_standalone
from harness.tasks import load_task, settled_task
from methods.registry import METHODS
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

BEGUN = "begun on other images of flowers"
ARCH = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.fixture
def flowers(tmp_path, monkeypatch):
    """A folder of images, and a function that changes one of them."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    folder = own_images.flowers(tmp_path / "flowers")

    def change():
        own_images.save(folder / "train" / "cat" / "00.png", own_images.pixels(99))

    return f"folder:{folder}", change


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "data").mkdir()
    return {"data": tmp_path / "data", "runs": tmp_path / "runs"}


def interrupted(config, folders, monkeypatch):
    """The folder of a run whose fourth step fails."""
    there = {*folders["runs"].glob("*-s*")}
    step = METHODS["spos"].train_step

    def failing(self, number):
        return step(self, number) | ({"loss": torch.tensor(torch.nan)} if number > 3 else {})

    with monkeypatch.context() as patch, pytest.raises(UsageError, match="not finite"):
        patch.setattr(METHODS["spos"], "train_step", failing)
        tiny.run_plainly(config, folders)
    (folder,) = {*folders["runs"].glob("*-s*")} - there
    return folder


@pytest.mark.slow
def test_a_run_of_changed_images_is_another_and_refused_beside_an_unfinished_one(
    flowers, folders, monkeypatch
):
    place, change = flowers
    own = with_values(tiny.config("spos"), {"task": place, "score.images": 3})
    first = settled_task(place)
    with pytest.raises(UsageError, match=f"`nas-harness table build .*--task {first}` brings it"):
        tiny.run_plainly(own, folders)
    tiny.make_table(folders["data"], task=first)
    begun = interrupted(own, folders, monkeypatch)
    assert begun.name.startswith(f"nb201-{first}-spos-")

    change()
    second = settled_task(place)
    changed = f"the images have changed since nb201-compact-{first} was made"
    with pytest.raises(UsageError, match=changed):
        tiny.run_plainly(own, folders)
    tiny.make_table(folders["data"], task=second)
    with pytest.raises(UsageError, match=f"{begun} is unfinished, and was {BEGUN}"):
        tiny.run_plainly(own, folders)
    other = interrupted(with_values(own, {"seed": 4}), folders, monkeypatch)  # is not that run
    assert other.name.startswith(f"nb201-{second}-spos-")
    kept = Workspace(other).load_checkpoint()
    assert kept["images"] == load_task(second).fingerprint()


@pytest.mark.slow
def test_a_run_of_any_task_is_not_continued_on_other_images(folders, monkeypatch):
    tiny.make_table(folders["data"])
    workspace = Workspace(interrupted(tiny.config("spos"), folders, monkeypatch))
    state = workspace.load_checkpoint()
    workspace.save_checkpoint(state | {"images": "f" * 64})
    with pytest.raises(UsageError, match="images of digits are not those that .* was begun with"):
        tiny.run_plainly(tiny.config("spos"), folders)
    del state["images"]  # as kept before images were noted
    workspace.save_checkpoint(state)
    assert tiny.run_plainly(tiny.config("spos"), folders)["run"] == workspace.folder.name


def test_a_training_alone_is_not_begun_beside_one_on_the_images_before(flowers, tmp_path):
    place, change = flowers
    config = replace(base_config("nb201", place, "smoke"), arch=ARCH, scale="compact")
    assert (config.recipe, config.train.epochs) == ("tables", 1)
    begun = replace(config, task=settled_task(place))
    folder = tmp_path / "standalone" / begun.name
    Workspace(folder).save_checkpoint({"settings": begun.settings})
    change()
    with pytest.raises(UsageError, match=f"{folder} is unfinished, and was {BEGUN}"):
        run_standalone(config, StandaloneExecution(runs=tmp_path, device="cpu"))


def test_a_table_is_not_built_beside_one_begun_on_the_images_before(
    flowers, tmp_path, monkeypatch, capsys
):
    place, change = flowers
    space, trained = NASBench201("compact", width=2), []

    def train_jobs(space, task, recipe, jobs, executor, data, devices):
        trained.append(task)
        yield from ((job, {"val": 50.0 + job[1], "test": 40.0 + sum(job[0])}) for job in jobs)

    def build(epochs=1):
        task = load_task(place)
        output = tmp_path / f"nb201-compact-{task.name}.parquet"
        return builder.build_table(space, task, StandaloneRecipe(epochs=epochs), 3, 2, output, 1)

    def fail(path, row):
        append_line(path, row)
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "train_jobs", train_jobs)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(builder, "append_line", fail)
        build()
    change()
    with pytest.raises(UsageError, match=rf"flowers-\w+.parquet.progress is unfinished.*{BEGUN}"):
        build()
    table = build(epochs=2)  # is not that build
    assert table.meta.task in trained and f"--task {place}" in table.meta.created_by
    assert capsys.readouterr().err.count("is of other images") == 0
    (tmp_path / f"nb201-compact-{table.meta.task}.parquet").rename(
        tmp_path / "nb201-compact-flowers-0123abcd.parquet"
    )
    build(epochs=2)
    told = "flowers-0123abcd.parquet is of other images of flowers than there are now; this table"
    assert told in capsys.readouterr().err
