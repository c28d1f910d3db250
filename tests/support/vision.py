"""torchvision also where its compiled operators do not fit the installed torch.

It is published with operators for one build of torch; beside another its import fails. RetinaNet
needs one of them, which a few lines of Python stand for here.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import torch


@cache
def make_usable() -> None:
    """Must come before the first import of torchvision; once is enough."""
    library = Path(importlib.util.find_spec("torchvision").origin).parent / "_C.so"
    try:
        torch.ops.load_library(library)
        return
    except OSError:
        pass
    for name in ("nms", "qnms"):  # whose shapes torchvision states while it is imported
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{name}", schema)
    torch.library.impl("torchvision::nms", "CPU", suppressed)
    import torchvision

    torchvision.extension._has_ops = lambda: True


def suppressed(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Numbers of the boxes that overlap no better one by more than ``threshold``."""
    kept, left = [], scores.argsort(descending=True, stable=True)
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        low = torch.maximum(boxes[first, :2], boxes[left, :2])
        high = torch.minimum(boxes[first, 2:], boxes[left, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        left = left[shared / (areas[first] + areas[left] - shared) <= threshold]
    return torch.stack(kept) if kept else left
