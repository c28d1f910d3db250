"""The trained network that a detector is built on: what ``train-standalone`` kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from harness.standalone.checkpoint import load_trained, weights_sha256
from harness.standalone.record import in_full
from harness.tasks import image_of
from searchspaces.chain.network import ChainNetwork
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SIDES = (800, 1280)  # pixels of the images whose multiply-adds Table VII prints
REDUCTIONS = (8, 16, 32)  # of the features that the pyramid is built on


@dataclass(frozen=True)
class Backbone:
    """An architecture with its trained weights.

    ``about``: what the record of a detector says of it, with parameters and multiply-adds of the
    whole classifier, these for images of ``SIDES``. ``in_full``: whether it was trained so.
    """

    arch: str
    network: ChainNetwork
    about: dict[str, Any]
    in_full: bool
    found_by: list[dict[str, Any]]


def load_backbone(folder: Path) -> Backbone:
    """The network that was trained in ``folder``, a stand-alone training's.

    Raises :class:`UsageError` where it is unfinished, damaged, without its weights, or of a space
    or a scale on which no pyramid can stand.
    """
    record, weights = load_trained(folder)
    try:
        about = _about(record) | {"sha256": weights_sha256(weights)}
        found_by = [search | {"run": search["run"]} for search in record["found_by"]]
        network = _rebuilt(record, weights)
        return Backbone(record["arch"], network, about, in_full(record), found_by)
    except (AttributeError, KeyError, OverflowError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"{folder} is damaged ({type(error).__name__}: {error}); train it again."
        ) from error
    except ValueError as error:
        raise UsageError(
            f"no detector can be built on {folder.name}: {error}; take a network of a chain space "
            "that was trained on imagenet."
        ) from error


def _about(record: dict[str, Any]) -> dict[str, Any]:
    config, network = record["config"], record["network"]
    return {
        "name": record["name"],
        "space": config["space"],
        "task": config["task"],
        "params": network["params"],
        "madds": round(network["madds"] * SIDES[0] * SIDES[1] / 224**2),
        "reduced": network["reduced"],
    }


def _rebuilt(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> ChainNetwork:
    """The trained network; raises ``ValueError`` where no pyramid can stand on it."""
    config = record["config"]
    space = SPACES[config["space"]](record["network"]["scale"], config["width"], config["cells"])
    image = image_of(config["task"])
    if image is None or image.channels != 3:
        raise ValueError("it has not seen colours")
    if "classifier.weight" not in weights:
        raise ValueError("it is no chain of layers")
    image = replace(image, classes=len(weights["classifier.weight"]))
    network = space.standalone(space.decode(record["arch"]), image)
    network.load_state_dict(weights)
    if not isinstance(network, ChainNetwork):
        raise ValueError("it is no chain of layers")
    taps(network)
    return network


def taps(network: ChainNetwork) -> list[int]:
    """The last stage at each of ``REDUCTIONS``; raises ``ValueError`` if there is none."""
    reduction, last = network.skeleton.stride, {}
    for number, stage in enumerate(network.skeleton.stages):
        reduction *= stage.stride
        last[reduction] = number
    if not set(REDUCTIONS) <= set(last):
        raise ValueError(f"its stages reduce images by {sorted(last)}, not by {list(REDUCTIONS)}")
    return [last[reduction] for reduction in REDUCTIONS]
