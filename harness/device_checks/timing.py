"""Time on the wall and on a GPU, kernels launched, memory held."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from harness.environment import device_memory

LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch")  # how such calls begin


@dataclass(frozen=True)
class Spent:
    """Per call: milliseconds on the wall, on the GPU, kernels launched; most MiB of tensors, and taken.

    None is what cannot be known of a device that is no GPU.
    """

    wall_ms: float
    gpu_ms: float | None
    launches: float | None
    peak_mb: float | None
    reserved_mb: float | None

    def to_dict(self) -> dict[str, float | None]:
        return asdict(self)

    def __str__(self) -> str:
        if self.gpu_ms is None:
            return f"{self.wall_ms:.3g} ms"
        return (
            f"{self.wall_ms:.3g} ms, {self.gpu_ms:.3g} of them on the GPU, {self.launches:.0f} "
            f"launches, {self.peak_mb:.0f} MB of {self.reserved_mb:.0f} MB taken"
        )


def synchronise(device: torch.device) -> None:
    """Wait until ``device`` has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def wall_ms(function: Callable[[], Any], device: torch.device) -> float:
    """Milliseconds until ``device`` has done what ``function`` asks for."""
    synchronise(device)
    began = time.perf_counter()
    function()
    synchronise(device)
    return 1e3 * (time.perf_counter() - began)


def spent(call: Callable[[], Any], device: torch.device, timed: int, profiled: int) -> Spent:
    """Of ``timed`` calls of a ``call`` that is warm, and of ``profiled`` further ones."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    taken = wall_ms(lambda: [call() for _ in range(timed)], device) / timed
    if device.type != "cuda":
        return Spent(taken, None, None, None, None)
    peak, taken_mb = device_memory(device).values()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as watched:
        for _ in range(profiled):
            call()
        synchronise(device)
    gpu_ms, launches = counted(watched.events())
    return Spent(taken, gpu_ms / profiled, launches / profiled, peak, taken_mb)


def counted(events: Any) -> tuple[float, int]:
    """Milliseconds of a GPU, and launches, among the events of a profile.

    What is only a name for a time in which others were, as that of an optimiser's step, is none.
    """
    kernels = [e for e in events if e.device_type == DeviceType.CUDA and not e.is_user_annotation]
    calls = [e.name for e in events if e.device_type == DeviceType.CPU]
    launches = sum(name.startswith(LAUNCHES) for name in calls)
    return sum(kernel.time_range.elapsed_us() for kernel in kernels) / 1e3, launches
