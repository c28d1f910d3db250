"""What all scorers have in common: scores of the architecture alone, costs, dead cells, options."""

import math

import numpy as np
import pytest
import torch
from params import slow_but
from scorers import IMAGE, scorer

from harness.conformance.subjects import QUICK
from methods.registry import METHODS, SCORERS, options_class
from methods.scorers.scorer import _IMAGES, _MEASURE, _WEIGHTS, LOWEST
from methods.scorers.weights import initialise, weights
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

LIVE = [(3, 1, 2, 3, 4, 3), (1, 1, 0, 1, 0, 3), (2, 3, 4, 0, 1, 2), (3, 3, 3, 3, 3, 3)]
DEAD = [(0,) * 6, (3, 0, 0, 0, 0, 0), (0, 0, 3, 0, 2, 3)]
SIZES = ("params", "flops", "layers")
FROM_ZERO = ("grad_norm", "snip", "fisher", "l2", "synflow", "epe")  # others may be negative


def size(name, arch):
    """In two cells; layers are their convolutions, two others and the classifier."""
    cost = SPACES["nb201"]("compact").cost(arch, IMAGE)
    layers = 3 + 2 * sum(operator in (2, 3) for operator in arch)
    return {"params": cost.params, "flops": cost.madds, "layers": layers}[name]


def quick(name, **options):
    return scorer(name, **QUICK.get(name, {}) | options)


@pytest.mark.parametrize(
    "name", slow_but(["synflow", "params"], sorted({*SCORERS} - {"short-training", "ensemble"}))
)
def test_dead_cells_get_the_lowest_score_and_live_ones_more(name):
    made = quick(name)
    scores, lowest = made.score(LIVE), made.score(DEAD)
    assert np.isfinite(scores).all()
    if name in SIZES:
        assert [*scores, *lowest] == [size(name, arch) for arch in [*LIVE, *DEAD]]
    else:
        assert set(lowest) == {0 if name in FROM_ZERO else -1e9}
        assert (scores > lowest[0]).all()
    assert made.costs["scores_not_finite"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(["snip"], sorted({*SCORERS} - {"ensemble"})))
def test_scores_are_those_of_another_scorer_of_the_seed_and_not_of_another_seed(name):
    scores = quick(name).score(LIVE)
    torch.manual_seed(99)
    assert quick(name).score(LIVE[::-1])[::-1].tolist() == scores.tolist()
    others = quick(name, seed=1).score(LIVE)
    assert (others != scores).any() == (name not in SIZES)


def test_chunks_are_in_the_order_given():
    made = scorer("snip")
    for number, sizes in ((20, [8, 8, 4]), (160, [10] * 16), (3000, [128] * 23 + [56])):
        chunks = made.chunks([LIVE[0]] * number)
        assert [len(chunk) for chunk in chunks] == sizes
        assert [place for chunk in chunks for place in chunk] == list(range(number))


@pytest.mark.slow
def test_random_numbers_of_the_caller_go_on_as_if_nothing_had_been_scored():
    made = quick("zen")
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    made.score(LIVE)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("init", ["default", "kaiming"])
def test_what_a_measure_draws_is_the_same_for_every_architecture(init):
    """However many random numbers their weights took; each initialisation has its own."""
    made, seen = scorer("snip", images=8, repeats=2, init=init), []

    def drawing(network, images, labels):
        seen.append(torch.rand(()).item())
        return seen[-1]

    made.measure = drawing
    scores = made.score(LIVE)
    first, second = seen[:2]
    assert first != second and seen == [first, second] * len(LIVE)
    assert scores.tolist() == [(first + second) / 2] * len(LIVE)


def test_weights_what_a_measure_draws_and_noise_have_seeds_of_their_own():
    made, other = scorer("snip", images=8), scorer("snip", seed=1)
    purposes = _WEIGHTS, _MEASURE, _IMAGES
    seeds = [m.seed(repeat, of) for m in (made, other) for repeat in (0, 1, 2) for of in purposes]
    assert len(set(seeds)) == len(seeds) == 18
    with made.drawn(1):
        assert torch.initial_seed() == made.seed(1, _WEIGHTS)
        made.network(LIVE[0], 1)
        assert torch.initial_seed() == made.seed(1, _MEASURE)


COSTS = {  # forwards and backwards of each image, and images
    "grad_norm": (1, 1, 64),
    "snip": (1, 1, 64),
    "grasp": (1, 4, 64),  # a gradient, and through it and the forward
    "fisher": (1, 1, 64),
    "l2": (0, 0, 64),
    "synflow": (1, 1, 1),
    "jacov": (1, 1, 64),
    "epe": (1, 1, 256),
    "naswot": (1, 0, 128),
    "zen": (2, 0, 32 * 16),
    "zico": (1, 1, 2 * 128),
}


