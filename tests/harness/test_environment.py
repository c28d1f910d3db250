"""Devices: what is there, and what decides how they round."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from harness.environment import (
    INSTRUCTIONS,
    choose_device,
    describe_device,
    peak_memory_mb,
    processor,
    threads,
    use_device,
    use_tf32,
    usual_threads,
    versions,
)
from searchspaces.errors import UsageError


@pytest.fixture
def cudnn(monkeypatch):
    """The settings, such as a machine begins with."""
    settings = torch.backends.cudnn
    for name, value in (("deterministic", False), ("benchmark", True)):
        monkeypatch.setattr(settings, name, value)
    return settings


def gpus(monkeypatch, number):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:1"])
def test_on_a_gpu_convolutions_repeat_to_the_bit(monkeypatch, cudnn, name):
    gpus(monkeypatch, 2)
    assert choose_device(name).type == "cuda"
    assert (cudnn.deterministic, cudnn.benchmark) == (True, False)


@pytest.mark.parametrize(("name", "number"), [("auto", [0]), ("cuda:1", [1]), ("cpu", [])])
def test_a_process_works_on_its_own_gpu_alone(monkeypatch, cudnn, name, number):
    gpus(monkeypatch, 2)
    current = []
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    assert use_device(name) == torch.device("cuda" if name == "auto" else name)
    assert current == number


def test_without_a_gpu_it_is_the_cpu(monkeypatch, cudnn):
    gpus(monkeypatch, 0)
    for name in ("auto", "cpu", "cpu:0"):
        assert choose_device(name) == torch.device("cpu")
    assert (cudnn.deterministic, cudnn.benchmark) == (False, True)


@pytest.mark.parametrize(
    ("printed", "known"),
    [("550.54.15\n550.54.15\n", "550.54.15"), ("", "not known"), (None, "not known")],
)
def test_what_a_gpu_rounds_by_is_recorded(monkeypatch, tmp_path, printed, known):
    """CUDA, cuDNN, and the driver where NVIDIA's own program tells it; nothing of it without a GPU."""
    gpus(monkeypatch, 2)
    if printed is not None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\nprintf '%s' '{printed}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = versions()
    assert found["driver"] == known and {"cuda", "cudnn"} <= found.keys()
    gpus(monkeypatch, 0)
    assert not {"driver", "cuda", "cudnn", "float32"} & versions().keys()


@pytest.mark.parametrize(("allowed", "told"), [(True, "TF32"), (False, "exact")])
def test_how_a_gpu_computes_with_float32_is_told_with_its_versions(monkeypatch, allowed, told):
    gpus(monkeypatch, 1)
    use_device("cpu")
    use_tf32(allowed)
    assert versions()["float32"] == told
    use_tf32(False)


def test_float32_is_exact_in_a_process_that_begins_to_compute():
    """As PyTorch's own default for convolutions is not, nor what a run in it may have chosen."""
    use_tf32(True)
    use_device("cpu")
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("name", ["cuda:2", "mps", "gpu", "cpu:1"])
def test_what_is_not_there_is_refused(monkeypatch, name):
    gpus(monkeypatch, 2)
    way = "auto or cpu" if name == "cuda:2" else "auto, cpu or, for a GPU, cuda or cuda:N"
    with pytest.raises(
        UsageError, match=f"^the device '{name}' is not available .*--device {way}.$"
    ):
        choose_device(name)


def test_the_processor_is_told_with_its_instructions(monkeypatch):
    for name in INSTRUCTIONS:
        monkeypatch.delenv(name, raising=False)
    found = processor()
    assert found["vectors"] == torch.backends.cpu.get_cpu_capability() and found["model"]
    assert found["limits"] == {}
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert processor() == found | {"limits": {"ONEDNN_MAX_CPU_ISA": "SSE41"}}


@pytest.mark.slow
def test_fewer_instructions_are_another_processor():
    program = "from harness.environment import processor; print(processor()['vectors'])"
    limited = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=limited, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() not in ("AVX2", "AVX512")


@pytest.mark.parametrize(
    ("tiny", "beside", "number"), [(True, 1, 1), (False, 1, 12), (False, 5, 2), (False, 99, 1)]
)
def test_cores_are_shared_among_the_runs_beside_and_tiny_images_need_one(
    monkeypatch, tiny, beside, number
):
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert usual_threads(tiny, beside) == number


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("system", "unit"), [("linux", 1024), ("darwin", 1024**2)])
def test_memory_is_told_in_mebibytes(monkeypatch, system, unit):
    monkeypatch.setattr(sys, "platform", system)
    used = SimpleNamespace(ru_maxrss=1234.56 * unit)
    monkeypatch.setattr("resource.getrusage", lambda who: used)
    assert peak_memory_mb() == 1234.6


def test_a_cpu_is_told_with_its_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert describe_device(torch.device("cpu")).endswith(" CPU, 12 cores")
