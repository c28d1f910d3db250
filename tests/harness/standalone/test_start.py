"""Trainings that begin with given weights: what is taken, what is said, what is refused."""

import numpy as np
import pytest
import torch

from harness.standalone.config import StandaloneConfig
from harness.standalone.record import in_full
from harness.tasks import IMAGES
from methods.standalone.recipe import TrainingRecipe
from methods.standalone.start import take_weights
from methods.standalone.training import StandaloneTraining
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES
from searchspaces.shadow_bn import ShadowBN

IMAGE = IMAGES["digits"]


def subnet(space, arch, **supernet):
    network = space.supernet(IMAGE, **supernet).subnet(arch)
    with torch.no_grad():
        network.train()(torch.randn(16, IMAGE.channels, IMAGE.size, IMAGE.size))
    return network.eval()


@pytest.mark.parametrize("name", ["nb201", "nb101", "macro", "shufflenet-channels"])
def test_a_stand_alone_network_begins_as_the_subnet(name):
    """BNs of choice blocks have no scale and shift there, but biases before them; all the same."""
    space, rng = SPACES[name]("compact"), np.random.default_rng(5)
    arch = next(filter(space.is_valid, iter(lambda: space.sample(rng), None)))
    own, network = subnet(space, arch), space.standalone(arch, IMAGE)
    notes = take_weights(network, own.state_dict())
    images = torch.randn(4, IMAGE.channels, IMAGE.size, IMAGE.size)
    torch.testing.assert_close(network.eval()(images), own(images), atol=1e-5, rtol=1e-5)
    assert [" of the network are not among them" in note for note in notes] == [True]


def test_bns_of_sums_have_no_place_in_a_stand_alone_network():
    space = SPACES["nb201"]("compact")
    own = subnet(space, (3,) * 6, affine=True, shadow=ShadowBN("count", 2))
    network = space.standalone((3,) * 6, IMAGE)
    (note,) = take_weights(network, own.state_dict())
    assert note.endswith(
        "stand-alone networks do not have, such as stages.0.0.norms.1.norms.1.bias."
    )
    weights = network.state_dict()
    assert all(torch.equal(t, weights[n]) for n, t in own.state_dict().items() if n in weights)


def test_weights_of_other_networks_are_refused():
    space, arch = SPACES["nb201"]("compact"), (3,) * 6
    network = space.standalone(arch, IMAGE)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(UsageError, match=r"of another size or task: stem.0.weight is \[6, 1, 3, 3"):
        take_weights(network, subnet(SPACES["nb201"]("compact", 6), arch).state_dict())
    with pytest.raises(UsageError, match="of another kind of network"):
        take_weights(network, {"network.stem.0.weight": torch.ones(1)})
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())


def test_the_moving_average_begins_there_too():
    from harness.conformance.noise import Noise

    space, arch = SPACES["nb201"]("compact"), (3, 1, 2, 4, 1, 3)
    weights = subnet(space, arch).state_dict()
    recipe = TrainingRecipe(ema=0.9, batch_size=16)
    training = StandaloneTraining(space, arch, Noise(IMAGE), recipe, 7, start=weights)
    for network in (training.network, training._network):
        state = network.state_dict()
        same = [n for n, tensor in weights.items() if n.endswith(".weight")]
        assert all(torch.equal(weights[name], state[name]) for name in same)
    drawn = StandaloneTraining(space, arch, Noise(IMAGE), recipe, 7)
    assert drawn.start_notes == [] and training.start_notes
    assert not torch.equal(drawn.network.stem[0].weight, training.network.stem[0].weight)


def test_what_begins_with_weights_has_another_name_and_is_not_from_scratch():
    plain = StandaloneConfig(preset="paper")
    assert "start" not in plain.to_dict()
    begun = StandaloneConfig(preset="paper", start="ab" * 32)
    assert begun.name != plain.name
    record = {"network": {"reduced": False}, "recipe": {"changed": {}}}
    assert in_full(record | {"config": plain.to_dict()})
    assert not in_full(record | {"config": begun.to_dict()})
