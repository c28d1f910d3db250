"""The card of an exported network: what it is, what it takes, how good it is, where it is from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from harness.config.config import METHOD, NOTHING
from harness.environment import versions
from harness.exporting.trained import Trained
from harness.standalone.checkpoint import weights_sha256

if TYPE_CHECKING:
    import torch

CARD_VERSION = 1
LICENCE = "Apache-2.0"  # of the code that networks are made by
NOT_KNOWN = "not known to the harness"
IMAGES = {  # that come with a package
    "digits": "CC BY 4.0, Optical Recognition of Handwritten Digits of the UCI repository"
}


def make_card(
    trained: Trained, weights: Mapping[str, torch.Tensor], packages: Iterable[str]
) -> dict[str, Any]:
    """JSON without NaN; accuracies in percent, ``mean`` and ``std`` in units of pixel values 0 to 255.

    ``weights``: the tensors of the file by name; ``packages``: whose versions it names beside those
    that shape numbers.
    """
    space, image, task, told = trained.space, trained.task.image, trained.task, dict(trained.told)
    cost, seen = space.cost(trained.arch, image), task.original
    return {
        "card_version": CARD_VERSION,
        "architecture": {
            "space": trained.space_name,
            "scale": space.scale,
            "width": trained.width,
            "cells": trained.cells,
            "arch": space.encode(trained.arch),
            "sites": list(space.describe(trained.arch)),
            "params": cost.params,
            "madds": cost.madds,
        },
        "task": {
            "name": trained.task_name,
            "classes": image.classes,
            "images_sha256": told.pop("images_sha256"),
        },
        "input": {
            "shape": ["batch", image.channels, image.size, image.size],
            "type": "float32",
            "preprocessing": "(pixel values from 0 to 255 - mean) / std, for each channel",
            "mean": list(task.mean),
            "std": list(task.std),
            "averaged_from": None if seen is None else [seen.size, seen.size],
        },
        "output": {"shape": ["batch", image.classes], "type": "float32", "what": "logits"},
        "weights": told.pop("weights") | {"sha256": digest_of(weights)},
        "licence": {
            "code": f"{LICENCE} (nas-evaluation-harness)",
            "truth": told.pop("truth_licence") or NOT_KNOWN,
            "images": IMAGES.get(
                trained.task_name, f"{NOT_KNOWN}; that of the data set {task.name} holds"
            ),
            "weights": NOT_KNOWN + "; whoever trained them decides",
        },
        "exported_with": versions() | {name: _version(name) for name in packages},
    } | told


def digest_of(weights: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of the tensors of an exported network; files keep them in an order of their own."""
    return weights_sha256(dict(sorted(weights.items())))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def as_markdown(card: Mapping[str, Any], file: str, sha256: str) -> str:
    """The card for people, of the ``file`` of that SHA-256."""
    arch, task, taken = card["architecture"], card["task"], card["input"]
    weights, search, licence = card["weights"], card["search"], card["licence"]
    sized = [f"scale {arch['scale']}"]
    sized += [f"{name} {arch[name]}" for name in ("width", "cells") if arch[name]]
    before = taken["averaged_from"]
    rows = {
        "Architecture": f"`{arch['arch']}`",
        "Search space": f"{arch['space']}, {', '.join(sized)}",
        "Task": f"{task['name']}, {task['classes']} classes",
        "Size": f"{arch['params']:,} parameters, {arch['madds']:,} multiply-adds (stand-alone)",
        "Weights": f"{weights['from']}; BN: {weights['batch_norm']}",
        "Accuracy": _accuracy(card["accuracy"]),
        "Score": _score(card["score"]),
        "Truth": _truth(card["truth"]),
        "Found by": f"{search['method']}, run {search['run']}" if search else "no run",
        "Seed": str(card["seed"]),
        "Cost": f"{card['costs']['seconds']:,.0f} s on {card['costs']['device']}",
        "Input": f"{taken['type']} {_shape(taken['shape'])}: {taken['preprocessing']}",
        "mean, std": f"{taken['mean']}, {taken['std']}",
        "Pixels": f"means of squares of images of {before[0]}x{before[1]}"
        if before
        else "as stored",
        "Output": f"{card['output']['what']} {_shape(card['output']['shape'])}",
        "Licence": "; ".join(f"{part}: {text}" for part, text in licence.items()),
        "Made with": ", ".join(f"{name} {of}" for name, of in card["exported_with"].items()),
        "SHA-256": f"`{sha256}` of the file, `{weights['sha256']}` of its weights",
    }
    table = [f"| {name} | {_cell(text)} |" for name, text in rows.items()]
    sites = [f"- {site}" for site in arch["sites"]]
    notes = [f"- {note}" for note in card["notes"]]
    parts = [f"# {file}", "", "| | |", "|:--|:--|", *table, "", "## Choices", "", *sites]
    return "\n".join([*parts, *(["", "## Notes", "", *notes] if notes else []), ""])


def _accuracy(known: Mapping[str, Any] | None) -> str:
    if known is None:
        return "not measured: it learned from the validation images too"
    return f"{known['value']:.2f} % of this network on {known['images']:,} validation images"


def _score(known: Mapping[str, Any] | None) -> str:
    if known is None:
        return "none"
    how = "in the ranking" if known["ranked"] else "by itself; the ranking left it out"
    if known["split"] == NOTHING or known["by"] == METHOD:
        return f"{known['value']:.6g}, as its method scores, {how}"
    looks = known.get("snapshots")
    mean = f", mean of {looks} snapshots of the supernet" if looks else ""
    return f"{known['value']:.6g} ({known['by'] or 'accuracy'}, {known['split']}{mean}), {how}"


def _truth(known: Mapping[str, Any] | None) -> str:
    if known is None:
        return "not known"
    return (
        f"{known['value']:.2f} % {known['split']} accuracy of a stand-alone network on "
        f"{known['truth']}, {known['how']}"
    )


def _shape(shape: Iterable[Any]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _cell(text: str) -> str:
    """As a cell of a Markdown table, where a bar would end it."""
    return text.replace("|", "\\|")
