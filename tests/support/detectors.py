"""A small COCO of coloured squares, and a trained backbone for a detector."""

import numpy as np
import torch
from PIL import Image

from harness.config.config import SCHEMA_VERSION
from harness.files.store import write_json
from harness.resuming.workspace import save_tensors
from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

COLOURS = {3: (220, 20, 20), 17: (20, 20, 220)}  # by the number of the category
SPACE = SPACES["mobilenet"]("imagenet", 8)
ARCH = SPACE.sample(np.random.default_rng(0))


def make_coco(root):
    """Eight images a part, each with one or two squares, in the layout of COCO 2017."""
    for part in ("train", "val"):
        rng, images, boxes = np.random.default_rng(len(part)), [], []
        (root / f"{part}2017").mkdir(parents=True)
        for number in range(1, 9):
            pixels = np.full((64, 80, 3), 128, np.uint8)
            for category in list(COLOURS)[: 1 + number % 2]:
                side, x, y = rng.integers(16, 28), rng.integers(0, 50), rng.integers(0, 34)
                pixels[y : y + side, x : x + side] = COLOURS[category]
                box = [int(x), int(y), int(min(side, 80 - x)), int(min(side, 64 - y))]
                boxes.append(
                    {"id": len(boxes) + 1, "image_id": number, "category_id": category,
                     "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                )  # fmt: skip
            Image.fromarray(pixels).save(root / f"{part}2017" / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "width": 80, "height": 64})
        categories = [{"id": number, "name": str(number)} for number in COLOURS]
        content = {"images": images, "annotations": boxes, "categories": categories}
        write_json(root / "annotations" / f"instances_{part}2017.json", content)
    return root


def make_trained(folder):
    """The folder of a stand-alone training with its weights."""
    torch.manual_seed(0)
    network = SPACE.standalone(ARCH, ImageSpec(3, 224, 5))
    weights = network.state_dict()
    save_tensors(folder / "checkpoint.pt", {"training": {"network": weights, "average": None}})
    record = {
        "schema_version": SCHEMA_VERSION,
        "name": "mobilenet-imagenet-net",
        "config": {"space": "mobilenet", "task": "imagenet", "width": 8, "cells": 0,
                   "preset": "paper", "train_images": 0, "eval_images": 0},
        "recipe": {"changed": {}},
        "arch": SPACE.encode(ARCH),
        "network": {"scale": "imagenet", "params": 1000, "madds": 224**2, "reduced": False},
        "found_by": [{"run": "some-run"}],
    }  # fmt: skip
    write_json(folder / "standalone.json", record)
    return folder
