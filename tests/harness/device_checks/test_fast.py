"""The second half: what is measured, and what may not change by being faster."""

import warnings
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from recorder import Recorder
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from harness.device_checks import (
    autocast,
    compiled,
    graphs,
    ranking,
    solvers,
    timing,
    training,
    waits,
)
from harness.device_checks.elsewhere import READ, THERE, Elsewhere
from harness.device_checks.subject import Subject
from harness.jobs import pool
from harness.running import training as framework
from harness.running.graphs import Graphed
from methods.spos import SPOS
from methods.transfer import Reading


def reading(times, number):
    """SPOS's step, which asks for its loss so often by waiting, and ``number`` times by reading."""

    def step(self, step, own=SPOS.train_step):
        told = own(self, step)
        for _ in range(times):
            told["loss"].item()
        for _ in range(number):
            Reading(told["loss"]).numpy()
        return told

    return step


def test_waits_are_counted_by_step_and_by_chunk(subject, monkeypatch):
    monkeypatch.setattr(SPOS, "train_step", reading(1, 2))
    found = waits.check(subject)
    figures = found.figures["spos"]
    (line,) = figures["per_step"]
    assert line.startswith("aten._local_scalar_dense.default test_fast.py:")
    assert figures["per_step"] == {line: 1.0} and figures["per_chunk"] == {}
    assert (figures["readings_per_step"], figures["readings_per_chunk"]) == (2.0, 1)
    assert found.said.startswith(
        "waits in a step and in a scored chunk (by count, without a GPU): spos 1 and 0 (readings 2 "
    )
    assert found.wrong == [
        f"a step of spos waits for the device in {line}.",
        "a step of spos reads the device 2 times more than it must.",
    ]


def test_one_step_that_reads_is_enough_to_be_told_of(subject, monkeypatch):
    """However few of those before did."""
    own, often = SPOS.train_step, reading(0, 1)
    monkeypatch.setattr(
        SPOS, "train_step", lambda self, step: (often if step == 7 else own)(self, step)
    )
    found = waits.check(replace(subject, sizes=replace(subject.sizes, steps=8)))
    assert found.figures["spos"]["readings_per_step"] == 0.25
    assert found.wrong == ["a step of spos reads the device 1 times more than it must."]


def test_a_chunk_that_is_waited_for_twice_is_told_of(subject, monkeypatch):
    def score(self, archs, own=SPOS.score):
        return np.concatenate([own(self, archs[:1]), own(self, archs[1:])])

    monkeypatch.setattr(SPOS, "score", score)
    assert waits.check(subject).wrong == ["a scored chunk of spos waits for the device 2 times."]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gdas", "cream", "ennas", "mngnas"])
def test_methods_that_read_read_no_more_than_they_must(subject, name):
    """In steps that update Cream's matching too."""
    found = waits.check(replace(subject, sizes=replace(subject.sizes, methods=(name,), steps=12)))
    figures = found.figures[name]
    assert found.wrong == [] and figures["readings_per_chunk"] == 1
    assert (figures["readings_per_step"] > 0) == (name in ("gdas", "cream"))


@pytest.mark.parametrize(
    ("name", "costs", "most"),
    [
        ("spos", {"steps": 1}, 0),
        ("gdas", {"steps": 2}, 1),
        ("cream", {"steps": 1}, 1),
        ("cream", {"steps": 2}, 2),  # that of an update too
        ("ennas", {"steps": 1}, 0),
        ("ennas", {"steps": 1, "probe_image_passes": 80}, 1),
        ("mngnas", {"steps": 1}, 0),
    ],
)
def test_what_a_step_must_read(name, costs, most):
    assert waits.needed(name, Counter(costs)) == most


def test_what_waits_or_reads_too_often_is_told_of_with_its_lines():
    fine = {"per_step": {}, "per_chunk": {}, "readings_beyond_need": 0, "readings_per_chunk": 1}
    assert waits.too_many("spos", fine) == []
    assert waits.too_many("gdas", fine | {"readings_beyond_need": -1}) == []
    lines = {"method.py:9": 1.0, "base.py:3": 0.5}
    assert waits.too_many("cream", fine | {"per_step": lines, "per_chunk": {"base.py:7": 2}}) == [
        "a step of cream waits for the device in method.py:9, base.py:3.",
        "a scored chunk of cream waits for the device 3 times, base.py:7.",
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


@pytest.mark.slow
def test_steps_are_timed_by_where_their_problems_are_solved(subject):
    found = solvers.check(subject)
    assert found.wrong == [] and list(found.figures) == ["EnNAS", "MNGNAS"]
    for figures in found.figures.values():
        assert figures["loss"] == 0 and all(figures[how]["wall_ms"] > 0 for how in solvers.WAYS)
    assert found.said.startswith(
        "a step, its problem solved on the device and on the host, which a CPU is itself: EnNAS "
    )


def test_a_solver_with_another_loss_is_told_of(subject, monkeypatch):
    spent, losses = timing.Spent(1.0, None, None, None, None), {"own": 2.0, "host": 2.5}
    monkeypatch.setattr(solvers, "ennas", lambda subject, solver: (losses[solver], spent))
    monkeypatch.setattr(solvers, "mngnas", lambda subject, solver: (3.0, spent))
    found = solvers.check(replace(subject, device=torch.device("cuda")))
    assert found.said.endswith(" on the host: EnNAS 1 and 1 ms; MNGNAS 1 and 1 ms")
    assert found.wrong == [
        "EnNAS: by where its problem is solved a loss differs by 0.2, and may by 0.001."
    ]


@pytest.mark.slow
def test_either_solver_is_asked_for(subject, monkeypatch):
    """Where values are elsewhere they differ: one reads in each step."""
    reads = {}
    for name, measure in (("EnNAS", solvers.ennas), ("MNGNAS", solvers.mngnas)):
        for solver in solvers.WAYS:
            with Elsewhere() as seen:
                measure(replace(subject, device=THERE), solver)
                reads[name, solver] = seen.of(READ)
    assert reads["EnNAS", "own"] == reads["MNGNAS", "own"] == 0
    assert reads["EnNAS", "host"] >= 4 and reads["MNGNAS", "host"] >= 4


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
