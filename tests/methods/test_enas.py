"""ENAS: its controller against an LSTM in NumPy, its baseline, and where its gradient leads."""

import itertools

import numpy as np
import pytest
import torch
from blobs import setting

from methods.enas import ENAS, ENASOptions
from methods.options import Recipe, SearchLimits
from methods.search.controller import Controller
from searchspaces.base import Site
from searchspaces.errors import UsageError
from searchspaces.nb101.space import NASBench101

SITES = (Site("first", ("a", "b")), Site("second", ("x", "y", "z")), Site("third", ("a", "b")))


def make(steps=20, where=None, **options):
    where = where or setting(recipe=Recipe(steps=steps, batch_size=8))
    return ENAS(where, ENASOptions(**({"every": 2, "samples": 3} | options)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def laws(controller, genes):
    """The softmax of each site where the genes before are ``genes``."""
    weights = {name: p.detach().double().numpy() for name, p in controller.named_parameters()}
    h, c = np.zeros((2, 32)), np.zeros((2, 32))
    x, found = weights["start"][0, 0], []
    for kind, gene in zip((0, 1, 0), genes, strict=True):
        for layer in range(2):
            into, of = weights[f"lstm.weight_ih_l{layer}"], weights[f"lstm.weight_hh_l{layer}"]
            bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
            i, f, g, o = (into @ x + of @ h[layer] + bias).reshape(4, 32)
            c[layer] = sigmoid(f) * c[layer] + sigmoid(i) * np.tanh(g)
            h[layer] = x = sigmoid(o) * np.tanh(c[layer])
        logits = weights[f"logits.{kind}.weight"] @ x + weights[f"logits.{kind}.bias"]
        powers = np.exp(2.5 * np.tanh(logits / 5))
        found.append(powers / powers.sum())
        x = weights[f"embeddings.{kind}.weight"][gene]
    return found


def moved():
    """A controller with parameters large enough to matter."""
    torch.manual_seed(3)
    controller = Controller(SITES)
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(12)
    return controller


def test_log_probabilities_and_entropies_are_those_of_the_lstm():
    controller = moved()
    genes, logs, entropies = controller(
        torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    )
    assert len(set(map(tuple, genes.tolist()))) > 5
    for row, arch in enumerate(genes.tolist()):
        chances = laws(controller, arch)
        log = sum(np.log(law[gene]) for law, gene in zip(chances, arch, strict=True))
        assert logs[row].item() == pytest.approx(log, rel=1e-4)
        entropy = -sum((law * np.log(law)).sum() for law in chances)
        assert entropies[row].item() == pytest.approx(entropy, rel=1e-4)


def test_architectures_are_drawn_as_often_as_is_probable():
    controller, rng = moved(), np.random.default_rng(0)
    genes, *_ = controller(torch.from_numpy(rng.random((4000, 3))))
    drawn = list(map(tuple, genes.tolist()))
    for arch in itertools.product(range(2), range(3), range(2)):
        chance = np.prod([law[g] for law, g in zip(laws(controller, arch), arch, strict=True)])
        spread = np.sqrt(chance * (1 - chance) / 4000)
        assert abs(drawn.count(arch) / 4000 - chance) < 5 * spread, arch


def test_the_baseline_is_a_moving_average_that_learns_first():
    method, baseline = make(decay=0.75), 0.4
    assert method.advantage(0.4) == 0
    for reward in (0.8, 0.1):
        baseline += 0.25 * (reward - baseline)
        assert method.advantage(reward) == pytest.approx(reward - baseline)


def test_the_gradient_is_that_of_reinforce():
    """With the entropy in the reward, through which no gradient flows."""
    method, other = make(entropy=0.5), make(entropy=0.5)
    method.accuracies = other.accuracies = lambda paths, number: np.array([0.2, 0.9, 0.5])
    method.train_controller(4)
    _, logs, entropies = other.draw(other.rng(73, 4), 3)
    gains = [
        other.advantage(a + 0.5 * e.item()) for a, e in zip((0.2, 0.9, 0.5), entropies, strict=True)
    ]
    sum(-log * gain / 3 for log, gain in zip(logs, gains, strict=True)).backward()
    norm = torch.nn.utils.clip_grad_norm_(other.controller.parameters(), 5.0)
    assert norm > 0
    for mine, theirs in zip(
        method.controller.parameters(), other.controller.parameters(), strict=True
    ):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_what_is_rewarded_becomes_probable():
    method = make(samples=8, controller_lr=0.02)
    method.accuracies = lambda paths, number: np.array([float(path[2] == 4) for path in paths])

    def share(stream):
        paths, *_ = method.draw(method.rng(stream, 0), 400)
        return np.mean([path[2] == 4 for path in paths])

    before = share(1)
    for number in range(40):
        method.train_controller(number)
    assert before < 0.35 and share(1) > before + 0.25


def test_rewards_are_accuracies_on_the_other_half_and_teach_the_weights_nothing():
    method = make()
    method.train_step(0)
    before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
    paths = [(3,) * 6, (2, 3, 1, 3, 2, 1)]
    found = method.accuracies(paths, 2)
    after = method.supernet.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    for place, path in enumerate(paths, 4):
        x, y = method.reward_data.train_batch(place, 8, 0)
        assert found[place - 4] == (method.supernet(x, path).argmax(-1) == y).float().mean()
    own, others = method.data.train.images, method.reward_data.train.images
    assert not {i.numpy().tobytes() for i in own} & {i.numpy().tobytes() for i in others}


def test_a_step_of_the_controller_follows_every_few_of_the_weights():
    method, numbers = make(every=3, samples=4), []
    train = method.train_controller
    method.train_controller = lambda number: (numbers.append(number), train(number))
    for step in range(7):
        method.train_step(step)
    assert numbers == [0, 1]
    assert method.costs["path_forwards"] == 7 + 2 * 4
    assert method.costs["compute"] == (7 * 3 + 2 * 4) * 8


def test_weights_are_trained_by_paths_of_the_controller():
    method = make()
    with torch.no_grad():
        method.controller.logits[0].bias.copy_(torch.tensor([-99.0, -99, -99, 99, -99]))
    drawn = [method.sample_paths(method.rng(11, step))[0] for step in range(40)]
    assert np.mean(np.array(drawn) == 3) > 0.9  # tanh leaves each other one e^-5
    limits = SearchLimits(population=3, generations=1)
    searching = make(where=setting(search=limits))
    searching.controller.load_state_dict(method.controller.state_dict())
    assert (np.array(searching.asked(0)) == 3).mean() > 0.6


def test_what_a_space_leaves_out_is_drawn_anew():
    space = NASBench101("compact")
    method = make(where=setting(space))
    paths, logs, entropies = method.draw(np.random.default_rng(0), 30)
    assert len(paths) == len(logs) == len(entropies) == 30
    assert all(map(space.is_valid, paths))


def test_options_out_of_bounds_are_refused():
    for options in ({"every": 0}, {"samples": 0}, {"decay": 1.5}, {"entropy": -1.0}):
        with pytest.raises(UsageError, match="takes|at least"):
            ENASOptions(**options)
