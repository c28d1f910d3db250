"""Folders that Hugging Face's ``datasets`` saved, by the package itself."""

import numpy as np
import own_images
import pytest
from PIL import Image

from harness.tasks import load_task
from searchspaces.architecture import ImageSpec
from searchspaces.errors import UsageError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def datasets():
    return pytest.importorskip("datasets", reason="datasets is the extra 'hf'")


def rows(datasets, number, seed=0, **more):
    images = [Image.fromarray(own_images.pixels(seed + row)) for row in range(number)]
    columns = {"picture": images, "kind": [row % 3 for row in range(number)]}
    features = {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["a", "b", "c"])}
    features |= {name: datasets.Value("int64") for name in more}
    return datasets.Dataset.from_dict(columns | more, features=datasets.Features(features))


def test_splits_are_the_parts_and_validation_is_held_out_of_training(datasets, tmp_path):
    train, test = rows(datasets, 30), rows(datasets, 9, seed=100)
    parts = {"train": train, "test": test, "validation": rows(datasets, 3, seed=200)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "birds")
    task = load_task(f"hf:{tmp_path / 'birds'}")
    assert task.image == ImageSpec(3, 6, 3) and task.name.startswith("birds-")
    assert [len(task.train), len(task.val), len(task.test)] == [24, 6, 9]
    assert "the split validation of" in task.notes[0]
    label = {own_images.pixels(row).transpose(2, 0, 1).tobytes(): row % 3 for row in range(30)}
    for part in (task.train, task.val):
        assert [label[image.numpy().tobytes()] for image in part.images] == part.labels.tolist()
    assert np.bincount(task.test.labels).tolist() == [3, 3, 3]

    train.save_to_disk(tmp_path / "one")
    assert len(load_task(f"hf:{tmp_path / 'one'}").test) == 6


def test_what_is_no_such_folder_or_has_other_columns_is_refused(datasets, tmp_path, refused):
    (tmp_path / "empty").mkdir()
    refused(f"hf:{tmp_path / 'empty'}", "is no folder that datasets saved")
    datasets.DatasetDict({"test": rows(datasets, 3)}).save_to_disk(tmp_path / "tests")
    refused(f"hf:{tmp_path / 'tests'}", "has no split train; it has test")
    rows(datasets, 9).remove_columns("kind").save_to_disk(tmp_path / "bare")
    refused(f"hf:{tmp_path / 'bare'}", "needs one column of labels", "none among picture")
    plain = rows(datasets, 9, label=[0] * 9, labels=[1] * 9).remove_columns("kind")
    plain.save_to_disk(tmp_path / "two")
    refused(f"hf:{tmp_path / 'two'}", "has label, labels")


def test_without_the_package_the_way_to_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.tasks.own.hugging_face.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs datasets.*`pip install datasets`"):
        load_task(f"hf:{tmp_path}")
