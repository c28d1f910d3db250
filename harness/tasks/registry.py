"""The tasks by name; third parties add theirs through the entry-point group."""

from searchspaces.registry import Registry

TASKS = Registry(
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
