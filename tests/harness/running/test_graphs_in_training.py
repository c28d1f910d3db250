"""Trainings whose operators are graphs, what that saves to launch, and the switch for it."""

from functools import partial

import pytest
import tiny
import torch
from launches import Launches
from recorder import Recorder

from harness.config.config import Acceleration, Config, with_values
from harness.distributed.crew import ALONE, Crew
from harness.running import run_state, training
from harness.running.assembly import load_limited, make_method
from harness.running.graphs import Graphed
from harness.running.run_state import Execution, RunState
from harness.running.training import accelerated, maps, replaced
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def trained(monkeypatch, choice, name="spos", space="nb201", steps=4, **values):
    """Losses, what is trained, and what was recorded and replayed."""
    recorder = Recorder()
    monkeypatch.setattr(training, "Graphed", partial(Graphed, record=recorder))
    config = with_values(tiny.config(name, "--space", space), values)
    method = make_method(config, load_limited(config, None), torch.device("cpu"))
    with accelerated(method, choice):
        losses = [method.train_step(step)["loss"].item() for step in range(steps)]
    assert all(part._compiled_call_impl is None for part in maps(method.supernet))
    return losses, method.supernet.state_dict(), recorder.counts


GRAPHS = Acceleration(graphs=True)


@pytest.mark.slow
def test_a_training_with_a_constant_scale_and_shift_is_near_one_without(monkeypatch):
    """In steps only: what is trained is as ever, and so is what is made of it."""
    losses, state, _ = trained(monkeypatch, Acceleration(cudnn_norm=True))
    expected, others, _ = trained(monkeypatch, Acceleration())
    assert losses == pytest.approx(expected, rel=1e-4) and state.keys() == others.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "space"),
    [*((name, "nb201") for name in tiny.METHODS), ("spos", "darts"), ("fairnas", "macro")],
)
def test_trainings_with_graphs_are_those_without(monkeypatch, name, space):
    """But for the order in which gradients that meet are added up."""
    losses, state, counts = trained(monkeypatch, GRAPHS, name, space)
    expected, others, none = trained(monkeypatch, Acceleration(), name, space)
    assert losses == pytest.approx(expected, rel=1e-5)
    for key, tensor in others.items():
        torch.testing.assert_close(state[key], tensor, rtol=1e-3, atol=1e-5)
    assert counts["forward"] >= 1 and counts["forward"] == counts["backward"] and not none
    if (name, space) == ("spos", "nb201"):
        assert losses == expected and all(torch.equal(state[key], others[key]) for key in others)


@pytest.mark.slow
def test_graphs_in_bfloat16_are_those_without(monkeypatch):
    how = {"precision": "bfloat16"}
    losses, _, counts = trained(monkeypatch, Acceleration(graphs=True, **how))
    assert losses == trained(monkeypatch, Acceleration(**how))[0]
    assert counts["forward"] > 5


@pytest.mark.slow
def test_a_step_at_the_benchmarks_own_scale_launches_fewer():
    """All edges convolutions: of each there are left a copy and a replay, forward and back."""
    space = SPACES["nb201"]("benchmark")
    supernet = space.supernet(ImageSpec(3, 8, 10), affine=False)
    x, path = torch.zeros(2, 3, 8, 8), (3,) * 6

    def step():
        supernet.zero_grad(set_to_none=True)
        supernet(x, path).sum().backward()

    counts = []
    for record in (None, Recorder(launches := Launches())):
        call = partial(Graphed, batch=len(x), record=record) if record else lambda part: None
        with replaced(supernet, call):
            step()  # records
            with launches:
                launches.counts.clear()
                step()
            counts.append(launches.counts.copy())
    plain, fast = counts
    edges, reductions, head = 15 * 6, 2, 1
    assert fast["replay"] == 2 * (edges + reductions + head)
    assert fast["copy_"] == fast["replay"]  # of an input, and of a gradient
    assert (fast["convolution"], fast["relu"]) == (1, 0)  # the stem's
    assert plain["convolution"] == 1 + edges + 3 * reductions
    operators = 2 * 3 * edges + 2 * 9 * reductions + 2 * 3 * head  # forward and back
    assert sum(plain.values()) - sum(fast.values()) >= operators - 2 * fast["replay"] == 210


# The switch -----------------------------------------------------------------------------------


def test_a_run_with_graphs_has_another_name_and_one_without_has_its_own():
    config = tiny.config("spos", "--accelerate.graphs", "true")
    assert config.to_dict()["accelerate"] == {
        "precision": "float32",
        "compile": False,
        "graphs": True,
    }
    assert config.run_name("t") != tiny.config("spos").run_name("t")
    assert "accelerate" not in tiny.config("spos").to_dict()


def test_operators_are_compiled_or_graphs():
    with pytest.raises(UsageError, match="either compiled or CUDA graphs"):
        Config(method="spos", accelerate=Acceleration(compile=True, graphs=True))


@pytest.mark.parametrize(
    ("crew", "said"),
    [
        (
            ALONE,
            "on a GPU only, and this run is on the device 'cpu'; leave --accelerate.graphs out",
        ),
        (Crew(0, 2), "of one process only; leave torchrun or --accelerate.graphs out"),
    ],
)
def test_where_there_can_be_no_graphs_a_sentence_says_so(monkeypatch, tmp_path, crew, said):
    monkeypatch.setattr(run_state, "load_limited", lambda *_: torch.zeros(1))
    config = tiny.config("spos", "--accelerate.graphs", "true")
    with pytest.raises(UsageError, match=said):
        RunState(config, Execution(runs=tmp_path, device="cpu"), None, None, None, crew)
