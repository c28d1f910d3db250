"""What is told of a configuration where nothing beside it makes it differ."""

from pathlib import Path

import pytest

from harness.config.config import Config
from reports.runs.configuration import configurations, told_apart, told_of_all
from reports.runs.record import Record


@pytest.fixture
def groups(make_record):
    """Of methods with changes, by dotted names, of what the preset laptop has."""

    def make(*runs):
        records = []
        for method, changes in runs:
            config = Config.from_preset("laptop", method=method, space="nb201", task="cifar10")
            tree = config.to_dict()
            for name, value in changes.items():
                *branch, leaf = name.split(".")
                inside = tree
                for key in branch:
                    inside = inside[key]
                inside[leaf] = value
            content = make_record(method, 0)
            content["config"] = tree
            records.append(Record(Path(method), content))
        return configurations(records)

    return make


def test_what_is_other_than_its_preset_is_told(groups):
    """Also of the only configuration of a method; what its search alone is, is not of its τ."""
    changes = {"train.schedule": "constant", "search.population": 3}
    found = groups(("spos", changes), ("fairnas", {"train_images": 500}), ("cream", {}))
    by_method = dict(zip([g.method["method"] for g in found], told_apart(found), strict=True))
    assert by_method["spos"] == "supernet.scale proxy, train.schedule constant"
    assert by_method["fairnas"] == "supernet.scale proxy, train_images 500"
    assert by_method["cream"] == "supernet.scale proxy"
    assert told_of_all(found) == ["supernet.scale proxy"]


def test_what_all_have_that_no_preset_has_is_said_once(groups):
    found = groups(("spos", {"train.lr": 0.7}), ("fairnas", {"train.lr": 0.7}))
    assert told_of_all(found) == ["supernet.scale proxy", "train.lr 0.7"]
    assert told_apart(found, told_of_all(found)) == ["", ""]


def test_of_a_preset_that_is_not_known_nothing_is_other(groups):
    (found,) = groups(("spos", {"train.lr": 0.7, "preset": "another"}))
    assert told_apart([found]) == ["supernet.scale proxy"]
