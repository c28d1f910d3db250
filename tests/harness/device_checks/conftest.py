"""The checks in their smallest size, on the CPU and on devices that compute otherwise."""

from dataclasses import replace

import pytest
import torch

from harness.device_checks.subject import SMALL, Subject

TINY = replace(
    SMALL, methods=("spos",), spaces=("nb201",), steps=2, scored=2, runs=9, batch=8, timed=1,
    images=(16, 20), rankings=((10, 1), (20, 1)),
)  # fmt: skip


class Otherwise(Subject):
    """A device whose matrix products are a half too large, in the methods that are made on it."""

    def method(self, config):
        method = super().method(config)

        def hook(module, given, output):
            return 1.5 * output

        for module in method.supernet.modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_hook(hook)
        return method


@pytest.fixture
def subject():
    return Subject(torch.device("cpu"), TINY)


@pytest.fixture
def otherwise():
    return Otherwise(torch.device("cpu"), TINY)
