"""What every registered space promises about its supernet and its stand-alone networks."""

import io

import pytest
import torch
from torch.nn.functional import cross_entropy

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="session")
def batch(image):
    """Eight images and their labels."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, image.channels, image.size, image.size, generator=generator)
    return x, torch.arange(8) % image.classes


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "affine"])
def affine(request):
    return request.param


@pytest.fixture(scope="session")
def moved(space, image, archs, batch, affine):
    """A supernet whose parameters and statistics are not as they are initialised, its state."""
    network = seeded(0, space.supernet, image, affine=affine)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
        for arch in archs:
            network(batch[0], arch)
    return network, tensors(network)


@pytest.fixture
def supernet(moved):
    """The supernet of ``moved`` as it was, in training mode."""
    network, state = moved
    network.load_state_dict(state)
    network.zero_grad(set_to_none=True)
    return network.train()


def seeded(seed, function, *arguments, **options):
    torch.manual_seed(seed)
    return function(*arguments, **options)


def backward(network, batch, path=None):
    """Leave the gradient of a training step in ``network``."""
    network.zero_grad(set_to_none=True)
    x, y = batch
    cross_entropy(seeded(1, network, x, path), y).backward()


def tensors(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


# Forward ------------------------------------------------------------------------------------


def test_standalone_network_returns_stages_and_logits(space, image, archs, batch):
    x, _ = batch
    for arch in archs:
        network = seeded(0, space.standalone, arch, image)
        stages, logits = seeded(1, network.features, x)
        assert len(stages) == network.stages_number > 0
        assert all(stage.dim() == 4 and len(stage) == len(x) for stage in stages)
        assert logits.shape == (len(x), image.classes)
        assert torch.equal(seeded(1, network, x), logits)


def test_seed_fixes_the_initial_weights(space, image, archs, affine):
    builders = [lambda: space.supernet(image, affine=affine)]
    builders += [lambda: space.standalone(archs[0], image)]
    for build in builders:
        first, again, other = (tensors(seeded(seed, build)) for seed in (0, 0, 1))
        assert_same(first, again)
        assert any(not torch.equal(tensor, other[name]) for name, tensor in first.items())


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_subnet_gives_the_logits_of_its_path(supernet, archs, batch, training):
    x, _ = batch
    supernet.train(training)
    seen = []
    for arch in archs:
        subnet = supernet.subnet(arch)
        assert subnet.training is training
        seen.append(seeded(1, supernet, x, arch))
        torch.testing.assert_close(seeded(1, subnet, x), seen[-1], **CLOSE)
    assert any(not torch.equal(logits, seen[0]) for logits in seen[1:])


def test_a_hook_that_runs_the_operators_of_the_path_is_the_path(space, supernet, archs, batch):
    """Except for rounding: a BN of training makes up to 0.001 of a constant, not zero."""
    x, _ = batch
    for arch in archs:

        def hook(site, operators, y, arch=arch):
            assert len(operators) == len(space.sites[site].operators)
            return operators[arch[site]](y)

        expected = seeded(1, supernet.features, x, arch)
        hooked = seeded(1, supernet.features, x, arch, hook)
        torch.testing.assert_close(hooked, expected, rtol=0, atol=0.01)


def test_state_goes_to_a_file_and_back(space, supernet, image, archs, batch, affine):
    file = io.BytesIO()
    torch.save(supernet.state_dict(), file)
    file.seek(0)
    other = seeded(2, space.supernet, image, affine=affine)
    other.load_state_dict(torch.load(file, weights_only=True))
    for arch in archs:
        assert torch.equal(other.eval()(batch[0], arch), supernet.eval()(batch[0], arch))


# Training -----------------------------------------------------------------------------------


def test_gradient_is_that_of_the_subnet_and_nothing_else(supernet, archs, batch):
    """Narrow operators may share the leading slices of wide ones; the rest has no gradient.

    Parts of a subnet without gradient must be parts that its logits do not depend on.
    """
    for arch in archs:
        subnet = supernet.subnet(arch)
        backward(supernet, batch, arch)
        backward(subnet, batch)
        own, shared = dict(subnet.named_parameters()), dict(supernet.named_parameters())
        assert own.keys() <= shared.keys()
        reached = {name for name, parameter in own.items() if parameter.grad is not None}
        assert {name for name, p in shared.items() if p.grad is not None} == reached
        for name in reached:
            leading = tuple(map(slice, own[name].shape))
            rest = shared[name].grad.clone()
            torch.testing.assert_close(
                rest[leading], own[name].grad, rtol=1e-3, atol=1e-5, msg=lambda m, n=name: n + m
            )
            rest[leading] = 0
            assert not rest.any(), name
        before = seeded(1, subnet, batch[0])
        with torch.no_grad():
            for name in own.keys() - reached:
                own[name].normal_()
        assert torch.equal(seeded(1, subnet, batch[0]), before)


def test_a_step_leaves_alone_what_its_path_does_not_use(supernet, archs, batch):
    """Bit by bit, although momentum and weight decay of earlier steps could go on."""
    optimizer = torch.optim.SGD(supernet.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for arch in archs:
        before, used = tensors(supernet), supernet.subnet(arch).state_dict().keys()
        backward(supernet, batch, arch)
        optimizer.step()
        after = supernet.state_dict()
        moved = {name for name in before if not torch.equal(after[name], before[name])}
        assert moved <= used
        parameters = supernet.named_parameters()
        reached = {n for n, p in parameters if p.grad is not None and p.grad.any()}
        assert reached and reached <= moved


def test_training_a_subnet_leaves_the_supernet_alone(supernet, archs, batch):
    before = tensors(supernet)
    for arch in archs:
        subnet = supernet.subnet(arch)
        backward(subnet, batch)
        torch.optim.SGD(subnet.parameters(), 1.0).step()
    assert_same(tensors(supernet), before)
