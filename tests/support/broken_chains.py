"""Toy chains (:mod:`toy_chain.space`) with one fault each, for a suite that should find it."""

import numpy as np
from toy_chain.space import OPERATORS, ToyChain, ToyNetwork

from searchspaces.base import Cost


class WrongCost(ToyChain):
    """Forgets the classifier's bias."""

    name = "wrong-cost"

    def cost(self, arch, image):
        cost = super().cost(arch, image)
        return Cost(cost.params - image.classes, cost.madds)


class GlobalDraws(ToyChain):
    """Draws from numpy's global generator."""

    name = "global-draws"

    def sample(self, rng):
        return tuple(int(np.random.randint(len(site.operators))) for site in self.sites)


class Lenient(ToyChain):
    """Reads any string."""

    name = "lenient"

    def decode(self, text):
        return tuple("012".find(digit) for digit in text)


class Forgetful(ToyChain):
    """Its subnets start from fresh weights."""

    name = "forgetful"

    def supernet(self, image, *, affine=False):
        return ForgetfulNetwork(self.width, image, [OPERATORS] * len(self.sites), affine)


class ForgetfulNetwork(ToyNetwork):
    def subnet(self, arch):
        choices = [(gene,) for gene in arch]
        return ToyNetwork(self.width, self.image, choices, self.affine).train(self.training)


class Leaky(ToyChain):
    """Reaches all its weights, with a gradient of zero: momentum and weight decay move them."""

    name = "leaky"

    def supernet(self, image, *, affine=False):
        return LeakyNetwork(self.width, image, [OPERATORS] * len(self.sites), affine)


class LeakyNetwork(ToyNetwork):
    def finish(self, state):
        return super().finish(state) + 0 * sum(weight.sum() for weight in self.parameters())
