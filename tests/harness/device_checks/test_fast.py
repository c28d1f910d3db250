"""The second half: what is measured, and what may not change by being faster."""

import warnings
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
import tiny
import torch
from recorder import Recorder
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from harness.device_checks import autocast, compiled, graphs, ranking, timing, training, waits
from harness.device_checks.subject import Subject
from harness.jobs import pool
from harness.running import training as framework
from harness.running.graphs import Graphed
from methods.spos import SPOS
from methods.transfer import Reading


def test_waits_are_counted_by_step_and_by_chunk(subject, monkeypatch):
    def step(self, number, own=SPOS.train_step):
        told = own(self, number)
        told["loss"].item()
        for _ in range(2):
            Reading(told["loss"]).numpy()
        return told

    monkeypatch.setattr(SPOS, "train_step", step)
    found = waits.check(subject)
    figures = found.figures["spos"]
    assert figures["per_step"] == {"_local_scalar_dense": 1.0}
    assert (figures["readings_per_step"], figures["readings_per_chunk"]) == (2.0, 1)
    assert found.said.startswith(
        "waits in a step and in a scored chunk (copies not counted): spos 1 and 0 (readings 2 and 1)"
    )


def test_a_step_that_waits_is_told_of_with_its_lines():
    figures = {
        "spos": {"per_step": {}, "per_chunk": {"base.py:7": 1}},
        "cream": {"per_step": {"method.py:9": 1.0, "base.py:3": 0.5}, "per_chunk": {}},
    }
    assert waits.in_steps(figures) == [
        "a step of cream waits for the GPU in method.py:9, base.py:3."
    ]


def test_on_a_gpu_waits_are_counted_by_the_line_that_asks_for_them(monkeypatch):
    modes = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)

    def work():
        for _ in range(3):
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    found = waits.synchronisations(work)
    line = work.__code__.co_firstlineno + 2
    assert found == {f"test_fast.py:{line}": 3}
    assert modes == ["warn", "default"]


def test_launches_and_time_on_the_gpu_are_counted_in_a_profile():
    def event(name, kind, microseconds=0.0, annotation=False):
        span = SimpleNamespace(elapsed_us=lambda: microseconds)
        return SimpleNamespace(
            name=name, device_type=kind, time_range=span, is_user_annotation=annotation
        )

    events = [
        event("cudaLaunchKernel", DeviceType.CPU, 9.0),
        event("cudaLaunchKernelExC", DeviceType.CPU, 9.0),
        event("cuLaunchKernel", DeviceType.CPU, 9.0),
        event("cudaMemcpyAsync", DeviceType.CPU, 9.0),
        event("sgemm", DeviceType.CUDA, 1500.0),
        event("Memcpy HtoD", DeviceType.CUDA, 250.0),
        event("Optimizer.step", DeviceType.CUDA, 5000.0, annotation=True),
    ]
    assert timing.counted(events) == (1.75, 3)


def test_a_profile_of_this_torch_has_what_is_counted():
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        torch.ones(3) + 1
    assert timing.counted(watched.events()) == (0.0, 0)
    [event] = [e for e in watched.events() if e.name == "aten::add"]
    assert event.time_range.elapsed_us() > 0


def test_milliseconds_are_those_of_a_call(monkeypatch):
    ticks = count(10.0, 0.5)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(ticks))
    calls = []
    found = timing.spent(lambda: calls.append(1), torch.device("cpu"), timed=4, profiled=2)
    assert (found.wall_ms, found.gpu_ms, len(calls)) == (125.0, None, 4)
    assert str(found) == "125 ms"
    assert str(timing.Spent(2.5, 1.5, 480.0, 900.4, 1200.6)) == (
        "2.5 ms, 1.5 of them on the GPU, 480 launches, 900 MB of 1201 MB taken"
    )


def test_a_step_is_timed_by_precision(subject):
    found = training.check(subject)
    assert found.wrong == [] and list(found.figures) == ["float32", "bfloat16"]
    assert all(figures["wall_ms"] > 0 for figures in found.figures.values())


def test_a_precision_with_another_loss_is_told_of(subject, monkeypatch):
    spent, losses = timing.Spent(1.0, None, None, None, None), iter([2.0, 3.0])
    monkeypatch.setattr(training, "measured", lambda subject, how: (spent, next(losses)))
    assert training.check(subject).wrong == ["the first loss is 3 in bfloat16, 2 in float32."]


