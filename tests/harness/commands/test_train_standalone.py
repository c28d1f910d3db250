"""``nas-harness train-standalone``: its arguments, the run it takes an architecture from, its text."""

import json

import pytest
import torch
from exported import write_exported

from harness.commands.train_standalone import main, parse
from harness.config.config import SCHEMA_VERSION
from harness.exporting.export import export_network
from harness.exporting.reading import read_exported
from harness.standalone.recipes import RECIPES
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

ARCH = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
QUICK = (
    "--preset smoke --width 2 --train-images 64 --eval-images 100 --train.batch-size 32 "
    "--device cpu --threads 1"
)
RECORD = {
    "schema_version": SCHEMA_VERSION,
    "run": "nb201-digits-mngnas-12345678-s3",
    "config": {
        "space": "nb201",
        "task": "digits",
        "method": "mngnas",
        "seed": 3,
        "preset": "smoke",
    },
    "supernet": {"scale": "proxy"},
    "ground_truth": {"scale": "compact"},
    "found": {"arch": ARCH},
    "costs": {"seconds": 4320.0, "device": "a test"},
}


def write_record(folder, content):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def found(tmp_path):
    """The folder of a finished run."""
    return write_record(tmp_path / "runs" / RECORD["run"], RECORD)


def asked(*arguments):
    return parse([str(argument) for argument in arguments])[0]


def test_an_architecture_is_trained_as_its_task_usually_is():
    config = asked("--arch", ARCH)
    assert (config.space, config.task, config.scale, config.recipe) == (
        "nb201", "digits", "compact", "tables",
    )  # fmt: skip
    assert config.arch == ARCH
    assert asked("--arch", ARCH, "--task", "cifar10", "--preset", "paper").train.epochs == 200


def test_options_come_after_the_recipe_and_the_preset():
    config = asked(
        "--arch", ARCH, "--task", "cifar10", "--recipe", "cifar-600", "--train.epochs", 3
    )
    assert (config.recipe, config.train.epochs, config.train.batch_size) == ("cifar-600", 3, 96)
    assert config.width == 8
    assert asked("--arch", ARCH, "--train-on", "train+val").train_on == "train+val"


def test_what_a_run_found_is_trained_on_its_task(found):
    config, _, origin, _ = parse(["--run", str(found)])
    assert (config.space, config.task, config.scale, config.arch) == (
        "nb201", "digits", "compact", ARCH,
    )  # fmt: skip
    assert origin.search["days"] == 0.05
    assert origin.search["run"] == RECORD["run"]


def test_a_record_without_the_scale_of_its_truth_ranked_at_that_of_its_supernet(tmp_path):
    content = RECORD | {"ground_truth": {}, "supernet": {"scale": "compact"}}
    config, *_ = parse(["--run", str(write_record(tmp_path / "former", content))])
    assert config.scale == "compact"


def test_what_a_run_found_can_be_trained_on_another_task(found):
    config = asked("--run", found, "--task", "cifar100", "--preset", "paper")
    assert (config.task, config.scale, config.train_on) == ("cifar100", "benchmark", "train+val")


def test_one_architecture_has_one_name():
    space = SPACES["darts"]("compact")
    text = space.encode((3,) * 16 + (0,) * 6)
    loose = text.replace("), (", "),(").replace("range(2, 6)", "[2, 3, 4, 5]")
    assert loose != text
    assert (
        asked("--space", "darts", "--arch", loose).name
        == asked("--space", "darts", "--arch", text).name
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either an architecture with --arch, or with --run"),
        (["--arch", "nonsense"], "'nonsense' is not a NAS-Bench-201 architecture"),
        (["--arch", ARCH, "--space", "nb2O1"], "unknown search space 'nb2O1'; did you mean"),
        (["--arch", ARCH, "--task", "cifar1O"], "unknown task 'cifar1O'"),
        (["--arch", ARCH, "--recipe", "cifar-60"], "unknown recipe .* did you mean 'cifar-600'"),
        (["--arch", ARCH, "--preset", "huge"], "unknown preset 'huge'"),
        (["--arch", ARCH, "--train.eposch", "3"], "unknown option '--train.eposch'; did you mean"),
        (["--arch", ARCH, "--train.lr", "-1"], "--train.lr takes"),
        (["--arch", ARCH, "--checkpoint-seconds", "-1"], "--checkpoint-seconds takes"),
        (["--arch", ARCH, "--seed", "-1"], "--seed takes"),
        (["--run", "nowhere"], "nowhere holds no finished run"),
    ],
)
def test_mistakes_are_one_sentence(arguments, message):
    with pytest.raises(UsageError, match=message):
        parse(arguments)


