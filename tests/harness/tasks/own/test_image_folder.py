"""A tree of image files with a folder for each class."""

import numpy as np
import own_images
import pytest
from PIL import Image

from harness.tasks import image_of, load_task, settled_task
from searchspaces.architecture import ImageSpec
from searchspaces.errors import UsageError


def labels_of(split):
    return np.bincount(split.labels.numpy()).tolist()


def test_training_images_are_shared_out_and_test_images_stay_apart(tmp_path):
    folder = own_images.flowers(tmp_path / "flowers")
    own_images.save(folder / "train" / "cat" / "deeper" / "x.PNG", own_images.pixels(77))
    own_images.save(folder / "train" / "cat" / ".hidden.png", own_images.pixels(78))
    task = load_task(f"folder:{folder}")
    assert task.image == ImageSpec(3, 6, 2)
    assert labels_of(task.train) == [9, 6] and labels_of(task.val) == [2, 1]
    assert labels_of(task.test) == [3, 3] and task.notes == ()

    files = {path for path in folder.rglob("*") if path.suffix.lower() == ".png"}
    own = {np.asarray(Image.open(p)).transpose(2, 0, 1).tobytes(): p for p in files}
    for part in ("train", "val", "test"):
        split = getattr(task, part)
        for image, label in zip(split.images, split.labels, strict=True):
            path = own[image.numpy().tobytes()]  # each file is in one part alone
            own[image.numpy().tobytes()] = None
            assert ("test" in path.parts) == (part == "test")
            assert ["cat", "dog"][label] in path.parts
    assert [path for path in own.values() if path] == [folder / "train" / "cat" / ".hidden.png"]


def test_test_images_may_be_called_val_and_are_held_out_where_there_are_none(tmp_path):
    folder = own_images.flowers(tmp_path / "flowers")
    named = load_task(f"folder:{folder}")
    (folder / "test").rename(folder / "val")
    assert load_task(f"folder:{folder}").name == named.name  # the same images
    own_images.tree(folder / "test", {"cat": 1, "dog": 1}, seed=500)
    task = load_task(f"folder:{folder}")
    assert len(task.test) == 2 and "val was left out" in task.notes[0]

    whole = load_task(f"folder:{folder / 'train'}")
    assert labels_of(whole.test) == [2, 1]
    assert labels_of(whole.val) == [1, 1] and labels_of(whole.train) == [7, 5]
    assert "a fifth of each class was held out" in whole.notes[0]
    assert whole.name.startswith("train-")


def test_what_is_done_to_images_is_said(tmp_path, capsys):
    folder = own_images.tree(tmp_path / "mixed", {"cat": 12, "dog": 12}, side=8)
    own_images.save(folder / "cat" / "wide.png", np.full((10, 30, 3), 7, np.uint8))
    own_images.save(folder / "cat" / "grey.png", own_images.pixels(1, 8, ()))
    own_images.save(folder / "dog" / "clear.png", own_images.pixels(2, 8, (4,)))
    (folder / "dog" / "notes.txt").write_text("no image")
    task = load_task(f"folder:{folder}")
    told = " ".join(task.notes)
    assert "1 files in" in told and "were left out" in told
    assert "different sizes, 8x8 to 30x10 pixels" in told and "resized to 8x8" in told
    assert "mixed@32 takes another side" in told
    assert "transparency was left out, of 1 of 27 images" in told
    assert "1 of 27 images are grey and were taken as coloured" in told
    printed = capsys.readouterr().err
    assert "is kept as" in printed and "Transparency was left out" in printed
    load_task(f"folder:{folder}")
    assert capsys.readouterr().err == ""  # it is kept already
    assert image_of(settled_task(f"folder:{folder}@16")) == ImageSpec(3, 16, 2)


def test_images_are_grey_where_all_for_training_are(tmp_path):
    for name in ("train", "test"):
        for label in ("a", "b"):
            for number in range(4):
                image = own_images.pixels(hash_of(name, label, number), 5, ())
                own_images.save(tmp_path / "g" / name / label / f"{number}.png", image)
    colour = own_images.save(tmp_path / "g" / "test" / "b" / "9.png", own_images.pixels(3, 5))
    task = load_task(f"folder:{tmp_path}/g")
    assert task.image == ImageSpec(1, 5, 2)
    assert "1 of 17 images are coloured and were taken as grey" in task.notes[0]
    expected = np.asarray(Image.open(colour).convert("L"))
    assert any(np.array_equal(image[0], expected) for image in task.test.images.numpy())


def hash_of(*words):
    return sum(ord(letter) for letter in "".join(map(str, words)))


def test_the_middle_of_a_wide_image_is_taken(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    folder = own_images.tree(tmp_path / "w", {"a": 4, "b": 4}, side=10)
    own_images.save(folder / "a" / "zz.png", wide)
    task = load_task(f"folder:{folder}@5")
    everything = np.concatenate([getattr(task, p).images.numpy() for p in ("train", "val", "test")])
    middles = (everything[:, 0, 2] == [0, 200, 200, 200, 0]) | (np.arange(5) % 4 == 0)
    assert middles.all(axis=1).sum() == 1  # its edges are blended with what was cut off


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: (f / "train" / "owl").mkdir(), "owl has no images"),
        (lambda f: own_images.tree(f / "test", {"owl": 1}), "class owl is in .*test alone"),
        (
            lambda f: own_images.tree(f / "train", {"owl": 1}),
            "class owl of .* has 1 training image;",
        ),
        (
            lambda f: (f / "train" / "cat" / "00.png").write_bytes(b"text"),
            "00.png cannot be decoded",
        ),
        (lambda f: deep(f / "train" / "cat" / "00.png"), "00.png has more than 8 bits per pixel"),
    ],
)
def test_what_is_wrong_with_a_tree_is_said(tmp_path, harm, told):
    folder = own_images.flowers(tmp_path / "flowers")
    harm(folder)
    with pytest.raises(UsageError, match=told):
        load_task(f"folder:{folder}")


def deep(path):
    Image.fromarray(np.arange(36, dtype=np.uint16).reshape(6, 6) * 1000).save(path)


def test_a_folder_without_classes_or_of_one_alone_is_refused(tmp_path, refused):
    own_images.save(tmp_path / "flat" / "a.png", own_images.pixels(0))
    refused(f"folder:{tmp_path}/flat", "has no folders")
    own_images.tree(tmp_path / "one", {"cat": 5})
    refused(f"folder:{tmp_path}/one", "are all of one class")
    own_images.flowers(tmp_path / "untested")
    for path in (tmp_path / "untested" / "test").rglob("*.png"):
        path.unlink()
    refused(f"folder:{tmp_path}/untested", "have no test images")
