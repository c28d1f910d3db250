"""A scorer of anybody's own is one function, in a file or registered."""

import pytest
import torch
from scorers import scorer

from harness.conformance.suite import check_method
from methods.registry import METHODS, SCORERS
from searchspaces.errors import UsageError

ARCHS = [(3, 1, 2, 3, 4, 3), (1, 1, 0, 1, 0, 3)]
SOURCE = """
def last_gradient(network, images, labels):
    (network(images).logsumexp(1).sum()).backward()
    return network.classifier.weight.grad.norm()
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Writes a source into a file of its own and names a function in it."""

    def write(source, function):
        path = tmp_path / f"mine_{abs(hash((source, str(tmp_path)))):x}.py"
        path.write_text(source)
        return f"{path}:{function}"

    return write


def test_a_function_in_a_file_scores_and_its_passes_are_counted(mine):
    made = scorer(mine(SOURCE, "last_gradient"), images=8)
    scores = made.score(ARCHS)
    assert made.costs["compute"] == 2 * 8 * 3
    with made.drawn(0):
        network = made.network(ARCHS[0], 0)
        images, _ = made.batch(0)
        network(images).logsumexp(1).sum().backward()
    assert scores[0] == network.classifier.weight.grad.norm().item()


@pytest.mark.slow
def test_it_passes_the_conformance_suite(mine):
    assert not list(check_method(mine(SOURCE, "last_gradient"), "nb201"))


FAULTS = {
    "count": (
        "seen = []\ndef count(network, images, labels):\n    seen.append(1)\n    return len(seen)\n",
        "a_score_depends_on_its_architecture_alone",
        "scored a second time architectures get other scores: what is random in them comes from the "
        "seed,",
    ),
    "nan": (
        "def nan(network, images, labels):\n    return float('nan')\n",
        "what_trains_nothing_ranks",
        "its score is NaN or infinite for each of 5 architectures.",
    ),
    "same": (
        "def same(network, images, labels):\n    return 2.5\n",
        "what_trains_nothing_ranks",
        "it gives 5 architectures, small and large, the same score 2.5.",
    ),
    "trained": (
        "import torch\ndef trained(network, images, labels):\n    loss = network(images).exp().sum()\n"
        "    loss.backward()\n    torch.optim.SGD(network.parameters(), 0.1).step()\n    return loss\n",
        "what_trains_nothing_says_so",
        "it changes the weights of the network that it scores, and its notes say that nothing was",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_function_is_told_by_one_check(mine, name):
    source, check, sentence = FAULTS[name]
    (found,) = check_method(mine(source, name), "macro")
    assert found.check == check
    assert found.sentence.startswith(sentence)


def test_a_registered_function_is_a_scorer(monkeypatch, mine):
    name = mine(SOURCE, "last_gradient")
    path, _, function = name.rpartition(":")
    module = path.rpartition("/")[2].removesuffix(".py")
    METHODS[name]  # its folder is known from here on
    known = dict(SCORERS._all()) | {"mine": f"{module}:{function}"}
    monkeypatch.setattr(SCORERS, "_targets", known)
    assert METHODS["mine"] is METHODS[name]
    assert not METHODS["mine"].trains


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def mine(network):\n    return 1\n", r"mine\(network\) is no scorer: it is called with"),
        ("def mine(a, b, c, *, d):\n    return 1\n", "no scorer.*missing a required"),
        ("def mine(a, b, c):\n    return None\n", "mine returned nothing; a scorer returns one"),
        ("def mine(a, b, c):\n    return b\n", "mine returned .*; a scorer returns one number"),
    ],
)
def test_what_is_no_scorer_is_told_in_a_sentence(mine, source, sentence):
    with pytest.raises(UsageError, match=sentence):
        scorer(mine(source, "mine")).score(ARCHS)


def test_a_score_of_several_kinds_of_number_is_a_float(mine):
    for value in ("1", "1.0", "torch.tensor(1)", "np.float32(1)"):
        source = f"import numpy as np, torch\ndef mine(a, b, c):\n    return {value}\n"
        assert scorer(mine(source, "mine")).score(ARCHS[:1]).tolist() == [1.0]
    assert torch.get_default_dtype() == torch.float32
