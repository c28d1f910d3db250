"""MCT-NAS: what a tree remembers, what UCT is, and which paths it draws."""

import math

import numpy as np
import pytest
import torch
from blobs import setting
from planted import PlantedData, PlantedSpace

from methods.mct_nas import MCTNAS, MCTNASOptions
from methods.options import Recipe
from methods.search.monte_carlo_tree import Tree
from methods.transfer import Reading
from searchspaces.errors import UsageError


def make(steps=20, where=None, **options):
    where = where or setting(recipe=Recipe(steps=steps, batch_size=16))
    return MCTNAS(where, MCTNASOptions(**options))


TOLD = [((0, 1), 1.2), ((0, 2), 0.9), ((1, 1), 0.8), ((0, 1), 1.0)]


def told(operator=0.2, temperature=0.01, sharing=0.95):
    tree = Tree([2, 3], operator, temperature, sharing)
    for path, reward in TOLD:
        tree.tell(path, reward)
    return tree


def test_nodes_have_the_mean_reward_of_what_begins_with_them():
    tree = told()
    for node in [(), (0,), (1,), (0, 1), (0, 2), (1, 1)]:
        rewards = [reward for path, reward in TOLD if path[: len(node)] == node]
        assert tree.nodes[node] == (len(rewards), pytest.approx(sum(rewards)))
    assert (1, 0) not in tree.nodes


def test_operators_earn_a_moving_average_at_a_site_wherever_they_stand():
    tree = told(sharing=0.75)
    average = 1.0
    for reward in (1.2, 0.8, 1.0):  # of (0, 1), (1, 1), (0, 1): operator 1 of the second site
        average = 0.75 * average + 0.25 * reward
    assert tree.earned[1] == pytest.approx([1.0, average, 0.75 + 0.25 * 0.9])


def test_uct_by_hand():
    """Mean, √(ln N parent / N) and what the operator earns; for what is unvisited the last alone."""
    tree = told(operator=0.5)
    root = tree.uct((), 0.3)
    earned = tree.earned[0]
    assert root[0] == pytest.approx(3.1 / 3 + 0.3 * math.sqrt(math.log(4) / 3) + 0.5 * earned[0])
    assert root[1] == pytest.approx(0.8 + 0.3 * math.sqrt(math.log(4)) + 0.5 * earned[1])
    below = tree.uct((0,), 0.0)
    assert below == pytest.approx(
        [1.5, 1.1 + 0.5 * tree.earned[1][1], 0.9 + 0.5 * tree.earned[1][2]]
    )
    visits = [max(tree.nodes.get((0, gene), (0, 0.0))[0], 1) for gene in range(3)]
    bonus = [0.3 * math.sqrt(math.log(3) / number) for number in visits]  # (0,) was seen thrice
    assert tree.uct((0,), 0.3) - below == pytest.approx(bonus)


def test_paths_are_drawn_by_the_softmax_of_uct():
    tree, rng = told(temperature=0.4), np.random.default_rng(0)

    def softmax(node):
        powers = np.exp(tree.uct(node, 0.2) / 0.4)
        return powers / powers.sum()

    expected = softmax(())[0] * softmax((0,))[2]
    found = np.mean([tree.draw(rng, 0.2) == (0, 2) for _ in range(2000)])
    assert abs(found - expected) < 5 * math.sqrt(expected / 2000)


def test_a_loss_is_rewarded_beside_its_moving_average():
    method, losses, rewards = make(smoothing=0.75), [], []
    for step in range(4):
        losses.append(method.train_step(step)["loss"].item())
    assert len(method.tree.history) == 3  # the last is not read yet
    usual = losses[0]
    for number, loss in enumerate(losses):
        usual = 0.75 * usual + 0.25 * loss if number else loss
        rewards.append(usual / loss)
    method.learn()
    method.learn()
    assert [reward for _, reward in method.tree.history] == pytest.approx(rewards, rel=1e-5)


def test_first_paths_are_uniform_and_then_of_the_tree():
    method = make(steps=400, warmup=0.5, temperature=1e-3, bonus=0.0)
    for op in range(5):
        method.tree.tell((op,) * 6, 1.5 if op == 2 else 0.5)
    steps = {}
    method.grown = False
    steps["uniform"] = {method.sample_paths(method.rng(11, step))[0] for step in range(50)}
    method.grown = True
    steps["tree"] = {method.sample_paths(method.rng(11, step))[0] for step in range(50)}
    assert len(steps["uniform"]) > 40 and steps["tree"] == {(2,) * 6}
    assert method.warm_until == 200
    for step, grown in ((199, False), (200, True)):
        method.train_step(step)
        assert method.grown is grown


def test_the_tree_is_told_of_the_paths_that_were_trained():
    method, trained = make(steps=8), []
    loss = method.path_loss
    method.path_loss = lambda path, batch: trained.append(path) or loss(path, batch)
    for step in range(8):
        method.train_step(step)
    method.learn()
    assert [path for path, _ in method.tree.history] == trained


def test_training_visits_what_was_hardly_visited_and_the_search_does_not():
    method = make(bonus=10.0)
    for _ in range(50):
        method.tree.tell((1,) * 6, 2.0)
    seeds = range(30)
    trained = [method.sample_paths(method.rng(11, seed))[0] for seed in seeds]
    searched = [method.evolution.draw(method.rng(11, seed)) for seed in seeds]
    assert all(path[0] != 1 for path in trained) and set(searched) == {(1,) * 6}


def test_the_search_draws_what_the_tree_holds_for_best():
    method = make(where=setting(PlantedSpace(), PlantedData(60)), temperature=0.01)
    for _ in range(20):
        for op in range(3):
            method.tree.tell((op,) * 4, 1 + op / 10)
    assert method.asked(0)[0] == (2, 2, 2, 2)


def test_a_tree_is_kept():
    method, other = make(), make()
    for step in range(5):
        method.train_step(step)
    other.load_state_dict(method.state_dict())
    assert other.tree.nodes == method.tree.nodes and other.usual == method.usual
    assert all(map(np.array_equal, other.tree.earned, method.tree.earned))


def test_options_out_of_bounds_are_refused():
    for options in (
        {"warmup": 2},
        {"temperature": 0},
        {"smoothing": -1},
        {"bonus": -0.1},
        {"operator": 1e308},
    ):
        with pytest.raises(UsageError, match="takes|at least"):
            MCTNASOptions(**options)


def test_a_training_that_diverged_rewards_nothing():
    method = make()
    method.unread = method.space.sample(np.random.default_rng(0)), Reading(torch.tensor(torch.nan))
    with pytest.raises(UsageError, match="losses are not finite; lower --train.lr"):
        method.learn()
