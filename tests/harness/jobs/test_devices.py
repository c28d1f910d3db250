"""Which devices there are for jobs, and who gets which."""

import pytest
import torch

from harness.jobs import devices
from harness.jobs.devices import Devices


@pytest.fixture(autouse=True)
def eight_gpus(monkeypatch):
    monkeypatch.setattr(devices, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(devices.os, "cpu_count", lambda: 5)


@pytest.mark.parametrize(
    ("name", "names", "jobs"),
    [
        ("cpu", ("cpu",), 5),
        ("cuda:3", ("cuda:3",), 1),
        ("cuda", tuple(f"cuda:{number}" for number in range(8)), 8),
    ],
)
def test_a_gpu_that_has_no_number_stands_for_all(name, names, jobs):
    found = Devices.of(name)
    assert (found.names, found.usual_jobs, found.on_cpu) == (names, jobs, name == "cpu")


def test_a_job_gets_the_device_with_the_fewest():
    three = Devices("a", "b", "c")
    assert [three.take(f"job {number}") for number in range(7)] == [*"abcabca"]
    three.leave("job 1")
    three.leave("job 4")
    assert [three.take("new"), three.take("newer")] == ["b", "b"]


def test_a_job_that_is_started_again_gets_a_device_again():
    two = Devices("a", "b")
    assert (two.take("job"), two.take("other")) == ("a", "b")
    two.leave("job")
    assert two.take("job") == "a"
