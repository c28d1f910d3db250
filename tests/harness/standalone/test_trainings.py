"""Trainings side by side: shared out, begun again, and on the devices that there are."""

import pytest
import torch

from harness.jobs.devices import Devices
from harness.jobs.executor import Event
from harness.standalone import trainings
from harness.standalone.trainings import TrainingShare, train_jobs, train_standalone
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE, RECIPE = NASBench201("compact", width=2), StandaloneRecipe(epochs=1)


@pytest.mark.parametrize(
    ("trainings", "slots", "size"), [(1000, 2, 16), (100, 4, 3), (5, 2, 1), (300, 0, 16)]
)
def test_jobs_are_of_several_trainings_each_of_which_is_in_one(trainings, slots, size):
    jobs = tuple(((number,), seed) for number in range(trainings // 5) for seed in range(5))
    shares = TrainingShare(SPACE, "digits", None, RECIPE, jobs).shared_out(slots)
    assert [len(share.trainings) for share in shares[:-1]] == [size] * (len(shares) - 1)
    assert sum((share.trainings for share in shares), ()) == jobs
    left = shares[0].without(jobs[0])
    assert left.trainings == shares[0].trainings[1:] and left.recipe == RECIPE


class Mortal:
    """Two processes, each of which ends before its last training; started again, it does all."""

    slots = 2

    def __init__(self, error=""):
        self.begun, self.waiting, self.running, self.error = {}, [], set(), error

    def start(self, name, share):
        dies = name not in self.begun
        self.begun.setdefault(name, []).append(share.trainings)
        self.running.add(name)
        assert len(self.running) <= self.slots
        for training in share.trainings[: -1 if dies else None]:
            self.waiting.append(Event(name, result=(training, {"val": 1.0})))
        self.waiting.append(Event(name, ended=not self.error, error=self.error, again=dies))

    def events(self, seconds):
        told, self.waiting = self.waiting, []
        for event in told:
            self.running -= {event.job} if event.ended else set()
            yield event


def test_a_job_that_ended_too_early_goes_on_with_what_is_left_of_it():
    executor, jobs = Mortal(), [((number,), 0) for number in range(32)]
    given = (SPACE, "digits", RECIPE, jobs)
    found = list(train_jobs(*given, executor, None, Devices("cpu")))
    assert sorted(found) == [(job, {"val": 1.0}) for job in jobs]
    assert executor.begun["trainings-3"] == [tuple(jobs[6:8]), tuple(jobs[7:8])]
    assert len(executor.begun) == 16 and not executor.running
    with pytest.raises(UsageError, match="^it diverged$"):
        list(train_jobs(*given, Mortal("it diverged"), None, Devices("cpu")))


def test_trainings_are_spread_over_gpus():
    class Noting(Mortal):
        def start(self, name, share):
            given.append(share.device)
            super().start(name, share)

    given, jobs = [], [((number,), 0) for number in range(4)]
    both = Devices("cuda:0", "cuda:1")
    list(train_jobs(SPACE, "digits", RECIPE, jobs, Noting(), None, both))
    assert given[:2] == ["cuda:0", "cuda:1"] and len(given) == 8  # each begun twice
    assert given.count("cuda:0") == given.count("cuda:1") == 4


@pytest.mark.parametrize(("named", "seconds"), [("cuda:1", 2.5), ("cpu", 0.25)])
def test_a_training_is_on_the_device_that_its_share_names(monkeypatch, named, seconds):
    """A GPU is timed on the wall, a core by what it computes."""
    moved, trained, wall, core = [], [], iter([10.0, 12.5]), iter([1.0, 1.25])

    class Images:
        def to(self, device):
            moved.append(device)
            return self

    def train(space, arch, images, recipe, seed, device):
        trained.append((type(images), device))
        return {"val": 1.0, "test": 2.0}

    monkeypatch.setattr(trainings, "load_task", lambda name, data: Images())
    monkeypatch.setattr(trainings, "use_device", torch.device)
    monkeypatch.setattr(trainings, "train_standalone", train)
    monkeypatch.setattr(trainings, "monotonic", lambda: next(wall))
    monkeypatch.setattr(trainings, "process_time", lambda: next(core))
    share = TrainingShare(SPACE, "digits", None, RECIPE, (((1,), 0),), named)
    [(_, result)] = share(lambda *_: None)
    device = torch.device(named)
    assert (moved, trained) == ([device], [(Images, device)])
    assert result["seconds"] == seconds


def test_a_network_is_trained_where_its_images_are(monkeypatch):
    given = []

    def stop(*arguments):
        given.append(arguments)
        raise InterruptedError

    monkeypatch.setattr(trainings, "trained", stop)
    images = object()
    with pytest.raises(InterruptedError):
        train_standalone(SPACE, (0,) * 6, images, RECIPE, 3, "cuda:1")
    assert given == [(SPACE, (0,) * 6, images, RECIPE.training(), 3, "cuda:1")]
