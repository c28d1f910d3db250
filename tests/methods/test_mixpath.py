"""MixPath: how many paths are active, and where the shadow BN sits."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import PlantedData, PlantedSpace
from scipy.stats import chisquare, kendalltau

from harness.conformance.noise import Noise
from methods.base import PATHS, Setting
from methods.mixpath import MixPath, MixPathOptions
from methods.options import Recipe, Scoring, SearchLimits
from methods.spos import SPOS, SPOSOptions
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES
from searchspaces.shadow_bn import ShadowBN, ShadowNorm


def setting(space, data, **recipe):
    return Setting(
        space=space,
        data=data,
        recipe=Recipe(**{"steps": 20, "batch_size": 16} | recipe),
        scoring=Scoring(calibration_images=1000, batch_size=1000),
        search=SearchLimits(population=6, generations=2, parents=3),
        seed=0,
        device=torch.device("cpu"),
    )


def make(name, **options):
    space = PlantedSpace() if name == "planted" else SPACES[name]("compact")
    return MixPath(
        setting(space, PlantedData(600) if name == "planted" else Noise()),
        MixPathOptions(**options),
    )


def test_numbers_and_sets_of_active_operators_are_uniform():
    method = make("macro", paths=3)
    paths = [method.sample_paths(method.rng(PATHS, step))[0] for step in range(500)]
    drawn = Counter(genes for path in paths for genes in path)
    assert set(map(len, drawn)) == {1, 2, 3}
    by_size = {k: [n for genes, n in drawn.items() if len(genes) == k] for k in (1, 2, 3)}
    assert chisquare([sum(numbers) for numbers in by_size.values()]).pvalue > 1e-3
    for size in (1, 2):
        assert chisquare(by_size[size]).pvalue > 1e-3
    assert all(tuple(sorted(set(genes))) == genes for genes in drawn)


def test_a_site_with_few_operators_never_has_more_active():
    method = make("mobilenet-proxyless", paths=7)
    paths = [method.sample_paths(method.rng(PATHS, step))[0] for step in range(200)]
    for site, drawn in zip(method.space.sites, zip(*paths, strict=True), strict=True):
        assert set(map(len, drawn)) == set(range(1, len(site.operators) + 1))


@pytest.mark.parametrize("name", ["nb201", "nb101", "nb101-mixpath", "darts"])
def test_in_cells_a_path_is_an_architecture(name):
    method = make(name)
    (path,) = method.sample_paths(method.rng(PATHS, 0))
    assert len(path) == len(method.space.sites)
    assert all(isinstance(gene, int) for gene in path)
    assert any("norms" in name for name, _ in method.supernet.named_buffers())


@pytest.mark.parametrize("name", ["nb201", "nb101", "nb101-mixpath", "darts", "macro"])
def test_each_shadow_bn_learns_a_scale_of_its_own(name):
    """Statistics alone are recalibrated away: MixPath would rank nb101 as SPOS does, to the bit."""
    method = make(name)
    method.train_step(0)
    norms = [
        norm
        for module in method.supernet.modules()
        if isinstance(module, ShadowNorm)
        for norm in module.norms.values()
    ]
    used = {norm for norm in norms if norm.running_mean.any()}
    assert (len(used) == len(norms)) == (name == "darts")
    learned = {norm for norm in norms if (norm.weight != 1).any()}
    assert learned and learned <= used  # a BN right behind one takes its scale away again


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macro", "shufflenet"])
def test_one_path_is_spos_to_the_bit(name):
    mixpath = make(name, paths=1)
    spos = SPOS(mixpath.setting, SPOSOptions())
    for step in range(3):
        path = spos.sample_paths(spos.rng(PATHS, step))
        mixpath.sample_paths = lambda rng, path=path: [tuple((gene,) for gene in path[0])]
        assert mixpath.train_step(step)["loss"] == spos.train_step(step)["loss"]
    for name, tensor in spos.supernet.state_dict().items():
        assert torch.equal(mixpath.supernet.state_dict()[name], tensor)


@pytest.mark.slow
def test_every_count_is_trained_and_scoring_uses_the_first():
    method = make("macro", paths=2)
    for step in range(12):
        method.train_step(step)
    for norms in method.supernet.norms:
        assert all(norm.running_mean.any() for norm in norms.norms.values())
    subnet = method.supernet.subnet((1,) * 8)
    method.validation_score(subnet)
    for norms in subnet.norms:
        assert norms.norms["1"].running_mean.any()
        assert not norms.norms["2"].running_mean.any()


@pytest.mark.parametrize(("per", "paths", "norms"), [("count", 3, 3), ("subset", 2, 6)])
def test_the_shadow_bn_is_that_of_the_options(per, paths, norms):
    """Of macro's three operators: one BN for each number, or for each set of so many."""
    method = make("macro", shadow=per, paths=paths)
    assert method.supernet.shadow == ShadowBN(per, paths)
    assert {len(norm.norms) for norm in method.supernet.norms} == {norms}
    for step in range(3):
        assert method.train_step(step)["loss"].isfinite()


def test_the_bug_of_the_released_code_is_about_one_space():
    buggy = make("nb101-mixpath", official_nb101_bug=True)
    assert buggy.supernet.shadow == ShadowBN("count", 2, missing=True)
    buggy.train_step(0)
    with pytest.raises(UsageError, match="nb101-mixpath"):
        make("nb201", official_nb101_bug=True)
    with pytest.raises(UsageError, match="paths"):
        MixPathOptions(paths=0)


@pytest.mark.slow
def test_planted_ranking_is_found():
    where = setting(
        PlantedSpace(), PlantedData(), steps=300, batch_size=64, lr=0.05, weight_decay=0.0
    )
    method = MixPath(where, MixPathOptions())
    for step in range(300):
        method.train_step(step)
    archs = [arch for arch in np.ndindex(3, 3, 3, 3) if any(arch)]
    truth = [method.space.truth(arch) for arch in archs]
    assert kendalltau(method.score(archs), truth).statistic > 0.9


def test_options_tell_supernets_apart():
    identities = [
        MixPath.training_identity(replace(MixPathOptions(), **change))
        for change in ({}, {"paths": 3}, {"shadow": "subset"}, {"official_nb101_bug": True})
    ]
    assert len({str(identity) for identity in identities}) == 4
