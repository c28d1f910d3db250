"""What the results of all benchmarks of torch begin with."""

from __future__ import annotations

from typing import Any

import torch

from harness.files.environment import describe_device


def head(benchmark: str, **given: Any) -> dict[str, Any]:
    """The name, what was ``given``, and what it was measured on."""
    device = describe_device(torch.device("cpu"))
    return {"benchmark": benchmark, **given, "device": device, "torch": torch.__version__}
