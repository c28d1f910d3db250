import numpy as np
import pytest
import torch
from simplices import TEACHERS, assert_feasible, reference, two_groups

from harness.device_checks.elsewhere import HERE, READ, SENT, THERE, WAIT, Elsewhere
from methods.mngnas.coefficients import MODES, adaptive_coefficients
from methods.transfer import to_device
from searchspaces.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")


def outputs(rng: np.random.Generator, noise: list[float], samples: int = 32) -> torch.Tensor:
    """Softmax outputs [len(noise), samples * 10] that stray from a common truth by ``noise``."""
    truth = 2 * rng.normal(size=(samples, 10))
    logits = [truth + level * rng.normal(size=truth.shape) for level in noise]
    return torch.tensor(np.stack(logits)).softmax(-1).flatten(1)


def population(students: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Students' outputs, all outputs (five teachers first), and membership without oneself."""
    vectors = outputs(np.random.default_rng(3), [0.3] * TEACHERS + [0.8] * students)
    member = torch.tensor(two_groups(TEACHERS, students)).expand(students, -1, -1).clone()
    member[torch.arange(students), 1, TEACHERS + torch.arange(students)] = False
    return vectors[TEACHERS:], vectors, member


@pytest.mark.parametrize("mode", MODES)
def test_batch_equals_one_by_one(mode):
    student, vectors, member = population()
    member[1, 0], member[2, 1], member[3] = False, False, False
    together = adaptive_coefficients(student, vectors, member, mode)
    assert_feasible(together.numpy(), member.numpy())
    for i in range(len(student)):
        alone = adaptive_coefficients(student[i : i + 1], vectors, member[i : i + 1], mode)
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-8)


@pytest.mark.parametrize("mode", MODES)
def test_order_of_the_vectors_does_not_matter(mode):
    student, vectors, member = population()
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))
    direct = adaptive_coefficients(student, vectors, member, mode)
    permuted = adaptive_coefficients(student, vectors[order], member[:, :, order], mode)
    torch.testing.assert_close(permuted, direct[:, order], rtol=0, atol=1e-8)


@pytest.mark.parametrize("teachers", [TEACHERS, 0])
@pytest.mark.parametrize("mode", MODES)
def test_coefficients_minimise_the_stated_distance(mode, teachers):
    student, vectors, member = population()
    member[:, 0] &= teachers > 0
    ours = adaptive_coefficients(student, vectors, member, mode).numpy()
    copies = 2 if teachers and mode != "printed" else 1
    for weights, p, groups in zip(ours, student.numpy(), member.numpy(), strict=True):
        theirs = reference(vectors.numpy(), copies * p, groups)
        np.testing.assert_allclose(weights, theirs, rtol=0, atol=1e-5)


def test_gradient_mode_is_the_shortest_combination_of_the_kl_gradients():
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(7, 8, 10, generator=generator, dtype=torch.float64)
    own = logits[6].clone().requires_grad_()
    gradients = [
        torch.autograd.grad(
            torch.nn.functional.kl_div(own.log_softmax(1), other.softmax(1), reduction="sum"), own
        )[0].flatten()
        for other in logits
    ]
    member = np.append(two_groups(3, 3), np.zeros((2, 1), dtype=bool), axis=1)
    theirs = reference(torch.stack(gradients).numpy(), np.zeros(80), member)
    probabilities = logits.softmax(2).flatten(1)
    ours = adaptive_coefficients(
        probabilities[6:], probabilities, torch.tensor(member)[None], "gradient"
    )
    np.testing.assert_allclose(ours[0], theirs, rtol=0, atol=1e-5)


def test_nearly_equal_outputs_keep_their_digits():
    rng = np.random.default_rng(0)
    vectors, member = rng.normal(size=(8, 40)), torch.tensor(two_groups(4, 4))[None]
    student = rng.normal(size=(1, 40))
    exact, shrunk = (
        adaptive_coefficients(
            torch.tensor(1 + scale * student), torch.tensor(1 + scale * vectors), member, "gradient"
        )
        for scale in (1, 1e-6)
    )
    torch.testing.assert_close(shrunk, exact, rtol=0, atol=1e-6)


def test_printed_form_does_not_prefer_close_teachers_and_the_corrected_form_does():
    member = np.append(two_groups(5, 5), np.zeros((2, 1), dtype=bool), axis=1)
    mean = dict.fromkeys(MODES, 0.0)
    for seed in range(20):
        noise = [0.2, 0.6, 1.0, 1.5, 2.0] + [0.4] * 5 + [0.2]  # teachers, peers, the student
        vectors = outputs(np.random.default_rng(seed), noise)
        for mode in MODES:
            answer = adaptive_coefficients(vectors[-1:], vectors, torch.tensor(member)[None], mode)
            mean[mode] = mean[mode] + answer[0, :5].numpy() / 20
    assert mean["printed"][0] < 0.2 and mean["printed"][2:].sum() > 0.6
    assert mean["corrected"][0] > 0.7 and mean["corrected"][2:].sum() < 0.1
    np.testing.assert_allclose(mean["gradient"], mean["corrected"])


def test_outputs_are_constants_and_precision_is_internal():
    student, vectors, member = population()
    exact = adaptive_coefficients(student, vectors, member)
    single = adaptive_coefficients(student.float().requires_grad_(), vectors.float(), member)
    assert not single.requires_grad and single.dtype == torch.float64
    torch.testing.assert_close(single, exact, rtol=0, atol=1e-4)


def test_mistakes_are_named():
    student, vectors, member = population()
    with pytest.raises(UsageError, match="did you mean 'printed'"):
        adaptive_coefficients(student, vectors, member, "print")
    vectors[0, 0] = float("nan")
    with pytest.raises(UsageError, match="finite"):
        adaptive_coefficients(student, vectors, member)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("solver", "reads", "close"), [("own", 0, 1e-9), ("host", 1, 0)])
def test_those_of_a_device_are_found_there_and_are_the_hosts(mode, solver, reads, close):
    """Also of who listens to peers alone, to teachers alone and to nobody."""
    student, vectors, member = population()
    member[1, 0], member[2, 1], member[3] = False, False, False
    with Elsewhere() as seen:
        given = [to_device(tensor, THERE) for tensor in (student, vectors)]
        seen.forget()
        found = adaptive_coefficients(*given, member, mode, solver)
        assert seen.of(WAIT) == 0 and seen.of(READ) == reads and seen.of(SENT) == 1 + reads
        assert found.device == THERE
        found = found.to(HERE)
    expected = adaptive_coefficients(student, vectors, member, mode)
    torch.testing.assert_close(found, expected, rtol=0, atol=close)
    assert_feasible(found.numpy(), member.numpy())


def test_of_outputs_that_are_not_finite_a_devices_are_not_either():
    student, vectors, member = population()
    vectors[0, 0] = torch.inf
    with Elsewhere():
        given = [to_device(tensor, THERE) for tensor in (student, vectors)]
        found = adaptive_coefficients(*given, member).to(HERE)
    assert found.isnan().all()
