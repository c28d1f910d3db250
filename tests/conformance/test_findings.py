"""How findings are gathered, counted and told; and the noise that methods are tried on."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.conformance import architectures, suite
from harness.conformance.basics import BASIC_CHECKS
from harness.conformance.command import main
from harness.conformance.findings import Finding, findings
from harness.conformance.methods import METHOD_CHECKS
from harness.conformance.noise import Noise
from methods.registry import METHODS
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201
from searchspaces.registry import SPACES


def it_talks_a_lot(subject):
    yield from (f"sentence {number}." for number in range(5))


def it_breaks(subject):
    yield "first."
    raise ValueError("a defect\nin two lines")


def it_breaks_alike(subject):
    yield from it_breaks(subject)


def test_a_check_tells_three_sentences_and_an_error_is_told_once():
    found = list(findings([it_talks_a_lot, it_breaks, it_breaks_alike], "spos"))
    assert [f.check for f in found] == ["it_talks_a_lot"] * 3 + ["it_breaks"] * 2 + [
        "it_breaks_alike"
    ]
    assert [f.sentence for f in found[:4]] == [
        "sentence 0.",
        "sentence 1.",
        "sentence 2.",
        "first.",
    ]
    assert found[4].sentence.startswith("ValueError in test_findings.py, line ")
    assert found[4].sentence.endswith(": a defect.")
    assert str(found[0]) == "spos: sentence 0. (it talks a lot)"


@pytest.fixture
def checked(monkeypatch):
    """What is checked, in order; nothing is found but where ``broken`` says so."""
    asked, broken = [], {}

    def check(*names):
        asked.append(names)
        sentences = broken.get(names, ())
        return [Finding(names[0], check, sentence) for check, sentence in sentences]

    monkeypatch.setattr(suite, "check_space", check)
    monkeypatch.setattr(suite, "check_method", check)
    return asked, broken


def test_what_is_named_is_checked(checked):
    asked, _ = checked
    assert main(["--space", "nb201", "--space", "macro", "--method", "spos"]) == 0
    assert asked == [("nb201",), ("macro",), ("spos", "nb201"), ("spos", "macro")]
    asked.clear()
    assert main(["--space", "macro"]) == 0
    assert asked == [("macro",), *((method, "macro") for method in METHODS)]
    asked.clear()
    assert main(["--method", "spos"]) == 0
    assert asked == [("spos", space) for space in SPACES]
    asked.clear()
    with pytest.raises(UsageError, match="--method or --space is missing, as in `nas-harness conf"):
        main([])
    assert asked == []


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_the_status_and_the_last_line_tell_how_many_promises_are_broken(checked, capsys, number):
    _, broken = checked
    told = [("it_holds", "one."), ("it_holds", "one again."), ("it_lasts", "two.")]
    broken["spos", "macro"] = told[:number]
    assert main(["--space", "macro", "--method", "spos"]) == (number > 0)
    told = capsys.readouterr()
    lines = ["spos: one. (it holds)", "spos: one again. (it holds)", "spos: two. (it lasts)"]
    assert told.out.splitlines() == lines[:number]
    count = ["no promises", "1 promise", "1 promise", "2 promises"][number]
    assert told.err.splitlines() == [
        "macro: keeps its promises",
        f"spos on macro: {'see below' if number else 'keeps its promises'}",
        f"{count} broken.",
    ]


def test_noise_to_learn_from_and_to_score_on_never_meet():
    data = Noise(ImageSpec(2, 5, 3), size=11)
    assert data.train.images.shape == (11, 2, 5, 5)
    assert data.val.images.shape == (9, 2, 5, 5)
    assert len(torch.cat([data.train.images, data.val.images]).flatten(1).unique(dim=0)) == 20
    one, other = data.apart(2)
    assert torch.equal(one.train.images, data.train.images[0::2])
    assert torch.equal(other.train.labels, data.train.labels[1::2])
    images, labels = data.train_batch(4, 6, seed=9)
    rows = np.random.default_rng([9, 4]).integers(11, size=6)
    assert torch.equal(images, data.train.images[rows]) and torch.equal(
        labels, data.train.labels[rows]
    )
    assert (data.asked, one.asked, other.asked) == ([(4, 6, 9)], [], [])
    parts = list(data.batches("val", 4))
    assert [len(y) for _, y in parts] == [4, 4, 1]
    assert torch.equal(torch.cat([x for x, _ in parts]), data.val.images)


def test_a_misspelt_override_is_a_finding():
    class Mine(METHODS["spos"]):
        def sample_path(self, rng):
            return []

    class Ours(SPACES["nb201"]):
        def cannonical(self, arch):
            return ""

    subjects = {
        METHOD_CHECKS: SimpleNamespace(kind=Mine),
        BASIC_CHECKS: SimpleNamespace(space=Ours()),
    }
    for checks, subject in subjects.items():
        (check,) = (c for c in checks if c.__name__ == "what_it_means_to_override_it_does")
        (sentence,) = check(subject)
        assert "overrides nothing, and nobody calls it; name it" in sentence


class Sparing(NASBench201):
    """Has one convolution that is used twice stand for two."""

    name = "sparing"
    twice = {(3, 0, 1, 0, 1, 1): (3, 3, 0, 0, 1, 1)}

    def representative(self, arch):
        return {two: one for one, two in self.twice.items()}.get(arch, arch)


def test_a_convolution_used_twice_does_not_stand_for_two(monkeypatch):
    (one, two) = next(iter(Sparing.twice.items()))
    subject = SimpleNamespace(space=Sparing("compact"), image=ImageSpec(1, 12, 10))
    assert subject.space.representative(two) == one
    assert all(map(subject.space.is_valid, (one, two)))
    monkeypatch.setattr(architectures, "_variations", lambda *args, **kwargs: [one, two])
    (found,) = architectures.representatives_compute_the_same(subject)
    assert "computes something else" in found
