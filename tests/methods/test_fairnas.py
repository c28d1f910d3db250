"""FairNAS: strict fairness, on spaces of every kind."""

import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import PlantedData, PlantedSpace
from scipy.stats import chi2_contingency, chisquare, kendalltau

from harness.conformance.noise import Noise
from methods.base import PATHS, Method, Setting
from methods.fairnas import FairNAS, FairNASOptions, fair_genes
from methods.options import Recipe, Scoring, SearchLimits
from methods.search.nsga2 import NSGA2
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

STRICT = FairNASOptions()
COMPACT = ("nb201", "nb101-1shot1-1", "nb101-mixpath", "darts", "mobilenet", "mobilenet-proxyless")


def make(space="planted", options=STRICT, **changes):
    if isinstance(space, str):
        space = PlantedSpace() if space == "planted" else SPACES[space]("compact")
    planted = isinstance(space, PlantedSpace)
    where = Setting(
        space=space,
        data=PlantedData(600) if planted else Noise(),
        recipe=Recipe(steps=20, batch_size=16),
        scoring=Scoring(calibration_images=300, batch_size=300),
        search=SearchLimits(population=6, generations=3, parents=3),
        seed=0,
        device=torch.device("cpu"),
    )
    return FairNAS(replace(where, **changes), options)


def steps(method, number):
    return [method.sample_paths(method.rng(PATHS, step)) for step in range(number)]


def operators(method):
    """The parameters of each operator of a planted or a chain supernet by site and gene."""
    if isinstance(method.space, PlantedSpace):
        gains = method.supernet.gains
        return {(s, int(op)): [gain] for s, site in enumerate(gains) for op, gain in site.items()}
    return {
        (site, gene): list(block[operator.key].parameters())
        for site, block in enumerate(method.supernet.blocks)
        for gene, operator in enumerate(method.space.layers[site])
    }


# A step ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("space", ["planted", "mobilenet"])
def test_every_operator_gets_gradient_from_exactly_one_model_of_a_step(space):
    method = make(space)
    count = Counter()
    watched = {str(k): v for k, v in operators(method).items()}
    watched |= {"shared": [p for n, p in method.supernet.named_parameters() if "norm" in n]}
    if space == "mobilenet":
        watched["shared"] = list(method.supernet.classifier.parameters())
    for name, parameters in watched.items():
        for parameter in parameters:
            parameter.register_hook(lambda _, name=name: count.update([name]))
    for step in range(1, 4):
        method.train_step(step)
        shared = len(watched["shared"])
        assert count.pop("shared") == step * shared * method.models
        assert count == {k: step * len(v) for k, v in watched.items() if k != "shared"}
        count["shared"] = step * shared * method.models


@pytest.mark.slow
def test_dead_edges_apart_no_operator_of_nb201_is_trained_twice():
    method = make("nb201")
    count = Counter()
    for name, parameter in method.supernet.named_parameters():
        if ".edges." in name:
            parameter.register_hook(lambda _, name=name: count.update([name]))
    for _ in range(3):
        count.clear()
        method.train_step(0)
        assert count and set(count.values()) == {1}


def test_models_of_a_step_share_weights_and_batch_and_one_optimiser_step(monkeypatch):
    method, seen, stepped = make("nb201"), [], []
    for step in range(2):
        method.train_step(step)  # builds up momentum
    inner, optimiser_step = Method.path_loss, method.optimizer.step

    def path_loss(self, path, batch):
        weights = [p.detach().clone() for p in self.supernet.parameters()]
        seen.append((weights, batch))
        return inner(self, path, batch)

    monkeypatch.setattr(Method, "path_loss", path_loss)
    monkeypatch.setattr(
        method.optimizer, "step", lambda: stepped.append(len(seen)) or optimiser_step()
    )
    method.train_step(2)
    assert stepped == [len(seen)] == [5]
    (first, batch), *others = seen
    for weights, other in others:
        assert other is batch
        assert all(torch.equal(w, f) for w, f in zip(weights, first, strict=True))
    after = method.supernet.classifier.weight
    assert not any(after.shape == w.shape and torch.equal(after, w) for w in first)


