"""The first half: a device that computes as the CPU passes, another one is told of."""

import copy
import re
from collections.abc import Callable
from dataclasses import replace

import torch
from torch.nn import functional

from harness.device_checks import processes, repeats, same_as_cpu, versions
from harness.distributed.crew import Crew
from methods.spos import SPOS


def test_a_device_that_computes_alike_is_the_same(subject):
    found = same_as_cpu.check(subject)
    assert found.wrong == []
    figures = {"first loss": 0, "second loss": 0, "loss": 0, "score": 0}
    assert found.figures["spos on nb201"]["float32"] == figures
    assert "1 pairs of method and space, 2 steps and 2 scores each: losses differ" in found.said


def test_a_device_that_computes_otherwise_is_told_of(otherwise):
    found = same_as_cpu.check(otherwise)
    [first, *_] = found.wrong
    assert re.fullmatch(
        r"spos on nb201 in float32: the first loss differs from the CPU's by 0\.\d+, and may by "
        r"1e-05\.",
        first,
    )
    assert found.figures["spos on nb201"]["float32"]["first loss"] > 1e-3


def test_scores_that_turn_are_told_of(subject, monkeypatch):
    """By a device that trains alike and scores otherwise, the second and every later time."""
    scored = []

    def score(self, archs, own=SPOS.score):
        scored.append(archs)
        return own(self, archs) + 10 * (len(scored) > 1) + (len(scored) > 2)

    monkeypatch.setattr(SPOS, "score", score)
    found = same_as_cpu.check(subject)
    assert found.wrong == [
        "spos on nb201 in float32: its state, kept and read again, gives other scores.",
        "spos on nb201 in float32: the score differs from the CPU's by 10, and may by 2.",
    ]


def test_a_method_that_refuses_a_space_is_no_failure(subject):
    found = same_as_cpu.check(replace(subject, sizes=replace(subject.sizes, methods=("nothing",))))
    assert found.wrong == []
    assert (
        found.figures["refused"]
        == ["nothing on nb201: unknown method 'nothing'; did you mean 'mixpath'?"]
        or "unknown method 'nothing'" in found.figures["refused"][0]
    )


def test_equal_trainings_repeat_themselves(subject):
    found = repeats.check(subject)
    assert (found.wrong, found.said) == ([], "1 methods, 2 steps each: the same bits")


def drifting(method: Callable[..., SPOS]) -> Callable[..., SPOS]:
    """Each further method learns a little faster than the one before."""
    made = []

    def make(config):
        made.append(config)
        of = method(config)
        of.setting = replace(of.setting, recipe=replace(of.setting.recipe, lr=0.1 * len(made)))
        return of

    return make


def test_trainings_that_do_not_repeat_themselves_are_told_of(subject):
    other = copy.copy(subject)
    object.__setattr__(other, "method", drifting(subject.method))
    again, resumed = repeats.check(other).wrong
    assert re.fullmatch(r"spos, trained again, has the loss \S+ at step 1, before \S+\.", again)
    assert re.fullmatch(r"spos, resumed halfway, ends with another \S+\.", resumed)


def test_versions_and_flags_are_told(subject):
    found = versions.check(subject)
    assert found.wrong == [] and f"torch {torch.__version__}" in found.said
    flags = {name: found.figures[name] for name in ("tf32_products", "tf32_convolutions")}
    assert flags == {"tf32_products": False, "tf32_convolutions": False}


def test_a_card_that_cannot_be_exact_is_told_of(subject, monkeypatch):
    card = {"memory_mb": 80_000}
    exact = {"product": 1e-6, "convolution": 1e-5}
    monkeypatch.setattr(versions, "errors", lambda device: exact)
    monkeypatch.setattr(versions, "_card", lambda device: card)
    monkeypatch.setattr(versions, "versions", lambda: {"torch": "2.9", "driver": "550.1"})
    monkeypatch.setattr(versions, "use_tf32", lambda allowed: None)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    on_gpu = replace(subject, device=torch.device("cuda"))
    monkeypatch.setattr(versions, "describe_device", lambda device: "H100")
    found = versions.check(on_gpu)
    torch.backends.cudnn.allow_tf32 = False
    assert found.wrong == [
        "TF32 cannot be turned off, so that float32 is not exact.",
        "cuDNN chooses its convolutions anew each time, so that bits differ.",
    ]
    assert found.said.startswith("H100: torch 2.9") and found.said.endswith("driver 550.1")


def rounded(tensor):
    """As TF32 rounds the numbers that are multiplied: to ten bits behind the first."""
    if tensor.dtype != torch.float32:
        return tensor
    return (tensor.view(torch.int32) + 0x1000 & ~0x1FFF).view(torch.float32)


def test_products_that_are_rounded_are_told_of(subject, monkeypatch):
    assert max(versions.errors(subject.device).values()) < 2e-6
    exact = functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda x, w: exact(rounded(x), rounded(w)))
    [sentence] = versions.check(subject).wrong
    assert re.fullmatch(
        r"a convolution in float32 is wrong by \S+ of its largest value, and may be by 1e-05\.",
        sentence,
    )


def test_a_world_of_one_trains_as_without(subject):
    found = processes.check(subject)
    assert found.wrong == []
    assert found.figures["loss"] <= 1e-5 and "gloo" in found.figures["backend"]
    assert not torch.distributed.is_initialized()


def test_messages_that_come_back_changed_are_told_of(subject, monkeypatch):
    monkeypatch.setattr(Crew, "add", lambda self, tensor: tensor.mul_(2.0))
    first, *others = processes.check(subject).wrong
    assert first == "0, 1 and 2 come back from the only process as [[0.0, 2.0, 4.0]]."
    assert others[-1].startswith("a loss differs by ")
