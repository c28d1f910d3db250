"""Image classification tasks by name."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files.data_folders import fetched_folder, named_folder
from harness.tasks.own.place import FORMS, Place, is_kept, kept_folder, place_of, stem_of
from searchspaces.architecture import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import Registry

if TYPE_CHECKING:
    from harness.tasks.base import Task


class Tasks(Registry):
    """Tasks that are registered, and images of the user's own.

    These are named by where they are (:data:`harness.tasks.own.place.FORMS`), then by what they
    are kept as.
    """

    def __getitem__(self, name: str) -> Any:
        """The function of the data folder that returns the task; no image is read yet.

        Raises :class:`UsageError` for an unknown name, for a folder or a function that is not
        there, and for images that are no longer kept.
        """
        if place := place_of(name):
            return partial(_settled_and_loaded, place, self.function(place))
        if is_kept(name):
            from harness.tasks.own.keeping import load_kept

            return lambda data: load_kept(name)
        self.check(name)
        return super().__getitem__(name)

    def function(self, place: Place) -> Any:
        """The one in a file of the user's, None for a folder; raises where either is not there."""
        place.check()
        return super().__getitem__(place.target) if place.function else None

    def knows(self, name: str) -> bool:
        """Whether it is registered, is where images are, or is what some are kept as."""
        return name in self or is_kept(name) or place_of(name) is not None

    def check(self, name: str) -> None:
        """Raises :class:`UsageError` for a name that is not known; nothing is imported or read."""
        if self.knows(name):
            return
        if stem_of(name):
            raise UsageError(
                f"no images are kept as {name} in {kept_folder()}; name images of your own by where "
                f"they are ({FORMS}), and others as {', '.join(self)}."
            )
        raise self.unknown(name, self)


TASKS = Tasks(
    "task",
    "nas_harness.tasks",
    {
        "digits": "harness.tasks.digits:load_digits_task",
        "cifar10": "harness.tasks.cifar:load_cifar10",
        "cifar100": "harness.tasks.cifar:load_cifar100",
        "imagenet16-120": "harness.tasks.imagenet16:load_imagenet16",
        "imagenet": "harness.tasks.folder:load_imagenet",
    },
)
"""The tasks by name; third parties add theirs through the entry-point group."""

IMAGES = {
    "digits": ImageSpec(1, 12, 10),
    "cifar10": ImageSpec(3, 32, 10),
    "cifar100": ImageSpec(3, 32, 100),
    "imagenet16-120": ImageSpec(3, 16, 120),
    "imagenet": ImageSpec(3, 224, 1000),
}
"""The images of each task, known without loading them."""


TINY = 16  # pixels of a side


def load_task(name: str, data: Path | None = None) -> Task:
    """The task called ``name``; ``data`` is the folder where data sets of the user's lie.

    Raises :class:`UsageError` for an unknown name, and for a data set that is missing or damaged.
    """
    return TASKS[name](data)


def needs_folder(name: str) -> bool:
    """Whether the images of a built-in task are to be named with ``--data``: neither in the package,
    nor fetched, nor in ``$NAS_HARNESS_DATA``.
    """
    missing = name in IMAGES and name != "digits" and not (fetched_folder() / name).exists()
    return missing and named_folder(None) is None


def _settled_and_loaded(place: Place, function: Any, data: Path | None) -> Task:
    from harness.tasks.own.keeping import load_kept, settled

    return load_kept(settled(place, function, data))


def settled_task(name: str, data: Path | None = None) -> str:
    """``name``, or what images of the user's own that it names are kept as: ``STEM-HASH``.

    Every image is read, since the hash is of their content. ``data`` is passed on to a function.
    Raises :class:`UsageError` for images that make no task.
    """
    place = place_of(name)
    if place is None:
        return name
    function = TASKS.function(place)

    from harness.tasks.own.keeping import settled

    return settled(place, function, data)


def is_tiny(name: str) -> bool:
    """Whether images are so small, as digits, that networks gain nothing from several threads.

    Of the user's own it is known once they are kept.
    """
    image = image_of(name)
    return image is not None and image.size < TINY


def image_of(name: str) -> ImageSpec | None:
    """The images of a task as far as they are known without loading them, else None."""
    if name in IMAGES or not is_kept(name):
        return IMAGES.get(name)

    from harness.tasks.own.keeping import image_kept

    return image_kept(name)
