"""Images are made into a task once, and kept under a hash of whatever they depend on."""

import json

import numpy as np
import own_images
import pytest

from harness.tasks import image_of, load_task, settled_task
from harness.tasks.own import reading
from harness.tasks.own.parts import split
from harness.tasks.own.place import kept_path
from searchspaces.errors import UsageError


@pytest.fixture
def flowers(tmp_path):
    return own_images.flowers(tmp_path / "flowers")


def test_moments_are_those_of_the_training_part_alone(flowers):
    task = load_task(f"folder:{flowers}")
    pixels = task.train.images.double()
    assert task.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist())
    assert task.std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist())
    normalised = task.normalise(task.train.images)
    assert normalised.mean((0, 2, 3)).abs().max() < 1e-5


def test_the_size_is_that_of_the_training_part_alone(tmp_path):
    """Most training images are of 4x4 pixels; with those of validation half of all are larger."""
    labels = np.arange(10) % 2
    parts = split(labels, labels)
    large = [*map(int, parts.val), *map(int, parts.train[:3])]
    body = (
        f"sides = [9 if row in {large} else 4 for row in range(10)]\n"
        "pairs = [(np.arange(n * n).reshape(n, n), row % 2) for row, n in enumerate(sides)]\n"
        "return pairs, pairs"
    )
    assert load_task(own_images.function(tmp_path, body)).image.size == 4


def test_other_labels_are_another_task(tmp_path):
    body = "images = np.arange(20 * 16).reshape(20, 4, 4) % 250\nlabels = np.arange(20) % 2\n{}"
    pair = "return (images, labels), (images, labels)"
    names = {
        settled_task(own_images.function(tmp_path, body.format(change + pair), name=name))
        for name, change in (("a", ""), ("b", "labels = 1 - labels\n"))
    }
    assert len({name.rpartition("-")[2] for name in names}) == 2


def test_what_is_kept_is_loaded_by_its_name_and_not_decoded_again(flowers, monkeypatch):
    name = settled_task(f"folder:{flowers}")
    made = load_task(name)

    def decoded(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(reading.Form, "pixels", decoded)
    again = load_task(f"folder:{flowers}")
    assert again.name == made.name == name and again.fingerprint() == made.fingerprint()
    assert made.source == f"folder:{flowers}" and image_of(name) == made.image
    assert settled_task(name) == name and settled_task("digits") == "digits"


def test_a_copy_elsewhere_is_the_same_and_any_change_is_another(flowers, tmp_path):
    name = settled_task(f"folder:{flowers}")
    copied = own_images.flowers(tmp_path / "elsewhere" / "flowers")
    assert settled_task(f"folder:{copied}") == name
    names = {name, settled_task(f"folder:{flowers}@5")}
    changes = [
        lambda: own_images.save(copied / "test" / "cat" / "00.png", own_images.pixels(9)),
        lambda: (copied / "train" / "dog" / "00.png").rename(copied / "train" / "dog" / "99.png"),
        lambda: (copied / "train" / "dog" / "01.png").unlink(),
        lambda: (copied / "train" / "cat" / "01.png").rename(copied / "train" / "dog" / "01.png"),
        lambda: [
            (copied / part / "cat").rename(copied / part / "bat") for part in ("train", "test")
        ],
    ]
    for number, change in enumerate(changes, start=3):
        change()
        names.add(settled_task(f"folder:{copied}"))
        assert len(names) == number
    assert all(each.startswith("flowers-") for each in names)


def test_damaged_images_are_made_again_or_refused(flowers):
    place = f"folder:{flowers}"
    name = settled_task(place)
    whole = kept_path(name).read_bytes()
    kept_path(name).write_bytes(whole[:200])
    with pytest.raises(UsageError, match=f"{name}.npz is damaged .*delete it"):
        load_task(name)
    assert settled_task(place) == name and kept_path(name).read_bytes() == whole
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 1
    kept_path(name).write_bytes(middle)
    with pytest.raises(UsageError, match="is damaged"):
        load_task(name)


def test_images_of_another_version_are_made_again(flowers):
    name = settled_task(f"folder:{flowers}")
    with np.load(kept_path(name)) as stored:
        arrays = dict(stored)
    header = json.loads(str(arrays["header"]))
    arrays["header"] = np.array(json.dumps(header | {"made": 0}))
    np.savez(kept_path(name), **arrays)
    with pytest.raises(UsageError, match="no header of this version"):
        load_task(name)
    assert load_task(f"folder:{flowers}").name == name


def test_an_image_in_two_parts_is_said(flowers):
    for name in ("train", "test"):
        own_images.save(flowers / name / "cat" / "zz.png", own_images.pixels(4321))
    own_images.save(flowers / "train" / "dog" / "zz.png", own_images.pixels(4321))
    notes = load_task(f"folder:{flowers}").notes
    assert any("1 of the 7 test images are" in note for note in notes)


def test_a_class_that_no_test_image_is_of_is_said(flowers):
    own_images.tree(flowers / "train", {"owl": 5})
    assert load_task(f"folder:{flowers}").notes == ("no test image is of class owl",)


def test_too_many_images_for_the_memory_are_refused_with_a_smaller_side(
    flowers, monkeypatch, refused
):
    monkeypatch.setenv("NAS_HARNESS_SIZE_FACTOR", "1e-7")  # 1,600 bytes
    monkeypatch.setattr(
        "harness.tasks.own.image_folder.read_bytes", lambda path, _: path.read_bytes()
    )
    refused(f"folder:{flowers}", "23 images of 6x6 pixels take", f"{flowers}@3")


def test_where_nothing_can_be_written_it_is_said(flowers, home, refused):
    home.write_text("no folder")
    refused(f"folder:{flowers}", "cannot write", "cache/images")
