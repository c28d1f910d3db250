"""The network of a finished stand-alone training, with the weights that it kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.exporting.trained import BEST, Trained
from harness.running.own_files import errors_located
from harness.standalone.checkpoint import load_trained
from harness.tasks import load_task
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def of_training(folder: Path, arch: str, data: Path | None) -> Trained:
    """The network that was trained in ``folder``, without an auxiliary head.

    Raises :class:`UsageError` where that is damaged or without its weights, where the task's images
    are missing, and for an ``arch`` other than :data:`BEST` and its own.
    """
    record, weights = load_trained(folder)
    try:
        config = record["config"]
        with errors_located("", config["space"]):
            scale = record["network"]["scale"]
            space = SPACES[config["space"]](scale, config["width"], config["cells"])
            own = space.decode(record["arch"])
            _check_own(space, own, arch, folder)
            task = load_task(config["task"], data)
            network = space.standalone(own, task.image)
            network.load_state_dict(
                {name: w for name, w in weights.items() if not name.startswith("auxiliary.")}
            )
        told = _told(record)
    except (AttributeError, KeyError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"{folder} is damaged ({type(error).__name__}: {error}); train it again."
        ) from error
    sizes = config["width"], config["cells"]
    names = config["space"], config["task"]
    return Trained(network.eval(), space, own, task, told, *names, *sizes)


def _check_own(space: SearchSpace, own: Arch, asked: str, folder: Path) -> None:
    if asked != BEST and space.read(asked) != own:
        raise UsageError(f"{folder} has one network, {space.encode(own)}; leave --arch out.")


def _told(record: dict[str, Any]) -> dict[str, Any]:
    config, result, recipe = record["config"], record["result"], record["recipe"]
    how = f"trained stand-alone by the recipe {recipe['name']}, one seed"
    accuracy = {"value": result["val_accuracy"], "split": "val", "images": record["data"]["val"]}
    return {
        "weights": {
            "from": f"{how} ({result['weights']} of {record['name']})",
            "batch_norm": "the training's running statistics",
        },
        "accuracy": None if result["val_accuracy"] is None else accuracy,
        "score": None,
        "truth": {"value": result["test_accuracy"], "split": "test", "how": how}
        | {"truth": config["task"], "images": record["data"]["test"]},
        "search": record["found_by"][0] if record["found_by"] else None,
        "costs": record["costs"],
        "seed": config["seed"],
        "images_sha256": record["data"]["sha256"],
        "truth_licence": "",
        "trained_with": record["versions"],
        "notes": record["notes"],
    }
