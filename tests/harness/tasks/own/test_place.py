"""Names of images of the user's own: where they are, and what they are kept as."""

import pytest

from harness.tasks import TASKS
from harness.tasks.own.place import is_own, place_of, stem_of
from searchspaces.errors import UsageError


@pytest.mark.parametrize(
    ("name", "kind", "end", "function", "side", "stem"),
    [
        ("folder:My Flowers", "folder", "My Flowers", "", 0, "my-flowers"),
        ("folder:a/b@32", "folder", "a/b", "", 32, "b"),
        ("hf:~/birds@64", "hf", "birds", "", 64, "birds"),
        ("./my_task.py:make", "file", "my_task.py", "make", 0, "my-task-make"),
        ("x/my_task.py:make@8", "file", "x/my_task.py", "make", 8, "my-task-make"),
        ("folder:--", "folder", "--", "", 0, "own"),
    ],
)
def test_a_place_is_told_from_its_name(name, kind, end, function, side, stem):
    place = place_of(name)
    assert (place.kind, place.function, place.side, place.stem) == (kind, function, side, stem)
    assert str(place.path).endswith(end) and place.path.is_absolute()
    assert is_own(name)


@pytest.mark.parametrize("name", ["digits", "cifar10", "imagenet16-120", "folder", "hf", "", "a:b"])
def test_other_names_are_no_places(name):
    assert place_of(name) is None and stem_of(name) == "" and not is_own(name)


def test_a_folder_whose_name_ends_like_a_side_is_meant_as_it_stands(tmp_path):
    (tmp_path / "v@2").mkdir()
    place = place_of(f"folder:{tmp_path}/v@2")
    assert place.path == tmp_path / "v@2" and place.side == 0
    assert place_of(place.sided(16)) == type(place)(place.sided(16), "folder", place.path, "", 16)


def test_another_side_takes_the_place_of_one():
    assert place_of("folder:a@32").sided(8) == "folder:a@8"
    assert place_of("a.py:make").sided(8) == "a.py:make@8"


def test_a_name_that_images_are_kept_as_is_known_while_they_are(home):
    assert stem_of("my-task-0a1b2c3d") == "my-task" and is_own("my-task-0a1b2c3d")
    with pytest.raises(UsageError, match="no images are kept as my-task-0a1b2c3d in .*folder:PATH"):
        TASKS["my-task-0a1b2c3d"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("folder:", "names no folder"),
        ("folder:nothing-here", "there is no folder .*nothing-here"),
        ("hf:nothing-here", "there is no folder .*nothing-here"),
        ("nothing-here.py:make", "there is no file .*nothing-here.py"),
        ("digit", "did you mean 'digits'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_read(name, told):
    with pytest.raises(UsageError, match=told):
        TASKS[name]
