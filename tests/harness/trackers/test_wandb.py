"""What Weights & Biases is asked for online, where nobody is in a test; test_services has the rest."""

import sys
from types import SimpleNamespace

import pytest

from harness.trackers.wandb import WeightsAndBiases


class Made:
    """A run that the service has up to a step."""

    def __init__(self, starting_step):
        self.starting_step, self.logged, self.metrics = starting_step, [], []

    def define_metric(self, name, step_metric):
        self.metrics.append((name, step_metric))

    def log(self, values, step):
        self.logged.append((step, values))


@pytest.fixture
def begun(monkeypatch, tmp_path):
    def begin(mode, starting_step):
        asked, made = {}, Made(starting_step)
        package = SimpleNamespace(
            Settings=dict,
            setup=lambda: SimpleNamespace(settings=SimpleNamespace(mode=mode)),
            init=lambda **given: asked.update(given) or made,
        )
        monkeypatch.setitem(sys.modules, "wandb", package)
        tracker = WeightsAndBiases()
        tracker.begin("the-run", tmp_path, {"seed": 3})
        for number, loss in enumerate([4.0, 2.0, 1.0]):
            tracker.log(number, 10 * number, {"train/loss": loss})
        return asked, made

    return begin


def test_online_it_resumes_and_leaves_out_what_the_service_has(begun):
    asked, made = begun("online", 2)
    assert (asked["id"], asked["resume"]) == ("the-run", "allow")
    assert made.logged == [(2, {"train/loss": 1.0, "train/step": 20})]
    assert made.metrics == [("train/*", "train/step")]


@pytest.mark.parametrize("mode", ["offline", "dryrun"])
def test_offline_it_begins_the_same_run_anew(begun, mode):
    asked, made = begun(mode, 0)
    assert (asked["id"], asked["resume"]) == ("the-run", None)
    assert [step for step, _ in made.logged] == [0, 1, 2]
