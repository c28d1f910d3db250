"""Devices: what is there, and convolutions that give the same bits."""

import pytest
import torch

from harness.files.environment import choose_device
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
