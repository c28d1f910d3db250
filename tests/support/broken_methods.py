"""SPOS with one fault each, for a suite that should find it."""

from itertools import count

import torch
from torch.nn.functional import cross_entropy

from methods.spos import SPOS
from searchspaces.errors import UsageError


class Nameless(SPOS):
    """Refuses every space without saying which."""

    def __init__(self, setting, options):
        raise UsageError("this method cannot work there.")


class Amnesiac(SPOS):
    """Forgets the momentum of its optimiser."""

    def load_state_dict(self, state):
        momentum = state["optimizer"] | {"state": {}}
        super().load_state_dict(state | {"optimizer": momentum})


class Infinite(SPOS):
    """Reports a loss that is not finite."""

    def train_step(self, step):
        return super().train_step(step) | {"loss": torch.tensor(torch.inf)}


class Costly(SPOS):
    """Takes two paths in each step and declares one."""

    def sample_paths(self, rng):
        return super().sample_paths(rng) * 2


class Peeking(SPOS):
    """Trains on images for validation, now and then."""

    def path_loss(self, path, batch):
        return super().path_loss(path, next(self.data.batches("val", len(batch[1]))))


class Uncounted(SPOS):
    """Passes each batch twice and counts it once."""

    def path_loss(self, path, batch):
        return super().path_loss(path, batch) + super().path_loss(path, batch)


class Schooled(SPOS):
    """Scores by the images that it has trained on."""

    def score(self, archs):
        x, y = next(self.data.batches("train", 64))
        networks = (self.supernet.subnet(arch).eval() for arch in archs)
        losses = (cross_entropy(network(x), y) for network in networks)
        return -torch.stack([loss.detach() for loss in losses]).double().numpy()


class Unlimited(SPOS):
    """Finds the largest architecture, whatever the limit is."""

    def found(self):
        return tuple(len(site.operators) - 1 for site in self.space.sites)


class Sociable(SPOS):
    """Scores an architecture by the best of its company."""

    def score(self, archs):
        scores = super().score(archs)
        return scores + scores.max() + torch.arange(len(archs)).numpy()


class Remembering(SPOS):
    """Scores by the losses of its training too, which no state has."""

    total = 0.0

    def train_step(self, step):
        told = super().train_step(step)
        self.total += told["loss"].item()
        return told

    def score(self, archs):
        return super().score(archs) + self.total * torch.tensor([a[0] for a in archs]).numpy() / 9


class Restless(SPOS):
    """Moves a weight when it scores."""

    def score(self, archs):
        scores = super().score(archs)
        with torch.no_grad():
            self.supernet.classifier.bias += torch.ones(()) / 8
        return scores


class Wordless(SPOS):
    """Notes numbers."""

    _numbers = count()

    def notes(self):
        return [next(self._numbers)]


class Misspelling(SPOS):
    """Means another sampler, which nobody calls."""

    def sample_path(self, rng):
        return []