def test_scores_do_not_depend_on_batches(subject):
    found = ranking.check(subject)
    assert found.wrong == []
    assert list(found.figures["seconds"]) == ["10 images, 1 process", "20 images, 1 process"]
    assert found.figures["architectures"] == 16


@pytest.mark.slow
def test_scores_do_not_depend_on_processes(subject, monkeypatch):
    monkeypatch.setattr(pool, "get_context", tiny.quick_context)
    sizes = replace(subject.sizes, rankings=((20, 1), (20, 2)))
    found = ranking.check(replace(subject, sizes=sizes))
    assert found.wrong == []
    assert list(found.figures["seconds"]) == ["20 images, 1 process", "20 images, 2 processes"]


def test_scores_that_depend_on_how_they_are_computed_are_told_of(subject, monkeypatch):
    sizes = replace(subject.sizes, rankings=((10, 1), (10, 2), (20, 1)))
    scores = iter([50.0, 50.5, 48.0])
    monkeypatch.setattr(
        ranking,
        "ranked",
        lambda subject, archs, *how: (torch.full((3,), next(scores)).numpy(), 1.0),
    )
    assert ranking.check(replace(subject, sizes=sizes)).wrong == [
        "10 images, 2 processes: scores are not those of the first ranking with 10 images.",
        "scores differ by 2 points by how many images go through at once.",
    ]


@pytest.mark.slow
def test_compiled_operators_give_the_same(subject, monkeypatch):
    monkeypatch.setattr(framework, "maps", lambda network: [network.head])  # one, to be quick
    found = compiled.check(subject)
    assert found.wrong == [] and found.figures["first_loss"] == 0
    assert found.figures["backend"] == "eager"


def test_every_operator_is_compiled_before_anything_is_timed(subject):
    method, seen = subject.large(), set()
    method.path_loss = lambda path, batch: (seen.add(path), torch.zeros((), requires_grad=True))[1]
    compiled.every_operator(method)
    assert seen == {(number,) * 6 for number in range(5)}


class GPU(Subject):
    """A device that has CUDA graphs, it says."""

    is_gpu = True


class Otherwise(Recorder):
    """Whose replays give half of what was recorded."""

    def __call__(self, forward, backward):
        return super().__call__(lambda: forward() / 2, backward)


@pytest.mark.slow
@pytest.mark.parametrize(("recorder", "wrong"), [(Recorder, 0), (Otherwise, 1)])
def test_graphs_are_compared_and_counted(subject, monkeypatch, recorder, wrong):
    counted = recorder()
    monkeypatch.setattr(graphs, "Graphed", partial(Graphed, record=counted))
    found = graphs.check(GPU(subject.device, subject.sizes))
    assert len(found.wrong) == wrong
    assert found.figures["number"] == counted.counts["recorded"] > 10
    assert counted.counts["forward"] > 10
    if wrong:
        assert found.wrong[0].startswith("a loss differs by ")
    else:
        assert "the same losses to the bit; a step takes" in found.said


def test_graphs_that_there_are_not_are_told_of(subject, monkeypatch):
    assert graphs.check(subject).said == "skipped: there are CUDA graphs on a GPU only"
    monkeypatch.setattr(graphs, "Graphed", lambda part, batch: None)
    found = graphs.check(GPU(subject.device, subject.sizes))
    assert found.wrong == ["no operator became a graph."]


@pytest.mark.slow
def test_bfloat16_is_near_float32(subject):
    found = autocast.check(subject)
    assert found.wrong == [] and list(found.figures) == ["spos", "cream", "ennas"]
    for figures in found.figures.values():
        assert 0 < figures["without_cache"]["loss"] < 0.1


def test_bfloat16_that_is_not_near_is_told_of(subject, monkeypatch):
    losses = {None: [2.0, 2.0], False: [2.0, 2.5], True: [2.0, 9.0]}
    monkeypatch.setattr(autocast, "_losses", lambda s, name, cache: (losses[cache], 1.0))
    assert autocast.check(subject).wrong == [
        f"{name}: a loss differs by 0.25 from float32's." for name in autocast.METHODS
    ]
