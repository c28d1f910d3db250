"""The sandwich rule: which paths a step trains, and from what each learns."""

import pytest
import torch
from blobs import setting
from torch.nn import functional

from methods.base import PATHS
from methods.options import Recipe
from methods.sandwich import Sandwich, SandwichOptions
from searchspaces.errors import UsageError


def make(where=None, **options):
    return Sandwich(where or setting(), SandwichOptions(**options))


def test_a_step_has_the_largest_the_smallest_and_random_paths():
    method = make(random=3)
    steps = [method.sample_paths(method.rng(PATHS, step)) for step in range(4)]
    for largest, smallest, *others in steps:
        assert largest == (3, 3, 3, 3, 3, 3)
        assert smallest == (0, 0, 0, 1, 0, 0)
        assert len(others) == 3
    assert len({path for step in steps for path in step}) == 2 + 4 * 3
    smallest, largest = map(method.space.encode, ((0, 0, 0, 1, 0, 0), (3,) * 6))
    assert method.notes() == [
        f"every step trains the largest path, {largest}, and the smallest, {smallest}"
    ]


@pytest.mark.parametrize("distil", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradients_are_those_of_the_sum_of_the_losses(distil, smoothing):
    """Divergences from the largest path's probabilities, which are constants, by a formula here.

    The smoothing is of labels: it reaches who learns from them.
    """
    recipe = Recipe(steps=5, batch_size=16, lr=0.0, clip=0.0, label_smoothing=smoothing)
    where = setting(recipe=recipe)
    method, other = make(where, distil=distil), make(where, distil=distil)
    told = method.train_step(2)
    x, y = other.data.train_batch(2, 16, 0)
    largest, *others = other.sample_paths(other.rng(PATHS, 2))
    logits = other.supernet(x, largest)
    losses = [functional.cross_entropy(logits, y, label_smoothing=smoothing)]
    taught = logits.detach().log_softmax(-1)
    for path in others:
        logs = other.supernet(x, path).log_softmax(-1)
        if distil:
            losses.append(functional.kl_div(logs, taught, reduction="batchmean", log_target=True))
        else:
            losses.append(functional.cross_entropy(logs, y, label_smoothing=smoothing))
    sum(losses).backward()
    found = dict(method.supernet.named_parameters())
    for name, parameter in other.supernet.named_parameters():
        assert (parameter.grad is None) == (found[name].grad is None), name
        if parameter.grad is not None:
            torch.testing.assert_close(found[name].grad, parameter.grad, rtol=1e-3, atol=1e-5)
    if not distil:
        assert told["loss"].item() == pytest.approx(sum(loss.item() for loss in losses) / 4)


def test_each_batch_has_a_teacher_of_its_own():
    method = make()
    method.train_step(0)
    first = method.taught
    method.train_step(1)
    assert not torch.equal(first, method.taught) and not method.taught.requires_grad
    torch.testing.assert_close(method.taught.sum(-1), torch.ones(16))


@pytest.mark.parametrize("random", [0, 1])
def test_it_costs_as_many_paths_as_it_trains(random):
    method, paths = make(random=random), 2 + random
    method.train_step(0)
    assert method.costs["path_forwards"] == method.costs["path_backwards"] == paths
    assert method.costs["image_passes"] == paths * 16
    said = method.paths_per_step(method.options, method.space)
    assert said == {"forwards": paths, "backwards": paths}


def test_options_that_say_nothing_are_refused():
    with pytest.raises(UsageError, match="--options.random must not be negative"):
        SandwichOptions(random=-1)
