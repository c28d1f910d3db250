"""Scorers timed with and without looking once at networks that compute the same."""

import json

import pytest

from harness.benchmarks.scorers import render
from harness.commands.bench import main
from searchspaces.errors import UsageError

QUICK = ["scorers", "--space", "nb201", "--architectures", "300", "--repeats", "2"]


def test_networks_looked_at_are_counted_and_scores_the_same(capsys):
    main([*QUICK, "--method", "flops", "synflow", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["space"], found["scale"], found["repeats"]) == ("nb201", "compact", 2)
    assert list(found["scorers"]) == ["flops", "synflow"]
    flops, synflow = found["scorers"].values()
    # chunks share nothing with each other, so that some networks are looked at twice
    assert flops["networks"] == found["architectures"] > synflow["networks"] > 150
    for one in (flops, synflow):
        assert one["largest_difference"] == 0
        assert all(seconds > 0 for seconds in [*one["network"], *one["whole"]])
        assert one["ratio"]["low"] <= one["ratio"]["mean"] <= one["ratio"]["high"]


def test_what_was_measured_is_told():
    ratio = {"mean": 3.0, "sd": 0.5, "interval": (2.5, 3.5), "low": 2.6, "high": 3.4}
    one = {
        "networks": 5008,
        "network": [0.021, 0.0195],
        "whole": [300.0, 90.0],
        "ratio": ratio,
        "largest_difference": 0.0,
    }
    other = one | {"networks": 15_284, "whole": [60.0, 60.0], "largest_difference": 0.25}
    result = {"architectures": 15_284, "space": "nb201", "scale": "compact", "device": "a CPU"}
    result |= {"repeats": 3, "chunks": 2, "scorers": {"synflow": one, "l2": other}}
    lines = [" ".join(line.split()) for line in render(result).splitlines()]
    told = "3.00 ± 0.50, 95 % interval 2.50 to 3.50, from 2.60 to 3.40"
    assert lines == [
        "15,284 architectures of nb201 (compact), a CPU, one thread; chunks timed: 6",
        "ms a network networks CPU minutes each alone ratio",
        f"synflow 19.5 5,008 1.5 5.0 {told}",
        f"l2 19.5 15,284 1.0 1.0 {told}",
        "all of these: 2.5 CPU minutes",
        "largest difference of scores of a network that is looked at both ways 0.25",
    ]


@pytest.mark.parametrize("name", ["ensemble", "spos", "synflo"])
def test_what_is_no_scorer_of_networks_is_refused(name):
    with pytest.raises(UsageError, match=f"{name} is no scorer of networks"):
        main([*QUICK, "--method", name])
