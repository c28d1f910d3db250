"""Devices: what is there, and what decides how they round."""

import os
import subprocess
import sys

import pytest
import torch

from harness.files.environment import INSTRUCTIONS, choose_device, processor
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


def test_without_a_gpu_it_is_the_cpu(monkeypatch, cudnn):
    gpus(monkeypatch, 0)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    assert (cudnn.deterministic, cudnn.benchmark) == (False, True)


@pytest.mark.parametrize("name", ["cuda:2", "mps", "nonsense"])
def test_what_is_not_there_is_refused(monkeypatch, name):
    gpus(monkeypatch, 2)
    with pytest.raises(UsageError, match=f"the device '{name}' is not available"):
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
    program = "from harness.files.environment import processor; print(processor()['vectors'])"
    limited = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=limited, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() not in ("AVX2", "AVX512")