def test_a_run_and_an_architecture_or_another_space_do_not_go_together(found):
    with pytest.raises(UsageError, match="either an architecture"):
        asked("--run", found, "--arch", ARCH)
    with pytest.raises(UsageError, match="architecture is one of nb201, not of darts"):
        asked("--run", found, "--space", "darts")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": SCHEMA_VERSION + 1}, "written by another version"),
        ({"found": None}, "run.json is damaged"),
        ({"costs": {"seconds": "long", "device": ""}}, "run.json is damaged"),
    ],
)
def test_the_record_of_a_run_is_not_trusted_blindly(found, change, message):
    (found / "run.json").write_text(json.dumps(RECORD | change))
    with pytest.raises(UsageError, match=message):
        asked("--run", found)


def test_missing_data_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    with pytest.raises(UsageError, match="CIFAR-10 is not found"):
        main(["--arch", ARCH, "--task", "cifar10", "--runs", str(tmp_path / "runs")])
    assert not (tmp_path / "runs").exists()


def test_it_prints_what_a_row_of_a_table_needs(found, capsys):
    runs = found.parent
    main(["--run", str(found), *QUICK.split(), "--runs", str(runs), "--json"])
    record = json.loads(capsys.readouterr().out)
    assert record["found_by"][0]["method"] == "mngnas"
    assert (runs / "standalone" / record["name"] / "standalone.json").exists()
    main(["--run", str(found), *QUICK.split(), "--runs", str(runs)])
    text = capsys.readouterr().out
    assert f"test error     {record['result']['test_error']:.2f} %" in text
    assert f"{record['network']['params'] / 1e6:.3f} M" in text
    assert "search cost    0.0500 days on a test" in text
    assert "recipe tables, 1 epoch of 64 images (train)" in text


def test_every_recipe_is_told(capsys):
    main(["--recipes"])
    text = " ".join(capsys.readouterr().out.split())
    for name, recipe in RECIPES.items():
        assert name in text
        assert all(part in text for part in (recipe.source, *recipe.open, *recipe.departs))


@pytest.mark.slow
def test_it_begins_with_an_exported_network_and_leaves_one(tmp_path, capsys):
    """Of the file's size, under another name than from scratch; what is kept is exported again."""
    path, runs = tmp_path / "found.pt2", tmp_path / "runs"
    weights = write_exported(path, SPACES["nb201"]("compact", 2), ARCH, width=2)
    asked_for = ["--from", str(path), *QUICK.replace("--width 2 ", "").split()]
    config, _, origin, _ = parse(asked_for)
    assert (config.arch, config.scale, config.width) == (ARCH, "compact", 2)
    assert config.start == origin.start.sha256
    assert config.name != asked("--arch", ARCH, *QUICK.split()).name

    still = ["--train.lr", "0", "--train.weight-decay", "0", "--keep-checkpoint"]
    main([*asked_for, *still, "--runs", str(runs), "--json"])
    record = json.loads(capsys.readouterr().out)
    assert record["found_by"][0]["run"] == "a-run"
    assert record["config"]["start"] == config.start
    assert record["notes"][0].startswith(
        f"Began with exported weights (SHA-256 {config.start[:16]}"
    )
    folder = runs / "standalone" / record["name"]
    card = export_network(folder, tmp_path / "trained.pt2", "best")
    _, trained = read_exported(tmp_path / "trained.pt2")
    learned = [name for name in weights if name.endswith("weight")]  # nothing, at this rate
    assert len(learned) > 5 and all(torch.equal(trained[n], weights[n]) for n in learned)
    assert card["truth"]["value"] == record["result"]["test_accuracy"]
    assert card["accuracy"]["value"] == record["result"]["val_accuracy"]
    assert "by the recipe tables" in card["weights"]["from"]
    with pytest.raises(UsageError, match="has one network, .*; leave --arch out"):
        export_network(folder, tmp_path / "b.pt2", ARCH.replace("skip_connect", "none"))


def test_an_exported_network_brings_its_architecture_and_its_size(tmp_path, found):
    path = tmp_path / "found.pt2"
    write_exported(path, SPACES["nb201"]("compact", 2), ARCH, width=2)
    with pytest.raises(UsageError, match="--run and --from each bring an architecture"):
        asked("--from", path, "--run", found)
    with pytest.raises(UsageError, match="either an architecture with --arch"):
        asked("--from", path, "--arch", ARCH)
    with pytest.raises(UsageError, match="architecture is one of nb201, not of darts"):
        asked("--from", path, "--space", "darts")
    with pytest.raises(UsageError, match=r"of another size or task: stem.0.weight is \[2, 1, 3, 3"):
        main(["--from", str(path), "--width", "4", "--runs", str(tmp_path / "none")])
    assert not (tmp_path / "none").exists()
