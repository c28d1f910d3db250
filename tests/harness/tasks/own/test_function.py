"""What a function of the user's returns: data sets, arrays in any usual layout, or a mistake."""

import numpy as np
import own_images
import pytest
import vision

from harness.tasks import load_task
from harness.tasks.augment import Augmentation
from searchspaces.architecture import ImageSpec

LABELS = "labels = np.arange(20) % 2"
GREY = "images = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)"
PAIR = "return (images[:12], labels[:12]), (images[12:], labels[12:])"


def task_of(tmp_path, *lines, **more):
    return load_task(own_images.function(tmp_path, "\n".join(lines), **more))


def everything(task):
    """uint8 ``[N, C, H, W]`` of all parts, in an order that does not depend on theirs."""
    images = np.concatenate([getattr(task, p).images.numpy() for p in ("train", "val", "test")])
    return images[np.lexsort(images.reshape(len(images), -1).T)]


def test_arrays_are_split_and_keep_their_pixels(tmp_path):
    task = task_of(tmp_path, LABELS, GREY, PAIR)
    assert task.image == ImageSpec(1, 4, 2)
    assert [len(task.train), len(task.val), len(task.test)] == [10, 2, 8]
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    assert np.array_equal(everything(task)[:, 0], images[np.lexsort(images.reshape(20, -1).T)])
    tested = {image.tobytes() for image in images[12:]}
    assert {image.numpy().tobytes() for image in task.test.images} == tested
    label = {image.tobytes(): row % 2 for row, image in enumerate(images)}
    for part in (task.train, task.val, task.test):
        assert [label[image.numpy().tobytes()] for image in part.images] == part.labels.tolist()


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ("images = images[..., None]", ""),
        ("images = images[:, None]", ""),
        ("images = images.astype(np.int64)", ""),
        ("images = images.astype(float)", "floats from 0 to 255 were rounded"),
        ("images = images / 255", "floats from 0 to 1 were multiplied by 255"),
        ("import torch; images = torch.from_numpy(images)[:, None]", ""),
        ("import torch; images = torch.from_numpy(images)[:, None] / 255", "from 0 to 1"),
        ("from PIL import Image; images = images", ""),
    ],
)
def test_the_same_images_in_other_layouts_and_types_are_the_same(tmp_path, change, note):
    plain = task_of(tmp_path, LABELS, GREY, PAIR, name="plain")
    other = task_of(tmp_path, LABELS, GREY, change, PAIR, name="other")
    assert np.array_equal(everything(other), everything(plain))
    assert (other.mean, other.std) == (plain.mean, plain.std)
    assert note in " ".join(other.notes) and bool(note) == bool(other.notes)


def test_channels_may_be_first_or_last_and_transparency_is_left_out(tmp_path):
    colours = "images = np.random.default_rng(0).integers(0, 256, (20, 5, 5, 4), dtype=np.uint8)"
    last = task_of(tmp_path, LABELS, colours, "images = images[..., :3]", PAIR, name="last")
    first = task_of(
        tmp_path,
        LABELS,
        colours,
        "images = np.moveaxis(images[..., :3], -1, 1)",
        PAIR,
        name="first",
    )
    clear = task_of(tmp_path, LABELS, colours, PAIR, name="clear")
    assert last.image == ImageSpec(3, 5, 2)
    assert np.array_equal(everything(first), everything(last))
    assert np.array_equal(everything(clear), everything(last))
    assert clear.notes == ("transparency was left out, of 20 of 20 images",)


@pytest.mark.slow
def test_a_data_set_of_torchvision_names_its_classes(tmp_path):
    vision.make_usable()
    task = task_of(
        tmp_path,
        "from torchvision.datasets import FakeData",
        "train, test = FakeData(30, (3, 7, 7), 2), FakeData(9, (3, 7, 7), 2, random_offset=50)",
        "train.classes = ['cat', 'dog']",
        "return train, test",
    )
    assert task.image == ImageSpec(3, 7, 2)
    assert len(task.train) + len(task.val) == 30 and len(task.test) == 9


