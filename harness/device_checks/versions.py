"""Which card, driver and libraries, and whether float32 is exact and convolutions repeatable."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from harness.device_checks.finding import Finding
from harness.device_checks.subject import Subject
from harness.environment import describe_device, use_tf32, versions

LIMIT = 1e-5  # largest error of a product in float32, where that of TF32 is ten times as large


def check(subject: Subject) -> Finding:
    """Wrong: float32 that is not exact, and on a GPU convolutions that need not repeat themselves."""
    use_tf32(False)
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    flags = {
        "tf32_products": cuda.allow_tf32,
        "tf32_convolutions": cudnn.allow_tf32,
        "repeatable_convolutions": cudnn.deterministic and not cudnn.benchmark,
    }
    figures: dict[str, Any] = {**versions(), **flags, "threads": torch.get_num_threads()}
    figures["errors"] = errors(subject.device)
    wrong = [
        f"a {what} in float32 is wrong by {error:.1g} of its largest value, and may be by {LIMIT:g}."
        for what, error in figures["errors"].items()
        if not error <= LIMIT
    ]
    if subject.is_gpu:
        figures |= _card(subject.device)
        if flags["tf32_products"] or flags["tf32_convolutions"]:
            wrong.append("TF32 cannot be turned off, so that float32 is not exact.")
        if not flags["repeatable_convolutions"]:
            wrong.append("cuDNN chooses its convolutions anew each time, so that bits differ.")
    known = ("torch", "cuda", "cudnn", "driver")
    named = ", ".join(f"{name} {figures[name]}" for name in known if name in figures)
    return Finding(f"{describe_device(subject.device)}: {named}", figures, wrong)


def errors(device: torch.device) -> dict[str, float]:
    """The largest error of a product and of a convolution, relative to their largest values."""
    generator = torch.Generator().manual_seed(0)
    matrix, images, filters = (
        torch.randn(shape, generator=generator)
        for shape in ((512, 512), (8, 64, 16, 16), (64, 64, 3, 3))
    )
    work = {
        "product": (torch.matmul, matrix, matrix),
        "convolution": (functional.conv2d, images, filters),
    }
    found = {}
    for what, (function, *given) in work.items():
        exact = function(*(tensor.double() for tensor in given))
        error = function(*(tensor.to(device) for tensor in given)).cpu().double() - exact
        found[what] = (error.abs().max() / exact.abs().max()).item()
    return found


def _card(device: torch.device) -> dict[str, Any]:
    card = torch.cuda.get_device_properties(device)
    return {
        "capability": f"{card.major}.{card.minor}",
        "memory_mb": round(card.total_memory / 1024**2),
        "processors": card.multi_processor_count,
        "bfloat16": torch.cuda.is_bf16_supported(),
    }
