"""``--options.solver cvxpy``: the reference solvers give the weights of the methods' own."""

import sys
from dataclasses import replace

import cvxpy
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.conformance.noise import Noise
from methods.base import Setting
from methods.ennas.ensemble import BOUNDS, ensemble_weights
from methods.ennas.method import EnNAS
from methods.ennas.options import EnNASOptions
from methods.mngnas import method as mngnas
from methods.mngnas.coefficients import MODES, adaptive_coefficients
from methods.mngnas.options import MNGNASOptions
from methods.options import Recipe, Scoring, SearchLimits, written
from methods.reference_solvers import load_cvxpy
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
RELIABLE = settings(max_examples=25, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)


def setting():
    return Setting(
        space=SPACES["nb201"]("compact"),
        data=Noise(ImageSpec(1, 12, 4)),
        recipe=Recipe(steps=6, batch_size=24),
        scoring=Scoring(calibration_images=40, batch_size=40),
        search=SearchLimits(population=4),
        seed=0,
        device=torch.device("cpu"),
    )


@pytest.mark.slow
@RELIABLE
@given(SEEDS, st.integers(1, 6), st.sampled_from(sorted(BOUNDS)), st.sampled_from([0.3, 1.0, 4.0]))
def test_the_ensemble_weights_are_the_same(seed, members, constraint, scale):
    """On batches that are large enough to determine the weights."""
    rng = np.random.default_rng(seed)
    labels = torch.tensor(rng.integers(5, size=64))
    skill = rng.uniform(0.2, 1.0, size=(members, 1, 1)) * np.eye(5)[labels]
    logits = torch.tensor(scale * (rng.normal(size=(members, 64, 5)) + skill))
    own, reference = (ensemble_weights(logits, labels, constraint, s) for s in ("own", "cvxpy"))
    torch.testing.assert_close(own.weights, reference.weights, rtol=0, atol=1e-5)
    assert own.hits == reference.hits
    assert reference.weights.sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.slow
@RELIABLE
@given(SEEDS, st.integers(1, 6), st.integers(1, 8), st.sampled_from(MODES), st.data())
def test_the_coefficients_are_the_same(seed, teachers, students, mode, data):
    """Of groups of any size, empty ones too, on as many images as vectors need to differ."""
    rng = np.random.default_rng(seed)
    vectors = torch.tensor(rng.normal(size=(teachers + students, 20, 6))).softmax(-1).flatten(1)
    member = torch.zeros(students, 2, len(vectors), dtype=torch.bool)
    member[:, 0, :teachers] = data.draw(st.booleans())
    member[:, 1, teachers:] = ~torch.eye(students, dtype=torch.bool)
    given_ = vectors[teachers:], vectors, member, mode
    own, reference = (adaptive_coefficients(*given_, solver) for solver in ("own", "cvxpy"))
    torch.testing.assert_close(own, reference, rtol=0, atol=1e-5)
    assert reference.dtype == torch.float64 and (reference >= 0).all()
    sums = (reference[:, None] * member).sum(-1)
    torch.testing.assert_close(sums, member.any(-1).double(), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_ennas_asks_the_solver_of_its_options():
    methods = [EnNAS(setting(), EnNASOptions(solver=solver)) for solver in ("own", "cvxpy")]
    for step in range(3):
        for method in methods:
            method.train_step(step)
    own, reference = (method.weights_sum for method in methods)
    assert not torch.equal(own, reference)
    torch.testing.assert_close(own, reference, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_mngnas_asks_the_solver_of_its_options(monkeypatch):
    answers = {"own": [], "cvxpy": []}

    def watched(*given_):
        answers[given_[-1]].append(adaptive_coefficients(*given_))
        return answers[given_[-1]][-1]

    monkeypatch.setattr(mngnas, "adaptive_coefficients", watched)
    options = MNGNASOptions(search_epochs=2, population=4, removed=1, retrain_steps=1, perturbed=0)
    for solver in answers:
        method = mngnas.MNGNAS(setting(), replace(options, solver=solver))
        for epoch in range(2):
            method.search_epoch(epoch)
    (own,), (reference,) = answers.values()
    assert not torch.equal(own, reference)
    torch.testing.assert_close(own, reference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("build", [EnNAS, mngnas.MNGNAS])
def test_where_cvxpy_is_missing_a_sentence_says_what_to_install(build, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    assert build(setting(), build.Options())
    with pytest.raises(UsageError, match=r"CVXPY is not installed; .*harness\[bench\]'\.$"):
        build(setting(), build.Options(solver="cvxpy"))


def test_where_a_solver_is_missing_it_is_named(monkeypatch):
    monkeypatch.setattr(cvxpy, "installed_solvers", lambda: ["CLARABEL"])
    with pytest.raises(UsageError, match=r"solver ECOS is not installed; .*harness\[bench\]'\.$"):
        load_cvxpy()


def test_what_has_no_answer_is_said():
    vectors = torch.full((2, 4), float("nan"))
    with pytest.raises(UsageError, match="finite"):
        adaptive_coefficients(vectors, vectors, torch.ones(2, 2, 2).bool(), "printed", "cvxpy")
    for fault in (
        lambda: ensemble_weights(torch.ones(2, 3, 4), torch.zeros(3).long(), "simplex", "cvxpi"),
        lambda: adaptive_coefficients(vectors, vectors, vectors.bool(), "printed", "cvxpi"),
    ):
        with pytest.raises(UsageError, match="did you mean 'cvxpy'"):
            fault()


@pytest.mark.parametrize("options", [EnNASOptions, MNGNASOptions])
def test_the_solver_is_recorded_and_runs_from_before_keep_their_identity(options):
    assert "solver" not in written(options())
    assert written(options(solver="cvxpy")) == written(options()) | {"solver": "cvxpy"}
    ours, theirs = (EnNAS.training_identity(options(solver=s)) for s in ("own", "cvxpy"))
    assert ours != theirs