def test_an_augmentation_may_come_along_and_the_data_folder_is_passed_on(tmp_path):
    path = tmp_path / "with_data.py"
    path.write_text(
        "import numpy as np\n"
        "from harness.tasks.augment import Augmentation\n"
        "def make(data):\n"
        "    images = np.load(data / 'images.npy')\n"
        "    return (images, np.arange(9) % 3), (images, np.arange(9) % 3), Augmentation(crop=1)\n"
    )
    np.save(tmp_path / "images.npy", own_images.pixels(0, 9, (4,)))
    task = load_task(f"{path}:make", tmp_path)
    assert task.augmentation == Augmentation(crop=1)
    assert "of the 9 test images are train images, too" in " ".join(task.notes)


WRONG = [
    ("return 5", "returns int; a pair (train, test)"),
    ("return images, labels", "image 0 of the training images of", "ndarray of shape (4, 4)"),
    ("return (images, labels), None", "the test images of", "are NoneType"),
    ("return images[:9], labels[:9], images[9:], labels[9:]", "a tuple of 4"),
    ("return (images, labels[:9]), (images, labels)", "are 20 with labels of shape (9,)"),
    ("return (images, labels / 2), (images, labels)", "label of image 0", "no whole number"),
    ("return (images, labels + 1), (images, labels + 1)", "from 1 to 2; number the classes from 0"),
    ("return (images, labels - 1), (images, labels)", "from -1 to 0"),
    ("return (images, labels * 2), (images, labels)", "class 1 of", "no training images"),
    ("return (images, labels), (images, labels + 1)", "class 2 of", "test images alone"),
    ("return (images, labels * 0), (images, labels * 0)", "are all of one class"),
    ("return (images[:3], labels[:3]), (images, labels)", "class 1 of", "has 1 training image;"),
    ("return (images[:0], labels[:0]), (images, labels)", "have no training images"),
    ("return (images, labels), (images[:0], labels[:0])", "have no test images"),
    ("return (images - 9., labels), (images, labels)", "float", "floats from 0 to 1 or 255"),
    ("return (images * np.nan, labels), (images, labels)", "float", "from nan to nan"),
    ("return (images * 300, labels), (images, labels)", "whole numbers from 0 to 255 are due"),
    ("return (images / 255, labels), (images * 1.0, labels)", "values up to", "in one range"),
    ("return (images > 9, labels), (images, labels)", "is of bool"),
    ("return (images[:, :, :, None, None], labels), (images, labels)", "the shape (4, 4, 1, 1)"),
    ("return (images * 0, labels), (images, labels)", "of one and the same colour"),
    ("raise ValueError('no disk')", "raises ValueError in line 7: no disk."),
    ("raise SystemExit(0)", "raises SystemExit in line 7"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong[0])
def test_what_makes_no_task_is_refused_in_a_sentence(tmp_path, refused, wrong):
    answer, *words = wrong
    images = GREY + (".astype(int)" if "* 300" in answer else "")
    name = own_images.function(tmp_path, "\n".join([LABELS, images, answer]))
    refused(name, *words)


def test_images_that_are_others_each_time_are_refused(tmp_path, refused):
    name = own_images.function(
        tmp_path,
        "rng = np.random.default_rng(0)\n"
        "class Jittered:\n"
        "    def __len__(self): return 12\n"
        "    def __getitem__(self, row): return rng.integers(0, 9, (4, 4)), row % 2\n"
        "return Jittered(), Jittered()",
    )
    refused(name, "image 0 of the training images", "another one each time", "random transforms")


def test_an_error_within_a_data_set_is_located_in_its_file(tmp_path, refused):
    name = own_images.function(
        tmp_path,
        "class Broken:\n"
        "    def __len__(self): return 12\n"
        "    def __getitem__(self, row): return self.missing\n"
        "return Broken(), Broken()",
    )
    refused(name, "raises AttributeError in line 7", "'Broken' object has no attribute 'missing'")


def test_what_is_no_function_is_refused_and_a_name_that_is_not_there(tmp_path, refused):
    path = tmp_path / "values.py"
    path.write_text("make = 5\n\n\ndef maker():\n    return None\n")
    refused(f"{path}:make", "is no function but int")
    refused(f"{path}:mkaer", "did you mean 'maker'")
