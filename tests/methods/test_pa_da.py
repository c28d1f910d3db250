"""PA&DA: what it measures of operators and images, and the laws that follow from it."""

import numpy as np
import pytest
import torch
from blobs import IMAGE, Blobs, setting

from harness.conformance.subjects import SpaceSubject
from harness.tabular.ground_truth import usual_scale
from methods.options import Recipe
from methods.pa_da import PADA, PADAOptions, distances, mixed
from searchspaces.base import choices
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def make(steps=40, images=64):
    where = setting(data=Blobs(IMAGE, size=images), recipe=Recipe(steps=steps, batch_size=16))
    return PADA(where, PADAOptions())


@pytest.mark.parametrize("name", sorted(SPACES))
def test_what_a_path_chooses_are_operators_of_the_sites(name):
    """Also where a part of the cell is no choice, as the last vertex of MixPath's."""
    space = SPACES[name](usual_scale(name, "digits"))
    network, rng, seen = space.supernet(IMAGE), np.random.default_rng(0), set()
    for _ in range(10):
        seen |= network.chosen(space.sample(rng)).keys()
    assert seen and seen <= choices(space).keys()


def test_laws_are_mixed_with_uniform_ones():
    values = np.array([0.0, 3.0, 1.0])
    assert mixed(values, 0.0) == pytest.approx([1 / 3] * 3)
    assert mixed(values, 0.4) == pytest.approx([0.2, 0.4 * 0.75 + 0.2, 0.4 * 0.25 + 0.2])
    assert mixed(np.zeros(4), 0.9) == pytest.approx([0.25] * 4)


def test_an_image_is_as_far_off_as_its_probabilities_are_from_its_label():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    powers = np.exp(logits.numpy())
    expected = powers / powers.sum(1, keepdims=True) - np.eye(3)[[1, 2]]
    found = distances(logits, torch.tensor([1, 2]))
    assert found.tolist() == pytest.approx(np.linalg.norm(expected, axis=1).tolist())


def test_shares_grow_with_the_epochs_and_laws_follow_the_gradients():
    """Ten epochs of four steps: behind epoch e the share is e / 10, first 0."""
    method = make()
    assert (method.epoch_steps, method.epochs) == (4, 10)
    for step in range(4):
        method.train_step(step)
    norms, (sums, seen) = method.norms.clone().numpy(), method.distances.clone().numpy()
    assert seen.sum() == 64 and (norms[:, [0, 1, 4]] == 0).all() and norms[:, 2:4].any()
    method.renew(8)  # as if it were the eighth
    for site in range(6):
        expected = 0.7 * norms[site] / (norms[site].sum() or 1) + 0.3 / 5
        if norms[site].any():
            assert method.laws[site] == pytest.approx(expected, rel=1e-5)
    means = sums / np.maximum(seen, 1)
    law = 0.7 * means / means.sum() + 0.3 / 64
    assert method.rows.tolist() == method.rng(74, 8).choice(64, 64, p=law).tolist()
    assert not method.norms.any() and not method.distances.any()


def test_norms_are_of_clipped_gradients_halfway_from_the_last():
    method = make()
    method.norms[3, 3] = 2.0
    path = (3, 2, 3, 3, 1, 2)
    method.sample_paths = lambda rng: [path]
    method.train_step(0)
    named = dict(method.supernet.named_parameters())
    norms = [p.grad.norm() for n, p in named.items() if ".edges.3.3." in n]
    assert len(norms) == 4  # weights and biases of a cell in each of two stages
    assert method.norms[3, 3] == pytest.approx((2.0 + sum(norms).item()) / 2)
    assert method.norms[4].tolist() == [0] * 5


def test_labels_stay_those_of_the_images_that_are_drawn():
    method = make()
    method._draw(np.array([7, 7, 3, 12] * 16))
    x, numbers = method.drawn.train_batch(0, 16, 0)
    assert set(numbers.tolist()) <= {3, 7, 12}
    for image, number in zip(x, numbers, strict=True):
        assert torch.equal(image, method.data.train.images[number])
    assert torch.equal(method.labels, method.data.train.labels)


def test_a_step_learns_the_drawn_images_with_their_labels_and_measures_each_by_itself():
    method, twin, path = make(), make(), (3, 2, 3, 3, 1, 2)
    for each in (method, twin):
        each._draw(np.arange(64) % 20 + 30)
    method.sample_paths = lambda rng: [path]
    told = method.train_step(0)
    x, numbers = twin.drawn.train_batch(0, 16, 0)
    logits, labels = twin.supernet(x, path).detach(), twin.data.train.labels[numbers]
    torch.testing.assert_close(told["loss"], torch.nn.functional.cross_entropy(logits, labels))
    expected = torch.zeros(2, 64)
    for number, far in zip(numbers, distances(logits, labels), strict=True):
        expected[:, number] += torch.stack([far, torch.ones(())])
    torch.testing.assert_close(method.distances, expected)


def test_laws_are_renewed_as_epochs_begin_which_train_on_the_images_drawn_alone():
    method, renewed, called = make(), [], []
    renew = method.renew
    method.renew = lambda epoch: renewed.append(epoch) or renew(epoch)
    for step in range(10):
        method.train_step(step)
        called.append(list(renewed))
        trained = set(method.distances[1].nonzero().ravel().tolist())
        assert trained and trained <= set(method.rows.tolist())
    assert called == [[]] * 4 + [[1]] * 4 + [[1, 2]] * 2
    assert len(set(method.rows.tolist())) < 60  # 64 are drawn, with repetition


@pytest.mark.parametrize("measured", ["norms", "distances"])
def test_a_training_that_diverged_has_no_laws(measured):
    method = make()
    getattr(method, measured)[0, 0] = torch.nan
    with pytest.raises(UsageError, match="not finite; lower --train.lr"):
        method.renew(2)


def test_paths_are_drawn_by_the_laws():
    method = make()
    method.laws[2] = np.array([0, 0, 0, 0.9, 0.1])
    drawn = np.array([method.sample_paths(method.rng(11, step))[0] for step in range(1000)])
    counts = np.bincount(drawn[:, 2], minlength=5)
    assert counts[:3].sum() == 0 and abs(counts[3] - 900) < 5 * np.sqrt(1000 * 0.09)
    assert np.bincount(drawn[:, 0], minlength=5).min() > 140


@pytest.mark.parametrize("name", ["nb201", "nb101", "darts", "macro"])
def test_what_a_path_chooses_has_gradients_and_nothing_that_it_leaves_out(name):
    subject = SpaceSubject(name)
    network, (x, _) = subject.space.supernet(subject.image), subject.batch
    path, other = subject.archs[:2] if name != "nb201" else ((3, 2, 3, 3, 2, 3), (2, 3, 2, 2, 3, 2))
    network(x, path).sum().backward()
    mine = {id(p) for part in network.chosen(path).values() for m in part for p in m.parameters()}
    theirs = {
        id(p) for part in network.chosen(other).values() for m in part for p in m.parameters()
    }
    moved = {id(p) for p in network.parameters() if p.grad is not None}
    assert mine and not (theirs - mine) & moved
    assert len(mine & moved) > len(mine) / 2