@pytest.mark.slow
def test_bn_buffers_are_updated_by_every_model():
    method = make("mobilenet")
    norms = {
        name: part
        for name, part in method.supernet.named_modules()
        if isinstance(part, torch.nn.BatchNorm2d)
    }
    for norm in norms.values():
        norm.momentum = 0.5
        norm.running_var.fill_(2.0**20)  # halved by each batch, but for what is added
    for step in range(2):
        method.train_step(step)
    batches = {name: 20 - norm.running_var.min().log2().round() for name, norm in norms.items()}
    assert all(n == (2 if name.startswith("blocks") else 12) for name, n in batches.items())


@pytest.mark.slow
def test_gradients_are_summed_or_averaged_and_the_loss_is_recorded_alike():
    recipe = Recipe(steps=20, batch_size=16, clip=0.0)
    both = {
        reduce: make("mobilenet", FairNASOptions(grad_reduce=reduce), recipe=recipe)
        for reduce in ("sum", "mean")
    }
    losses = {reduce: method.train_step(0)["loss"] for reduce, method in both.items()}
    assert losses["sum"] == losses["mean"]
    expected = [make("mobilenet", recipe=recipe) for _ in range(6)]
    paths = both["sum"].sample_paths(both["sum"].rng(PATHS, 0))
    batch = both["sum"].data.train_batch(0, 16, 0)
    own = []
    for method, path in zip(expected, paths, strict=True):  # six supernets, one model each
        own.append(method.path_loss(path, batch))
        own[-1].backward()
    assert losses["sum"].item() == pytest.approx(np.mean([loss.item() for loss in own]), rel=1e-5)
    for each, total, mean in zip(
        zip(*(m.supernet.parameters() for m in expected), strict=True),
        both["sum"].supernet.parameters(),
        both["mean"].supernet.parameters(),
        strict=True,
    ):
        reference = sum(p.grad for p in each if p.grad is not None)
        torch.testing.assert_close(total.grad, reference, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(mean.grad, reference / 6, rtol=1e-4, atol=1e-6)


def test_costs_count_every_model():
    method = make("nb201")
    method.train_step(0)
    assert method.costs == {
        "steps": 1, "path_forwards": 5, "path_backwards": 5, "image_passes": 5 * 16,
        "compute": 5 * 16 * 3
    }  # fmt: skip


# Paths ----------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_genes_are_permutations_and_part_of_one_more(size, more, seed):
    genes = fair_genes(size, size + more, np.random.default_rng(seed))
    assert len(genes) == size + more
    for start in range(0, len(genes), size):
        part = genes[start : start + size]
        assert len(set(part)) == len(part)
    assert set(genes) == set(range(size))


@pytest.mark.parametrize(
    ("space", "models"),
    [("planted", 3), ("nb201", 5), ("nb101", 3), ("nb101-1shot1-3", 3), ("darts", 7),
     ("nb101-mixpath", 4), ("mobilenet", 6), ("mobilenet-proxyless", 7), ("ennas-s2", 14)],
)  # fmt: skip
def test_counts_per_site_are_equal_after_every_step(space, models):
    method = make(space)
    wiring = getattr(method.space, "topology", range(0))
    for paths in steps(method, 50):
        assert len(paths) == method.models == models
        assert all(method.space.is_valid(path) for path in paths) or space in ("nb201", "planted")
        for site, (genes, what) in enumerate(
            zip(zip(*paths, strict=True), method.space.sites, strict=True)
        ):
            counts = np.bincount(genes, minlength=len(what.operators))
            if site in wiring:
                assert counts.max() == models
            else:
                assert counts.min() == models // len(what.operators)
                assert counts.max() == -(-models // len(what.operators))


@pytest.mark.slow
def test_permutations_are_drawn_anew_for_every_step_and_site():
    made = steps(make("nb201"), 500)
    assert len({tuple(paths) for paths in made}) == 500
    assert len({path for paths in made for path in paths}) > 2000
    first, second = (np.array([paths[0][site] for paths in made]) for site in (0, 1))
    table = np.zeros((5, 5))
    np.add.at(table, (first, second), 1)
    assert chi2_contingency(table).pvalue > 1e-3
    assert chisquare(np.bincount(first[1:] * 5 + first[:-1], minlength=25)).pvalue > 1e-3


def test_every_model_is_uniform_over_the_space():
    made = np.array(steps(make(), 4000))
    for model in range(3):
        numbers = made[:, model] @ [27, 9, 3, 1]
        assert chisquare(np.bincount(numbers, minlength=81)).pvalue > 1e-3


@pytest.mark.slow
def test_short_sites_are_filled_fairly_in_the_long_run_and_noted():
    method = make("mobilenet-proxyless")
    sizes = [len(site.operators) for site in method.space.sites]
    assert set(sizes) == {6, 7}
    made = np.array(steps(method, 2000))
    for site, size in enumerate(sizes):
        twice = [np.bincount(genes, minlength=size).argmax() for genes in made[:, :, site]]
        if size == 6:
            assert chisquare(np.bincount(twice)).pvalue > 1e-3
            pairs = made[:, 0, site] * 6 + made[:, 6, site]  # the extra one is independent
            assert chisquare(np.bincount(pairs, minlength=36)).pvalue > 1e-3
        for model in range(7):
            assert chisquare(np.bincount(made[:, model, site])).pvalue > 1e-3
    (note,) = method.notes()
    assert f"at {sizes.count(6)} of {len(sizes)} sites" in note and "7 models" in note
    assert make("mobilenet").notes() == make("darts").notes() == []


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nb101", "darts"])
def test_topology_is_shared_within_a_step_and_changes_between_steps(space):
    method = make(space)
    wiring = method.space.topology
    made = [{path[wiring.start : wiring.stop] for path in paths} for paths in steps(method, 40)]
    assert all(len(topologies) == 1 for topologies in made)
    assert len({topology for topologies in made for topology in topologies}) > 30


def test_choices_that_a_space_leaves_out_are_never_trained():
    made = steps(make("nb101-mixpath"), 1000)
    assert all(any(path) for paths in made for path in paths)
    assert sum(0 in path for paths in made for path in paths) > 1000


def test_a_space_without_fair_models_is_refused():
    class Uphill(PlantedSpace):
        size = 15

        def is_valid(self, arch):
            return arch == tuple(sorted(arch)) and arch[0] < arch[-1]

    with pytest.raises(UsageError, match="--options.fairness expectation"):
        steps(make(Uphill()), 1)


@pytest.mark.parametrize("space", COMPACT)
def test_a_step_runs_on_every_kind_of_space(space):
    method = make(space)
    assert torch.isfinite(method.train_step(0)["loss"])


def test_expectation_is_one_uniform_path():
    method = make("mobilenet-proxyless", FairNASOptions("expectation"))
    assert method.models == 1 and method.notes() == []
    for step, paths in enumerate(steps(method, 20)):
        assert paths == [method.space.sample(method.rng(PATHS, step))]


# Runs -----------------------------------------------------------------------------------------


def test_identity_of_training_leaves_the_search_out():
    def identity(**options):
        return FairNAS.training_identity(FairNASOptions(**options))

    assert identity(search="nsga2") == identity()
    assert identity(grad_reduce="mean") != identity() != identity(fairness="expectation")


@pytest.mark.slow
def test_planted_ranking_is_found():
    method = make(
        data=PlantedData(),
        recipe=Recipe(steps=200, batch_size=64, lr=0.05, weight_decay=0.0),
        scoring=Scoring(calibration_images=1000, batch_size=1000),
    )
    for step in range(200):
        method.train_step(step)
    archs = [a for a in np.ndindex(3, 3, 3, 3) if any(a)]
    truth = [method.space.truth(arch) for arch in archs]
    assert kendalltau(method.score(archs), truth).statistic > 0.9


@pytest.mark.slow
def test_nsga2_takes_the_place_of_the_evolution_and_resumes():
    options = FairNASOptions(search="nsga2")
    whole, part, resumed = (make(options=options) for _ in range(3))
    assert isinstance(whole.evolution, NSGA2) and not isinstance(make().evolution, NSGA2)
    expected = [whole.search_epoch(epoch) for epoch in range(3)]
    got = [part.search_epoch(0)]
    buffer = io.BytesIO()
    torch.save(part.state_dict(), buffer)
    buffer.seek(0)
    resumed.load_state_dict(torch.load(buffer, weights_only=True))
    got += [resumed.search_epoch(epoch) for epoch in (1, 2)]
    assert got == expected
    assert resumed.found() == whole.found()
    assert resumed.evolution.state_dict() == whole.evolution.state_dict()


def test_nsga2_keeps_the_limit_on_multiply_adds():
    limits = SearchLimits(population=6, generations=3, max_madds=4.0)
    method = make(options=FairNASOptions(search="nsga2"), search=limits)
    for epoch in range(3):
        assert all(sum(arch) <= 3 for arch, _ in method.search_epoch(epoch))
