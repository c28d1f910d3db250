"""Where a method's teacher comes from: the ground truth, or a training of before."""

import pytest
import torch

from harness.config.config import Config, with_values
from harness.files.store import write_json
from harness.resuming.workspace import save_tensors
from harness.running.assembly import make_method, with_teacher
from harness.tasks import load_task
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

ARCH = "12121212"


@pytest.fixture
def kept(tmp_path):
    """The folder of a stand-alone training that kept its weights."""
    task = load_task("digits")
    space = SPACES["macro"]("compact")
    network = space.standalone(space.decode(ARCH), task.image)
    config = {"space": "macro", "task": "digits"}
    folder = tmp_path / "training"
    folder.mkdir()
    write_json(folder / "standalone.json", {"schema_version": 1, "config": config, "arch": ARCH})
    state = {"training": {"average": None, "network": network.state_dict()}}
    save_tensors(folder / "checkpoint.pt", state)
    return folder, network


def config_of(teacher, **changes):
    config = Config.from_preset("smoke", method="dna")
    values = {"space": "macro", "options.teacher": str(teacher), "options.teacher_share": 0.0}
    return with_values(config, values | changes)


def test_a_trained_teacher_comes_with_its_weights(kept):
    folder, network = kept
    method = make_method(config_of(folder), load_task("digits"), torch.device("cpu"))
    assert method.space.encode(method.teacher_arch) == ARCH
    for name, tensor in method.teacher.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    assert f"trained before, in {folder}" in method.notes()[0]


def test_a_teacher_has_the_averaged_weights_where_there_are_any(kept):
    folder, network = kept
    last = network.state_dict()
    average = {n: v + 1 if v.is_floating_point() else v for n, v in last.items()}
    state = {"training": {"average": average, "network": last}}
    save_tensors(folder / "checkpoint.pt", state)
    _, weights = with_teacher(config_of(folder), None)
    assert all(torch.equal(weights[name], tensor) for name, tensor in average.items())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"options.teacher_share": 0.25}, "set --options.teacher-share 0"),
        ({"space": "nb201"}, "is of the space macro, not of nb201"),
        ({"supernet.width": 4}, "same scale, width and cells"),
    ],
)
def test_another_teacher_is_refused(kept, changes, sentence):
    config = config_of(kept[0], **changes)
    with pytest.raises(UsageError, match=sentence):
        make_method(config, load_task("digits"), torch.device("cpu"))


def test_the_best_of_the_ground_truth_is_said_to_be():
    config = config_of("best", **{"options.teacher_share": 0.25})
    options, weights = with_teacher(config, None)
    assert weights is None and len(options.teacher) == 8
    method = make_method(config, load_task("digits"), torch.device("cpu"))
    assert "best of the ground truth, which other methods do not know" in method.notes()[0]


def test_a_named_architecture_stays():
    config = config_of(ARCH, **{"options.teacher_share": 0.25})
    assert with_teacher(config, None) == (config.options, None)
