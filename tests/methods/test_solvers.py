"""Where the problems of EnNAS and MNGNAS are solved."""

from dataclasses import fields

import pytest
import torch

from methods.ennas.options import EnNASOptions
from methods.mngnas.options import MNGNASOptions
from methods.options import written
from methods.solvers import SOLVERS, on_device


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "mps", "meta"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_only_their_own_solver_works_on_a_device_and_never_on_a_cpu(solver, device):
    assert on_device(solver, torch.device(device)) == (solver == "own" and device != "cpu")


@pytest.mark.parametrize("options", [EnNASOptions, MNGNASOptions])
def test_each_solver_is_a_choice_and_recorded(options):
    choices = {field.name: field.metadata.get("choices") for field in fields(options)}
    assert choices["solver"] == SOLVERS
    assert "solver" not in written(options())
    assert written(options(solver="host")) == written(options()) | {"solver": "host"}
