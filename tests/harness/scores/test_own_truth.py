"""``--against`` a file of accuracies, of a space that has only names."""

import json

import numpy as np
import pytest

from harness import evaluate
from harness.cli import main
from harness.scores.own_truth import own_truth
from harness.scores.reading import USUAL, Given
from harness.tasks import IMAGES
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SIZES = [f"{8 * k}:{64 - 8 * k}:16:32:{8 + k}" for k in range(1, 7)]
TRUTH = [61.0, 64.5, 70.0, 69.0, 72.5, 80.0]
LOSSES = [2.0, 1.9, 1.5, 1.6, 1.2, 0.9]


@pytest.fixture
def files(tmp_path):
    truth, losses = tmp_path / "sizes.csv", tmp_path / "losses.csv"
    rows = zip(SIZES, TRUTH, strict=True)
    truth.write_text("arch,accuracy\n" + "\n".join(f"{arch},{value}" for arch, value in rows))
    rows = zip(SIZES, LOSSES, strict=True)
    losses.write_text("arch,loss\n" + "\n".join(f"{arch},{value}" for arch, value in rows))
    return truth, losses


def test_names_alone_are_ranked(files, capsys):
    truth, losses = files
    given = [str(losses), "--space", "nats-size", "--against", str(truth), "--names-only"]
    main(["evaluate", *given, "--lower-is-better", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["all"]["kendall_tau"]["value"] == 1.0
    assert found["metrics"]["all"]["kendall_tau"]["n"] == 6
    assert found["floors"]["params"]["value"] is None
    result = evaluate(losses, "nats-size", against=truth, names_only=True)
    assert result.tau["value"] == -1.0


def test_what_only_one_file_has_is_left_out_with_a_note(files):
    truth, losses = files
    losses.write_text(losses.read_text() + "\n1:2:3:4:5,9.0")
    result = evaluate(losses, "nats-size", against=truth, names_only=True)
    assert result.tau["n"] == 6
    assert any("1 of 7 scores were left out" in note for note in result.content["notes"])


def test_two_architectures_are_a_ranking_and_one_is_none(files):
    truth, _ = files
    two = {SIZES[1]: 1.0, SIZES[3]: 2.0}
    assert evaluate(two, "nats-size", against=truth, names_only=True).tau["n"] == 2
    with pytest.raises(UsageError, match="accuracies of 1 of the 2 scored"):
        evaluate({SIZES[1]: 1.0, "x": 2.0}, "nats-size", against=truth, names_only=True)


def test_names_written_otherwise_are_refused(files):
    truth, losses = files
    losses.write_text(losses.read_text().replace(":", "-"))
    with pytest.raises(UsageError, match="accuracies of 0 of the 6 scored"):
        evaluate(losses, "nats-size", against=truth, names_only=True)


@pytest.mark.parametrize("scale", ["", "compact"])
def test_sizes_are_those_of_the_networks_at_a_scale_on_the_images_of_a_task(tmp_path, scale):
    space = SPACES["nb201"](scale or "benchmark")
    archs = [space.encode(genes) for genes in ((3, 1, 2, 4, 0, 3), (1,) * 6, (2, 3, 3, 0, 1, 2))]
    path = tmp_path / "My truth.csv"
    path.write_text("arch,acc\n" + "\n".join(f"{a},{n / 4}" for n, a in enumerate(archs)))
    given = Given.of(dict(zip(archs, (1.0, 2.0, 3.0), strict=True)))
    found, table, scores = own_truth(given, USUAL, path, task="cifar100", scale=scale)
    assert (found.name, found.scale) == (space.name, space.scale) and scores[archs[1]] == 2.0
    costs = [space.cost(space.decode(arch), IMAGES["cifar100"]) for arch in archs]
    assert table.params.tolist() == [cost.params for cost in costs]
    assert table.madds.tolist() == [cost.madds for cost in costs]
    assert table.accuracy("test").tolist() == [0, 25, 50]  # fractions
    assert table.meta.name == f"nb201-{space.scale}-my-truth"
    assert table.meta.resolution == {"test": 1e-6}
    assert table.meta.training == {"truth": "my-truth", "epochs_known": False}


@pytest.mark.parametrize(("most", "factor"), [(1.0, 100), (1.01, 1)])
def test_accuracies_of_which_none_is_above_one_are_fractions(files, most, factor):
    truth, losses = files
    values = [0.0, 0.2, 0.4, 0.6, 0.8, most]
    rows = zip(SIZES, values, strict=True)
    truth.write_text("arch,accuracy\n" + "\n".join(f"{arch},{value}" for arch, value in rows))
    given = Given.of(dict.fromkeys(SIZES, 1.0))
    space, table, scores = own_truth(given, USUAL, truth, space="sizes", names_only=True)
    assert space is None and table.params is None and table.meta.name == "sizes-names-sizes"
    assert table.accuracy("test") == pytest.approx(factor * np.array(values))
    assert any("taken for fractions" in note for note in scores.notes) == (factor == 100)


def test_a_space_is_known_or_said_to_be_names(files):
    truth, losses = files
    with pytest.raises(UsageError, match="unknown search space 'nats-size'.*names_only"):
        evaluate(losses, "nats-size", against=truth)
    with pytest.raises(UsageError, match="nb201 is a space of the harness"):
        evaluate(losses, "nb201", against=truth, names_only=True)
    with pytest.raises(UsageError, match="against"):
        evaluate(losses, "nats-size", names_only=True)


def test_the_tasks_of_a_space_of_names_are_told(files, tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    truth, losses = files
    options = ["--truth-columns", "accuracy", "--task", "cifar10", "--epochs", "90", "--names-only"]
    main(["table", "import", "nats-size", str(truth), *options])
    assert evaluate(losses, "nats-size", "cifar10").tau["value"] == -1.0
    with pytest.raises(UsageError, match="no table of nats-size on digits; .*may be cifar10"):
        evaluate(losses, "nats-size")
