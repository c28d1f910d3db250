"""What a function of a method gives instead of what is due is said with the place of the function."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.conformance.findings import NotDue, told
from harness.conformance.methods import _differing, search_ends_with_a_valid_architecture
from harness.conformance.noise import Noise
from harness.conformance.returns import declared_paths, guarded
from methods.base import in_chunks
from searchspaces.base import Site
from searchspaces.nb201.space import NASBench201

SITES = [Site("first", ("a", "b")), Site("second", ("a", "b", "c"))]


class Toy:
    """Gives whatever it was made with."""

    def __init__(self, value):
        self.value, self.space = value, SimpleNamespace(sites=SITES)

    def train_step(self, step):
        return self.value

    def sample_paths(self, rng):
        return self.value

    def path_loss(self, path, batch):
        return self.value

    def score(self, archs):
        return self.value

    def search_epoch(self, epoch):
        return self.value

    def found(self):
        return self.value

    def paths_per_step(self, options=None, space=None):
        return self.value


GIVEN = {"path_loss": (None, None), "score": (["x", "y"],), "found": ()}
LOSS = torch.tensor(1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_step", {"loss": LOSS}),
        ("sample_paths", [(0, 2), (1, (0, 2))]),
        ("path_loss", LOSS),
        ("score", np.array([1.0, 2.0])),
        ("score", torch.tensor([1.0, np.nan])),
        ("search_epoch", [((0, 1), 2.0)]),
        ("found", (1, np.int64(2))),
    ],
)
def test_what_is_due_passes(name, value):
    assert getattr(guarded(Toy(value)), name)(*GIVEN.get(name, (0,))) is value


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("train_step", None, "gives nothing; a dict of tensors of one number each, 'loss' among"),
        ("train_step", {"error": LOSS}, "gives the dict {'error': tensor(1.)}; a dict"),
        ("train_step", {"loss": 1.0}, "gives the dict {'loss': 1.0}; a dict"),
        ("sample_paths", [], "gives the list []; a list of paths, each with operators of the 2"),
        ("sample_paths", [(0, 3)], "gives the list [(0, 3)]"),
        ("sample_paths", [(0,)], "gives the list [(0,)]"),
        ("path_loss", 1.0, "gives the float 1.0; a tensor of one number is due"),
        ("score", [1.0, 2.0], "gives the list [1.0, 2.0]; an array of 2 scores, one of each"),
        ("score", np.ones(1), "gives ndarray of shape [1]; an array of 2 scores"),
        ("search_epoch", [0.5], "gives the list [0.5]; a list of pairs"),
        ("found", None, "gives nothing; an architecture, a tuple with the number of an operator"),
        ("found", (2, 0), "gives the tuple (2, 0); an architecture"),
    ],
)
def test_what_is_not_due_is_said(name, value, sentence):
    with pytest.raises(
        NotDue, match=rf"^{name} \(test_returns.py, line \d+\) {re.escape(sentence)}"
    ):
        getattr(guarded(Toy(value)), name)(*GIVEN.get(name, (0,)))


def test_a_function_that_cannot_be_called_so_is_said_with_what_to_write():
    class Short(Toy):
        def score(self):
            return self.value

        def found():
            return None

    mine = guarded(Short(None))
    sentence = (
        r"^score \(test_returns.py, line \d+\) is written as score\(self\); write "
        r"score\(self, archs\).$"
    )
    with pytest.raises(NotDue, match=sentence):
        mine.score([])
    with pytest.raises(NotDue, match=r" is written as found\(\); write found\(self\).$"):
        mine.found()


@pytest.mark.parametrize("paths", [{"forward": 1, "backward": 1}, None, {"forwards": 1}])
def test_what_is_no_cost_of_a_step_is_said(paths):
    with pytest.raises(NotDue, match=r"^paths_per_step \(test_returns.py, line \d+\) gives "):
        declared_paths(Toy(paths), None, None)


@pytest.mark.parametrize(
    ("of_images", "score", "told"), [(True, 100.5, 1), (True, 100.0, 0), (False, 250.0, 0)]
)
def test_scores_of_another_kind_have_no_end_at_100(of_images, score, told):
    method = SimpleNamespace(space=NASBench201("compact"), trains=True, scores_images=of_images)
    method.found, method.data = lambda: (1,) * 6, Noise()
    of = SimpleNamespace(space=method.space, limit=np.inf)
    subject = SimpleNamespace(refusal="", of=of, searched=(method, [((1,) * 6, score)], {}))
    found = list(search_ends_with_a_valid_architecture(subject))
    assert len(found) == told
    assert all("its class has scores_images = False" in sentence for sentence in found)


def test_images_that_no_method_sees_are_said_to_be_none():
    with pytest.raises(NotDue, match="no method sees test images"):
        _ = Noise().test


def test_an_error_is_located_in_the_file_of_the_plug_in():
    names = {"in_chunks": in_chunks}
    exec(compile("\ndef mine():\n    in_chunks([1], 0)\n", "/there/mine.py", "exec"), names)
    with pytest.raises(ValueError, match="range") as error:
        names["mine"]()
    error.value.__traceback__ = error.value.__traceback__.tb_next
    assert told(error.value).startswith("ValueError in mine.py, line 3: range() arg 3")


def test_numbers_that_are_none_are_no_change():
    state = {"weight": torch.tensor([1.0, np.nan]), "count": torch.tensor(3)}
    assert _differing(state, {n: tensor.clone() for n, tensor in state.items()}) == ""
    assert _differing(state, state | {"weight": torch.tensor([1.0, 2.0])}) == "weight"
