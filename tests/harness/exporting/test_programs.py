"""Networks of every space as programs: the same logits, for any number of images, in both formats."""

import numpy as np
import pytest
import torch
from params import slow_but

from harness.exporting.export import check_equal
from harness.exporting.programs import CARD, FORMATS, METADATA, traced
from harness.tasks import IMAGES
from methods.standalone.recipe import TrainingRecipe
from methods.standalone.training import build_network
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES
from searchspaces.shadow_bn import ShadowBN

IMAGE = IMAGES["digits"]
OF_LAYERS = ("nb101", "nb201", "darts", "macro", "mobilenet", "shufflenet")  # others have no other
WITH_SHADOW = ("nb201", "nb101-mixpath", "darts", "macro")


def space_of(name):
    scales = SPACES[name].scales
    return SPACES[name]("compact" if "compact" in scales else scales[0], 0, 1)


def drawn(space):
    rng = np.random.default_rng(3)
    return next(filter(space.is_valid, iter(lambda: space.sample(rng), None)))


def settled(network):
    """With BN statistics of images, and logits that differ by about 1 between them; evaluating."""
    images = torch.randn(16, IMAGE.channels, IMAGE.size, IMAGE.size)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
        apart = network.eval()(images).std(0).mean()
        network.classifier.weight.div_(apart)
    return network, images


def check_all(network, images, formats=()):
    """For three numbers of images the network's logits, and no word on where its code stands."""
    program = traced(network, images)
    runs = [program.module()]
    for name in formats:
        content = FORMATS[name].written(program, images, "")
        assert b"searchspaces" not in content and b"stack_trace" not in content, name
        runs.append(FORMATS[name].read(content))
    for run in runs:
        for number in (1, 5, 16):
            check_equal(network, run, images[:number])


@pytest.mark.parametrize("name", slow_but(["nb101"], SPACES))
def test_a_network_of_each_space_gives_the_same_logits_from_a_file(name):
    space = space_of(name)
    formats = list(FORMATS) if name in OF_LAYERS else ["torch"]
    check_all(*settled(space.supernet(IMAGE).subnet(drawn(space))), formats)


@pytest.mark.parametrize("name", slow_but(["macro"], WITH_SHADOW))
def test_so_does_one_with_a_bn_for_each_number_of_paths(name):
    space = space_of(name)
    supernet = space.supernet(IMAGE, affine=True, shadow=ShadowBN("count", 2))
    network, images = settled(supernet.subnet(drawn(space)))
    assert any("norms" in part for part, _ in network.named_modules())
    check_all(network, images)


@pytest.mark.slow
def test_path_drop_dropout_and_the_auxiliary_head_are_of_the_training_alone():
    space, recipe = space_of("darts"), TrainingRecipe(drop_path=0.5, dropout=0.5, auxiliary=0.4)
    network, images = settled(build_network(space, drawn(space), IMAGE, recipe))
    network.drop_probability = 0.5
    check_all(network, images)


def test_what_cannot_be_traced_is_said():
    class Deciding(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1) if x.sum() > 0 else -x.flatten(1)

    with pytest.raises(UsageError, match=r"cannot trace this network \(\w+: .*must not depend on"):
        traced(Deciding(), torch.ones(2, 1, 3, 3))


@pytest.mark.slow
def test_cards_are_in_the_files(tmp_path):
    import onnxruntime

    linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2))
    images = torch.ones(2, 1, 3, 3)
    program = traced(linear, images)
    extra = {CARD: ""}
    (tmp_path / "n.pt2").write_bytes(FORMATS["torch"].written(program, images, "about"))
    torch.export.load(tmp_path / "n.pt2", extra_files=extra)
    assert extra[CARD] == "about"
    session = onnxruntime.InferenceSession(FORMATS["onnx"].written(program, images, "about"))
    assert session.get_modelmeta().custom_metadata_map[METADATA] == "about"
    assert session.get_inputs()[0].shape == ["batch", 1, 3, 3]


def test_other_logits_are_refused():
    linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2))
    images = torch.randn(4, 1, 3, 3)
    check_equal(linear, lambda x: linear(x) + 5e-5, images)
    for wrong in (2e-4, float("nan")):
        with pytest.raises(UsageError, match="where 1.0e-04 is allowed.*nothing was written"):
            check_equal(linear, lambda x, by=wrong: linear(x) + by, images)
    with pytest.raises(UsageError, match="nothing was written"):  # right together, not alone
        check_equal(linear, lambda x: linear(x) + (len(x) == 1), images)
    with pytest.raises(UsageError, match="nan from the network's own"):
        check_equal(linear, lambda x: linear(x)[:, :1], images)


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("harness.exporting.programs.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install onnx onnxscript onnxruntime.*extra 'export'"):
        FORMATS["onnx"].check_installed()
    FORMATS["torch"].check_installed()
