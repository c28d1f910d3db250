"""The machine and software a result was computed with."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from searchspaces.errors import UsageError

# Limits on the instructions of oneDNN (by either name) and of MKL.
INSTRUCTIONS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR")
PACKAGES = ("nas-evaluation-harness", "torch", "numpy", "scipy", "pandas", "scikit-learn")


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is a GPU; raises :class:`UsageError` for what is not there.

    On a GPU convolutions are computed from now on so that what is continued, or done again, ends
    with the same bits.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:  # not the name of a device
        device = torch.device("meta")
    if device.type == "cuda" and (device.index or 0) < torch.cuda.device_count():
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        return device
    if device.type == "cpu" and not device.index:
        return torch.device("cpu")
    others = "auto or cpu" if device.type == "cuda" else "auto, cpu or, for a GPU, cuda or cuda:N"
    raise UsageError(f"the device '{name}' is not available here; use --device {others}.")


def use_device(name: str) -> torch.device:
    """:func:`choose_device`, for the process that is to compute on it.

    From now on that takes no memory of another GPU, such as the first, and float32 is exact
    wherever :func:`use_tf32` does not say otherwise.
    """
    device = choose_device(name)
    use_tf32(False)
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
    return device


def describe_device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {os.cpu_count()} cores"


def processor() -> dict[str, Any]:
    """What decides how the CPU rounds: model, vector instructions torch uses, limits set on others."""
    return {
        "model": _model(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "limits": {name: os.environ[name] for name in INSTRUCTIONS if name in os.environ},
    }


def _model() -> str:
    """The processor's name in Linux's own words, or else in Python's, which may be none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def usual_threads(tiny: bool, beside: int = 1) -> int:
    """Threads of a run that shares the machine with ``beside - 1`` others: ``tiny`` images need one."""
    return 1 if tiny else max((os.cpu_count() or 1) // beside, 1)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch compute with so many threads within."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_tf32(allowed: bool) -> None:
    """Whether GPUs may round the inputs of float32 products and convolutions, in this process."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def device_memory(device: torch.device) -> dict[str, float]:
    """The largest memory on a GPU so far, in MiB; nothing for other devices.

    ``peak_device_memory_mb``: of tensors. ``peak_device_reserved_mb``: taken from the GPU for them,
    with what lies idle, and with what CUDA graphs keep.
    """
    if device.type != "cuda":
        return {}
    held = torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
    names = "peak_device_memory_mb", "peak_device_reserved_mb"
    return {name: round(size / 1024**2, 1) for name, size in zip(names, held, strict=True)}


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if sys.platform != "darwin" else 1024**2), 1)


def harness_version() -> str:
    """Of the installed package."""
    return _version_of(PACKAGES[0])


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Versions of Python and of what shapes a number, and the git commit if any.

    For a GPU its driver too, and how it computes with float32 as this process has set it.
    """
    found = {"python": platform.python_version()}
    found |= {package: _version_of(package) for package in PACKAGES}
    if torch.cuda.is_available():
        found |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
        found["driver"] = _driver()
        found["float32"] = "TF32" if torch.backends.cudnn.allow_tf32 else "exact"
    commit = _git_commit()
    return found | ({"commit": commit} if commit else {})


def _driver() -> str:
    """The version of the GPU's driver in NVIDIA's own words."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return "not known"
    return next(iter(answer.stdout.split()), "not known")


def _git_commit() -> str | None:
    """The commit of the source tree this file is in, with ``-dirty`` where it was changed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
