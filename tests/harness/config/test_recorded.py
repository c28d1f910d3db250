"""The configuration of a finished run is read back as it was."""

import json

import pytest

from harness.config.config import Config, with_values
from harness.config.presets import PRESETS
from harness.config.recorded import recorded_config
from methods.registry import METHODS, SCORERS
from searchspaces.errors import UsageError


def through_json(config):
    return recorded_config(json.loads(json.dumps(config.to_dict())))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_method_under_every_preset(preset):
    for method in [*METHODS, *SCORERS]:
        for task in ("digits", "cifar10"):
            config = Config(method=method, preset=preset, task=task)
            assert through_json(config) == config


def test_options_that_are_left_out_of_a_record_have_their_default_not_the_presets():
    config = Config(method="spos", task="cifar10", preset="laptop")
    assert config.supernet.scale == "proxy"
    values = {"supernet.scale": "truth", "supernet.resolution": 0, "seed": 7, "cutout": 0}
    changed = with_values(config, values)
    assert "scale" not in changed.to_dict()["supernet"]
    assert through_json(changed) == changed
    changed = with_values(changed, {"accelerate.tf32": True, "truth": "cifar10", "cutout": 8})
    assert through_json(changed) == changed


def test_the_options_of_a_base():
    config = Config(method="mngnas", preset="smoke")
    config = with_values(config, {"options.base": "mixpath"})
    config = with_values(config, {"options.base_options.paths": 3, "options.kd": "single"})
    assert through_json(config) == config


def test_files_that_have_changed_and_damage_are_refused(tmp_path):
    source = tmp_path / "my_recorded.py"
    source.write_text(
        "from methods.spos import SPOS, SPOSOptions\n\n\n"
        "class Mine(SPOS):\n    Options = SPOSOptions\n"
    )
    tree = Config(method=f"{source}:Mine", preset="smoke").to_dict()
    assert recorded_config(tree).method == f"{source}:Mine"
    source.write_text(source.read_text() + "\n")
    with pytest.raises(UsageError, match="my_recorded.py:Mine is not what it was when the run"):
        recorded_config(tree)
    with pytest.raises(UsageError, match=r"configuration is damaged \(KeyError: 'space'\)"):
        recorded_config({"preset": "smoke", "method": "spos", "task": "digits"})
