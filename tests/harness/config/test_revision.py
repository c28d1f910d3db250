"""Runs of a method from before a change of it are other runs."""

import pytest

from harness.config.config import Config
from harness.config.recorded import recorded_config
from harness.running.assembly import training_identity
from methods.registry import METHODS
from methods.spos import SPOS
from searchspaces.registry import SPACES


def test_a_change_of_a_method_gives_its_runs_and_supernets_another_name(monkeypatch):
    config, space = (
        Config.from_preset("smoke", method="spos", space="nb201"),
        SPACES["nb201"]("compact"),
    )
    before = config.run_name("table"), training_identity(config, space, 100)
    assert "revision" not in config.to_dict() and "revision" not in before[1]
    monkeypatch.setattr(SPOS, "revision", 2)
    assert config.to_dict()["revision"] == training_identity(config, space, 100)["revision"] == 2
    assert (
        config.run_name("table") != before[0] and training_identity(config, space, 100) != before[1]
    )
    assert recorded_config(config.to_dict()) == config


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_that_part_their_images_and_what_changed_since_are_of_later_revisions(name):
    """What was parted in stored order had half of the classes in each half."""
    parted = [
        "darts",
        "gdas",
        "darts-",
        "pc-darts",
        "p-darts",
        "proxylessnas",
        "fbnet",
        "setn",
        "enas",
        "greedynas",
    ]
    later = dict.fromkeys(parted, 2) | {"fairdarts": 3, "sumnas": 2, "rlnas": 2}
    assert METHODS[name].revision == later.get(name, 1)
