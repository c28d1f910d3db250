"""The configuration: presets, limits, and the name of a run."""

import hashlib
import json
import re
import sys
from copy import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.commands.run import parse
from harness.config.config import Config, SupernetScale, with_values
from harness.config.presets import PRESETS, REAL, preset_values
from harness.running.assembly import load_limited, training_identity
from harness.standalone.config import StandaloneConfig
from harness.tasks import TASKS
from methods.fairnas import FairNASOptions
from methods.mngnas.options import MNGNASOptions
from methods.options import Recipe
from methods.registry import METHODS, options_class
from methods.spos import SPOSOptions
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def configured(*arguments):
    return parse(list(arguments))[0]


def leaves(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_fits_every_method_and_task(preset, method, task):
    config = configured("--preset", preset, "--method", method, "--task", task)
    values = dict(leaves(config.to_dict()))
    expected = preset_values(preset, task, method)
    assert {name: values[name] for name in expected} == expected
    assert (config.preset, config.method, config.task) == (preset, method, task)
    assert isinstance(config.options, options_class(method))
    json.dumps(config.to_dict(), allow_nan=False)


def test_the_layers_of_presets_belong_to_something():
    known = {"*", "real", "real untrained", *METHODS, *(f"real {space}" for space in SPACES)}
    for layers in PRESETS.values():
        assert set(layers) <= known
    assert set(REAL) < set(TASKS)


@pytest.mark.parametrize("task", ["cifar10", "digits"])
def test_what_trains_nothing_scores_the_networks_of_the_ground_truth(task, tmp_path):
    """Trained in part, or on their own, they are proxies on photographs."""
    path = tmp_path / f"scorer_for_{task}.py"
    path.write_text("def mine(network, images, labels):\n    return 0.0\n")
    for name in ("az-nas", "synflow", "params", f"{path}:mine"):
        config = configured("--task", task, "--method", name)
        assert config.supernet.scale == "truth", name
    for name in ("spos", "short-training", "ensemble"):
        config = configured("--task", task, "--method", name)
        assert config.supernet.scale == ("proxy" if task == "cifar10" else "truth"), name
    given = configured("--task", task, "--method", "zen", "--supernet.scale", "proxy")
    assert given.supernet.scale == "proxy"


@pytest.mark.parametrize("task", REAL)
def test_supernets_on_photographs_are_proxies_unless_said_otherwise(task):
    config = configured("--task", task, "--space", "macro")
    assert (config.supernet.scale, config.supernet.side(32)) == ("proxy", 16)
    assert config.train.steps < configured("--task", task).train.steps == 16_000
    assert config.train_images == config.supernet.width == config.supernet.cells == 0
    own = configured("--task", task, "--supernet.scale", "benchmark")
    assert (own.supernet.scale, own.supernet.side(32)) == ("benchmark", 32)
    assert configured("--task", task, "--preset", "paper").supernet == SupernetScale()
    assert configured("--task", "digits").supernet == SupernetScale()


@pytest.mark.slow
@given(st.integers(1, 512), st.sampled_from(["truth", "proxy", "compact"]))
def test_the_side_that_supernets_see(images, scale):
    side = SupernetScale(scale=scale).side(images)
    assert side == (min(images, 16) if scale == "proxy" else images)
    assert SupernetScale(scale=scale, resolution=8).side(images) == 8


def test_what_came_later_is_in_no_name_while_it_has_its_default():
    plain = Config(method="spos")
    tree = plain.to_dict()
    assert tree["supernet"] == {"width": 0, "cells": 0, "affine": "method"}
    assert "by" not in tree["score"]
    changes = ({"score.by": "loss"}, {"supernet.scale": "proxy"}, {"supernet.resolution": 6})
    assert "precision" not in tree["score"]
    others = ({}, *changes, {"score.precision": "bfloat16"})
    assert len({with_values(plain, change).run_name("t") for change in others}) == 5
    space = SPACES["nb201"]("compact")
    trained = [training_identity(with_values(plain, c), space, 10) for c in ({}, *changes)]
    assert trained[0] == trained[1]  # scores by loss may take a supernet that is there
    assert trained[0] != trained[2] != trained[3] != trained[0]


def test_a_run_of_a_changed_file_is_another_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # which the folder of the file joins
    path = tmp_path / "file_of_mine.py"
    names = set()
    for number in (1, 2):
        text = f"class Mine:\n    name, scales, supernet, standalone = 'my-own', (), 0, {number}\n"
        path.write_text(text)
        config = Config(method="spos", space=f"{path}:Mine")
        sources = {"space": hashlib.sha256(text.encode()).hexdigest()}
        assert config.to_dict()["sources"] == sources == config.sources()["sources"]
        names.add(config.run_name("t"))
    assert len(names) == 2 and "sources" not in Config().to_dict()
    names.add(StandaloneConfig(space=f"{path}:Mine", arch="a").name)
    assert all(name.startswith("my-own-digits-") for name in names)


def test_cutout_is_added_to_what_a_task_augments():
    config = with_values(Config(), {"cutout": 5})
    task, plain = load_limited(config, None), load_limited(Config(), None)
    cut, whole = (each.train_batch(0, 64, 0)[0] for each in (task, plain))
    assert task.augmentation.cutout == 5 and plain.augmentation.cutout == 0
    changed = (cut != whole).flatten(1).sum(1)
    assert 9 <= changed.max() <= 25 and changed.min() >= 4
    mean_pixel = (cut[cut != whole]).abs()
    assert mean_pixel.max() < 0.02  # zero after normalisation, up to a rounded pixel
    assert "cutout" not in Config().to_dict() and config.to_dict()["cutout"] == 5
    space = SPACES["nb201"]("compact")
    first, second = (training_identity(each, space, 10) for each in (config, Config()))
    assert first != second


def test_whether_norms_have_scales_is_said_in_words():
    with pytest.raises(UsageError, match="method, true or false, not True"):
        with_values(Config(), {"supernet.affine": True})


def test_what_is_given_wins_over_the_preset():
    config = configured("--preset", "smoke", "--train.steps", "7", "--options.removed", "1")
    assert (config.train.steps, config.options.removed) == (7, 1)
    assert config.search.population == PRESETS["smoke"]["*"]["search.population"]


def test_defaults_of_the_command_line_are_those_of_the_class():
    assert configured() == Config()


def test_with_values_replaces_leaves_and_leaves_the_rest():
    config = with_values(Config(), {"seed": 5, "train.lr": 0.3, "train.steps": 9})
    assert config.train == Recipe(lr=0.3, steps=9)
    assert (config.seed, config.score) == (5, Config().score)
    assert Config().seed == 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: with_values(Config(), {"train.stepz": 1}),
            "'train.stepz'; did you mean 'train.steps'?",
        ),
        (
            lambda: with_values(Config(), {"train_steps": 1}),
            "'train_steps'; did you mean 'train.steps'?",
        ),
        (lambda: with_values(Config(), {"seed.x": 1}), "unknown option 'seed.x'"),
        (lambda: Config(stps=3), "unknown option 'stps'"),
        (lambda: Config(sead=3), "unknown option 'sead'; did you mean 'seed'?"),
        (
            lambda: with_values(Config(), {"train.steps": "many"}),
            "train.steps takes a whole number",
        ),
        (lambda: with_values(Config(), {"seed": 1.5}), "seed takes a whole number, not 1.5."),
        (lambda: Config(seed="a"), "seed takes a whole number, not 'a'."),
        (lambda: Config(train={"steps": 3}), "train takes a Recipe, not {'steps': 3}; change"),
        (lambda: Config(method="mngnas", seed=True), "seed takes a whole number, not True."),
    ],
)
def test_what_is_no_option_or_of_another_type_is_refused_in_python(make, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        make()


# The name of a run --------------------------------------------------------------------------


def test_equal_values_have_equal_names_however_they_came_about():
    values = preset_values("smoke", "digits", "spos")
    by_preset = configured("--method", "spos", "--preset", "smoke")
    flags = [f"--{name.replace('_', '-')}={str(value).lower()}" for name, value in values.items()]
    by_flags = configured("--method", "spos", "--preset", "paper", *_undone("paper", flags))
    assert by_preset.run_name("t") == by_flags.run_name("t")


def _undone(preset, flags):
    """``flags`` with those before them that take back what ``preset`` changes."""
    defaults = dict(leaves(Config(method="spos").to_dict()))
    changed = preset_values(preset, "digits", "spos")
    return [f"--{name.replace('_', '-')}={defaults[name]}" for name in changed] + flags


def test_the_seed_is_in_the_name_and_not_in_its_hash():
    names = [configured("--seed", seed).run_name("t") for seed in ("0", "12")]
    assert names[0].endswith("-s0")
    assert names[1].endswith("-s12")
    assert names[0].rpartition("-")[0] == names[1].rpartition("-")[0]
    assert names[0].startswith("nb201-digits-mngnas-")


@pytest.mark.parametrize("method", list(METHODS))
def test_every_other_value_changes_the_name(method):
    config = Config(method=method)
    names = {config.run_name("t"), config.run_name("another table")}
    fixed = ("seed", "preset", "revision")
    values = {k: v for k, v in leaves(config.to_dict()) if k not in fixed}
    for name, value in values.items():
        other = {
            "options.pre_prob": "1,2",
            "options.base": "fairnas",
            "supernet.affine": "true",
        }.get(name, _another(value))
        if name == "method":  # whose options would be others
            changed = copy(config)
            object.__setattr__(changed, name, "spos" if method == "rsps" else "rsps")
        else:
            changed = with_values(config, {name: other})
        names.add(changed.run_name("t"))
    assert len(names) == len(values) + 2


def _another(value):
    """A value near by, which is allowed where ``value`` is."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 2
    return f"{value}x" if isinstance(value, str) else value / 2 or 0.5


# Limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--seed", "abc"),
        ("--seed", "-1"),
        ("--seed", "4294967296"),
        ("--train.steps", "0"),
        ("--train.steps", "1e3"),
        ("--train.batch-size", "0"),
        ("--train.lr", "nan"),
        ("--train.lr", "-0.1"),
        ("--train.lr", "inf"),
        ("--train.momentum", "1.5"),
        ("--train.weight-decay", "-1"),
        ("--train.clip", "-1"),
        ("--train.label-smoothing", "2"),
        ("--train-images", "-5"),
        ("--score.calibration-images", "0"),
        ("--score.batch-size", "0"),
        ("--score.images", "-1"),
        ("--search.population", "0"),
        ("--search.generations", "0"),
        ("--search.parents", "0"),
        ("--search.mutation-rate", "1.1"),
        ("--search.max-madds", "-1"),
        ("--supernet.width", "-4"),
        ("--supernet.cells", "-1"),
        ("--rank.architectures", "1"),
        ("--rank.architectures", "-1"),
        ("--rank.measure-found", "perhaps"),
        ("--options.retrain-lr", "nan"),
        ("--workers", "-1"),
        ("--threads", "-1"),
    ],
)
def test_impossible_values_are_refused_by_the_name_of_their_flag(flag, value):
    with pytest.raises(UsageError) as error:
        configured(flag, value)
    message = str(error.value)
    assert flag in message
    assert value.lower() in message.lower().replace(",", "")
    assert "\n" not in message


def test_how_runs_are_made_equal_is_one_of_four():
    assert configured().equalise == "compute"
    for equalise in ("images", "backwards", "seconds", "steps"):
        assert configured("--equalise", equalise).equalise == equalise
    with pytest.raises(UsageError, match="^--equalise: unknown 'epochs'; did you mean 'steps'"):
        configured("--equalise", "epochs")


def test_nesterov_needs_momentum():
    with pytest.raises(UsageError, match=r"--train.momentum above 0"):
        configured("--train.nesterov", "true", "--train.momentum", "0")


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_every_seed_within_the_limits_seeds_everything(seed):
    import numpy as np
    import torch

    assert Config(seed=seed).seed == seed
    torch.manual_seed(seed)
    np.random.default_rng([1, seed, 2])


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("--preset", "smok"), "smoke"),
        (("--method", "spso"), "spos"),
        (("--space", "nb21"), "nb201"),
        (("--task", "digit"), "digits"),
        (("--options.retrain_steps", "3"), "--options.retrain-steps"),
        (("--train.step", "3"), "--train.steps"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(arguments, meant):
    with pytest.raises(UsageError, match="did you mean") as error:
        configured(*arguments)
    assert f"'{meant}'" in str(error.value)


def test_an_option_that_came_later_is_recorded_where_it_is_used_and_changes_no_older_name():
    plain, other = (
        configured("--method", "ennas", *solver) for solver in ([], ["--options.solver", "cvxpy"])
    )
    assert "solver" not in plain.to_dict()["options"]
    assert other.to_dict()["options"] == plain.to_dict()["options"] | {"solver": "cvxpy"}
    assert other.run_name("truth") != plain.run_name("truth")


def test_options_of_another_method_are_unknown():
    assert configured("--options.kd", "none").options.kd == "none"
    with pytest.raises(UsageError, match="unknown option '--options.kd'"):
        configured("--method", "spos", "--options.kd", "none")


def test_a_configuration_made_in_python_has_the_options_of_its_method():
    assert Config(method="spos").options == options_class("spos")()
    with pytest.raises(UsageError, match="did you mean 'spos'"):
        Config(method="sops")


# The base of MNGNAS -------------------------------------------------------------------------------


def test_options_of_the_base_method_can_be_given():
    config = configured(
        *("--method", "mngnas", "--options.base", "fairnas"),
        *("--options.base.fairness", "expectation", "--options.kd", "none"),
    )
    assert config.options.base_options == FairNASOptions(fairness="expectation")
    assert config.options.kd == "none"
    assert config.to_dict()["options"]["base_options"]["fairness"] == "expectation"
    plain = configured("--method", "mngnas", "--options.base", "fairnas", "--options.kd", "none")
    assert plain.options.base_options == FairNASOptions()
    assert plain.run_name("t") != config.run_name("t")


def test_the_base_decides_which_options_it_has():
    assert configured("--method", "mngnas").options.base_options == SPOSOptions()
    with pytest.raises(UsageError, match="unknown option '--options.base.sampler'"):
        configured("--method", "mngnas", "--options.base", "mixpath", "--options.base.sampler", "x")
    with pytest.raises(UsageError, match="SPOSOptions are no options of --options.base fairnas"):
        MNGNASOptions(base="fairnas", base_options=SPOSOptions(reject_dead=True))
    assert replace(MNGNASOptions(), base="fairnas").base_options == FairNASOptions()


def test_values_of_one_preset_or_method_do_not_get_the_name_of_another():
    config = Config(method="spos", preset="smoke")
    assert with_values(config, {"preset": "smoke", "train.steps": 3}).train.steps == 3
    other = r"those of preset smoke.*Config\(preset='paper', \.\.\.\)"
    sentence = r"options of mngnas are MNGNASOptions, not SPOSOptions; .*Config\(method='mngnas'"
    for make in (replace, lambda config, **values: with_values(config, values)):
        with pytest.raises(UsageError, match=sentence):
            make(config, method="mngnas")
        with pytest.raises(UsageError, match=other):
            make(config, preset="paper")
        assert make(config, method="spos", preset="smoke", seed=3).seed == 3
    again = replace(config, seed=1)
    assert "values_of" not in repr(again) and "values_of" not in again.to_dict()
    with pytest.raises(UsageError, match=other):
        replace(again, preset="paper")
