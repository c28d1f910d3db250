"""Cream: the prior over operators, and options that no training can have."""

from dataclasses import replace

import numpy as np
import pytest
from creams import OPTIONS, RECIPE, path_of, setting
from planted import PlantedSpace

from methods.base import PATHS
from methods.cream.method import Cream
from methods.cream.options import Quirks
from searchspaces.errors import UsageError

# Prior --------------------------------------------------------------------------------------


def test_prior_shapes_the_paths():
    method = Cream(setting(), replace(OPTIONS, pre_prob="1,0,3"))
    paths = np.array([path_of(method, step) for step in range(1500)])
    shares = np.stack([(paths == op).mean(0) for op in range(3)])
    assert np.abs(shares - [[0.25], [0], [0.75]]).max() < 5 * np.sqrt(0.25 * 0.75 / 1500)
    method.quirks = Quirks(uniform_prior=True)
    expected = [method.space.sample(method.rng(PATHS, step)) for step in range(20)]
    assert [path_of(method, step) for step in range(20)] == expected


def test_prior_leaves_the_genes_of_the_topology():
    class Wired(PlantedSpace):
        topology = range(2, 4)

    method = Cream(replace(setting(), space=Wired()), replace(OPTIONS, pre_prob="0,0,1"))
    paths = np.array([path_of(method, step) for step in range(50)])
    assert (paths[:, :2] == 2).all()
    assert len(np.unique(paths[:, 2:])) == 3


# Usage errors -------------------------------------------------------------------------------


def test_batches_hold_two_slices():
    options = replace(OPTIONS, slice=5)
    assert Cream(setting(replace(RECIPE, batch_size=10)), options)
    with pytest.raises(UsageError, match="set --train.batch-size to 10 or more"):
        Cream(setting(replace(RECIPE, batch_size=9)), options)


@pytest.mark.parametrize(
    "wrong",
    [
        {"board": 0},
        {"slice": 1},
        {"update_share": -0.1},
        {"update_share": 1.1},
        {"report_images": -1},
        {"meta_lr": 1.1},
        {"warmup": -0.1},
        {"warmup": 1.1},
        {"warmup": float("nan")},
        {"meta_lr": -1e-4},
        {"pre_prob": "1,x,2"},
        {"pre_prob": "1,-1,2"},
        {"pre_prob": "0,0"},
        {"pre_prob": "nan,1"},
    ],
)
def test_impossible_options_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"--options.{name.replace('_', '-')}"):
        replace(OPTIONS, **wrong)


def test_a_prior_fits_every_site():
    with pytest.raises(UsageError, match="has 2 numbers, but site 0 of planted has 3"):
        Cream(setting(), replace(OPTIONS, pre_prob="1,2"))
