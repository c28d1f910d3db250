"""Readings: a copy that is begun at once, and whose values are there once somebody has waited."""

from types import SimpleNamespace

import numpy as np
import torch

from methods.transfer import Reading


def test_a_gpu_is_waited_for_when_its_values_are_looked_at(monkeypatch):
    """A stand-in for a GPU, which fills the copy only when what was begun by then is waited for."""
    copy, did = torch.zeros(3), []

    class There:
        device = SimpleNamespace(type="cuda", index=1)

        def detach(self):
            return self

        def to(self, where, non_blocking):
            did.append(("copy", where, non_blocking))
            return copy

    def wait():
        did.append("wait")
        copy.copy_(torch.tensor([1.0, 2.0, 3.0]))

    def record():
        did.append("mark")
        return SimpleNamespace(synchronize=wait)

    def stream(device):
        assert device is There.device
        return SimpleNamespace(record_event=record)

    monkeypatch.setattr(torch.cuda, "current_stream", stream)
    reading, before = Reading(There()), Reading.waited
    assert did == [("copy", "cpu", True), "mark"]
    for _ in range(2):
        np.testing.assert_array_equal(reading.numpy(), [1, 2, 3])
        assert did[2:] == ["wait"] and Reading.waited == before + 1


def test_a_reading_of_the_host_has_no_graph():
    tensor = torch.tensor([1.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(Reading(2 * tensor).numpy(), [2, 4])