@pytest.mark.parametrize("name", slow_but(["snip", "zico"], [*COSTS, *SIZES]))
def test_forwards_and_backwards_are_counted(name):
    forwards, backwards, images = COSTS.get(name, (0, 0, 0))
    made = scorer(name)
    made.score(LIVE[:2])
    assert made.costs["compute"] == 2 * images * (forwards + 2 * backwards)
    assert made.costs["scoring_image_passes"] == 2 * images * forwards
    assert not any(made.costs[name] for name in ("steps", "path_forwards", "image_passes"))


def test_the_reference_of_az_nas_is_counted_once():
    made = scorer("az-nas", images=8, reference=3)
    made.score(LIVE[:2])
    made.score(LIVE[:1])
    assert made.costs["compute"] == (3 + 3) * 8 * 3
    met = scorer("az-nas", images=8, reference=3)
    met.score(met._drawn()[:1])  # one of the reference costs no less
    assert met.costs["compute"] == (3 + 1) * 8 * 3


def test_scores_that_are_not_finite_are_the_lowest_and_told(monkeypatch):
    made = scorer("jacov", images=8)
    values = iter([math.nan, 3.0, math.inf])
    monkeypatch.setattr(made, "measure", lambda *_: next(values))
    assert made.score(LIVE[:3]).tolist() == [LOWEST, 3.0, LOWEST]
    assert made.costs["scores_not_finite"] == 2
    assert made.notes()[0] == "2 scores were not finite and counted as the lowest, -1e+09"
    made.costs["scores_not_finite"] = 1
    assert made.notes()[0].startswith("one score was not finite")
    assert len(scorer("jacov").notes()) == 1


def test_the_mean_over_initialisations_is_taken_each_with_weights_and_images_of_its_own():
    alone = scorer("snip", images=8).score(LIVE[:1]).item()
    made, seen = scorer("snip", images=8, repeats=3), []
    measure = made.measure

    def watched(network, images, labels):
        seen.append(
            (network.classifier.weight.detach().clone(), images, measure(network, images, labels))
        )
        return seen[-1][2]

    made.measure = watched
    mean = made.score(LIVE[:1]).item()
    assert seen[0][2] == alone
    assert mean == pytest.approx(np.mean([value for *_, value in seen]))
    assert not torch.equal(seen[0][0], seen[1][0]) and not torch.equal(seen[1][1], seen[2][1])


def test_images_are_training_images_or_noise_and_the_same_for_all():
    trained, noise = scorer("snip"), scorer("snip", inputs="gaussian")
    batch = trained.data.train_batch(0, 64, 0)
    assert torch.equal(trained.batch(0)[0], batch[0]) and torch.equal(noise.batch(0)[1], batch[1])
    assert not torch.equal(noise.batch(0)[0], batch[0])
    other = scorer("snip", seed=3)
    assert torch.equal(other.batch(1)[0], other.data.train_batch(1, 64, 3)[0])
    assert noise.batch(0)[0].std().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(noise.batch(0)[0], scorer("zen", images=64).batch(0)[0])


def test_what_a_measure_does_to_its_images_the_next_architecture_does_not_see():
    made = scorer("snip", images=8)
    made.measure = lambda network, images, labels: images.add_(1).mean().item()
    first, second = made.score(LIVE[:2])
    assert first == second == made.batch(0)[0].add(1).mean().item()


@pytest.mark.parametrize(
    ("how", "deviation"),
    [("kaiming", (2 / 576) ** 0.5), ("xavier", (2 / (576 + 1152)) ** 0.5), ("normal", 1.0)],
)
def test_weights_are_drawn_with_the_variance_of_the_scheme(how, deviation):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(64, 128, 3), torch.nn.BatchNorm2d(128))
    torch.nn.init.constant_(network[1].weight, 3)
    initialise(network, how)
    assert network[0].weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert not network[0].bias.any() and not network[1].bias.any()
    assert network[1].weight.unique().tolist() == [1]
    assert [weight is network[0].weight for weight in weights(network)] == [True]


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("snip", {"images": 0}, "--options.images must be at least 1, not 0"),
        ("zen", {"repeats": 0}, "--options.repeats must be at least 1"),
        ("zen", {"step": 0.0}, "--options.step must be above 0"),
        ("zico", {"batches": 1}, "--options.batches must be at least 2"),
        ("az-nas", {"reference": 0}, "--options.reference must be at least 1"),
    ],
)
def test_options_that_no_scorer_can_have_are_refused(name, options, sentence):
    with pytest.raises(UsageError, match=sentence):
        options_class(name)(**options)


def test_an_unknown_name_is_answered_with_the_nearest_method_or_scorer():
    with pytest.raises(UsageError, match="did you mean 'synflow'"):
        METHODS["synflov"]
    with pytest.raises(UsageError, match="did you mean 'spos'"):
        METHODS["sposs"]
    assert "synflow" not in list(METHODS) and "spos" not in list(SCORERS)
