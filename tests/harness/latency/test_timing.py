"""Timed calls, and what tells a noisy machine from a steady one."""

import numpy as np
import pytest
import torch
from planted import PlantedData, PlantedSpace

from harness.latency.timing import Quantiles, network_call, noise, reference, timed, waiting


def test_only_what_comes_after_the_warm_up_is_timed():
    now, called, waited = [0.0], [], []

    def call():
        called.append(len(called))
        now[0] += 5.0 if len(called) <= 3 else 0.25 * len(called)

    def wait():
        waited.append(len(called))
        now[0] += 0.125

    ms = timed(call, wait, 3, 4, lambda: now[0])
    assert ms.tolist() == [1000 * (0.25 * place + 0.125) for place in (4, 5, 6, 7)]
    assert waited == [3, 4, 5, 6, 7]  # the device has done the warm-up before the first is timed


def test_quantiles_of_times():
    found = Quantiles.of(np.arange(11.0))
    assert found == (1.0, 5.0, 9.0) and found.spread == pytest.approx(8 / 5)


STEADY = np.full(20, 3.0)


def test_a_steady_machine():
    rounds = np.array([[1.0, 2.0, 4.0], [1.02, 1.98, 4.0]])
    found = noise(rounds, np.array([0.01, 0.02, 0.3]), STEADY)
    assert found["repeats"] == 0.02 and found["reference"] == 0.0 and not found["noisy"]
    apart = [0.01 / 1.01, 0.01 / 1.99, 0.0]
    assert found["rounds"] == pytest.approx(np.sqrt(np.mean(np.square(apart))))
    assert found["rounds_tau"] == 1.0


@pytest.mark.parametrize(
    ("rounds", "spread", "references"),
    [
        ([[1.0, 2.0], [1.0, 2.0]], 0.0, np.linspace(1.0, 1.2, 20)),  # the reference took longer
        ([[1.0, 2.0], [1.4, 2.8]], 0.0, STEADY),  # everything but the reference did
        ([[1.0, 2.0], [1.0, 2.0]], 0.2, STEADY),  # some repeats did
        ([[1.0, 2.0]], 0.0, np.repeat([1.0, 1.2], 10)),
    ],
)
def test_a_noisy_machine_is_called_so(rounds, spread, references):
    assert noise(np.array(rounds), np.full(2, spread), references)["noisy"]


def test_a_single_round_has_no_second_measurement():
    found = noise(np.array([[1.0, 2.0]]), np.zeros(2), STEADY)
    assert (found["rounds"], found["rounds_tau"], found["noisy"]) == (None, None, False)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_network_predicts_without_learning(dtype):
    cpu = torch.device("cpu")
    out = network_call(PlantedSpace(), (0, 1, 2, 0), PlantedData.image, 3, dtype, cpu)()
    assert out.shape == (3, 9) and out.dtype == getattr(torch, dtype)
    assert not out.requires_grad
    assert waiting(cpu)() is None
    assert torch.equal(reference(cpu)(), reference(cpu)())
