"""A network with random weights as a file for PyTorch, as a run would have left it."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from harness.exporting.card import make_card
from harness.exporting.programs import FORMATS, traced
from harness.exporting.trained import Trained
from harness.tasks import IMAGES, load_task
from searchspaces.base import SearchSpace
from searchspaces.registry import called

SEARCH = {
    "run": "a-run", "method": "spos", "seed": 3, "preset": "smoke", "seconds": 8640.0,
    "days": 0.1, "device": "a test", "covers": "all",
}  # fmt: skip


def write_exported(
    path: Path, space: SearchSpace, arch: str, width: int = 0, cells: int = 0
) -> dict[str, torch.Tensor]:
    """Its tensors by name; ``width`` and ``cells`` are those of the space."""
    image = IMAGES["digits"]
    network = space.supernet(image).subnet(space.decode(arch))
    network.train()(torch.randn(8, image.channels, image.size, image.size))
    told = {
        "weights": {"from": "a test", "batch_norm": "of noise"},
        "accuracy": None,
        "score": None,
        "truth": None,
        "search": SEARCH,
        "costs": {},
        "seed": 3,
        "images_sha256": "",
        "truth_licence": "",
        "trained_with": {},
        "notes": [],
    }
    names = called(type(space)), "digits"
    trained = Trained(
        network.eval(), space, space.decode(arch), load_task("digits"), told, *names, width, cells
    )
    images = torch.zeros(2, image.channels, image.size, image.size)
    program = traced(network, images)
    card = json.dumps(make_card(trained, program.state_dict, ()))
    path.write_bytes(FORMATS["torch"].written(program, images, card))
    return network.state_dict()
