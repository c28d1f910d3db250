"""Toy chains (:mod:`toy_chain.space`) with one fault each, for a suite that should find it."""

import numpy as np
import torch
from toy_chain.space import OPERATORS, ToyChain, ToyNetwork

from searchspaces.base import Cost

GENERATOR = torch.Generator().manual_seed(0)


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


class Misnamed(ToyChain):
    """Calls itself otherwise than it is registered."""

    name = "misnamed-chain"


class Few(ToyChain):
    """Draws the same architecture again and again."""

    name = "few"

    def sample(self, rng):
        return tuple(min(int(rng.integers(len(site.operators))), 0) for site in self.sites)


class AnyScale(ToyChain):
    """Takes any scale for its compact one."""

    name = "any-scale"

    def __init__(self, scale="compact", width=0, layers=0):
        super().__init__(scale if scale in self.scales else "compact", width, layers)


class Homebound(ToyChain):
    """Holds what cannot be pickled."""

    name = "homebound"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.key = lambda arch: arch


class Mirrored(ToyChain):
    """Reads from the other end."""

    name = "mirrored"

    def decode(self, text):
        return super().decode(text)[::-1]


class Lists(ToyChain):
    """Mutates to genes of numpy's own type."""

    name = "lists"

    def mutate(self, arch, rng, rate=0.1):
        return tuple(map(np.int64, super().mutate(arch, rng, rate)))


class Costless(ToyChain):
    """Computes a cost and keeps it to itself."""

    name = "costless"

    def cost(self, arch, image):
        super().cost(arch, image)


class Shrinking(ToyChain):
    """Its 3x3 convolutions do without padding."""

    name = "shrinking"

    def supernet(self, image, *, affine=False):
        network = super().supernet(image, affine=affine)
        for layer in network.layers:
            layer["2"][0].padding = 0, 0
        return network


class Merging(ToyChain):
    """Takes 1x1 and 3x3 convolutions for the same."""

    name = "merging"

    def canonical(self, arch):
        return super().canonical(arch).replace("2", "1")


class Deputed(ToyChain):
    """Has its first operator stand for all of the first site."""

    name = "deputed"

    def representative(self, arch):
        return (0, *arch[1:])


class Still(ToyChain):
    """Mutates at any rate."""

    name = "still"

    def mutate(self, arch, rng, rate=0.1):
        return self.neighbour(arch, rng)


class AllValid(ToyChain):
    """Takes whatever has three genes."""

    name = "all-valid"

    def is_valid(self, arch):
        return len(arch) == len(self.sites)

    def decode(self, text):
        arch = super().decode(text)
        super().decode("".join(map(str, arch)))
        return arch


class OneKey(ToyChain):
    """Takes all architectures for isomorphic."""

    name = "one-key"

    def canonical(self, arch):
        return "chain"


class Reversed(ToyChain):
    """Takes its largest architecture for the smallest."""

    name = "reversed"

    def extremes(self, image, starts=4):
        return super().extremes(image, starts)[::-1]


class Small(ToyChain):
    """Counts itself wrong."""

    name = "small"
    size = 5


class Taciturn(ToyChain):
    """Describes the first operator only, and tells others apart by their number."""

    name = "taciturn"

    def describe(self, arch):
        return [super().describe(arch)[0], f"number: {self.encode(arch)}"]


class Scalar(ToyChain):
    """Its stand-alone networks say that they have two stages."""

    name = "scalar"

    def standalone(self, arch, image):
        network = super().standalone(arch, image)
        features = network.features

        def doubled(*given):
            stages, logits = features(*given)
            return [*stages, *stages], logits

        network.features = doubled
        network.forward = lambda x, path=None: features(x, path)[1]
        return network


class Unseeded(ToyChain):
    """Initialises its supernet from a generator of its own."""

    name = "unseeded"

    def supernet(self, image, *, affine=False):
        network = super().supernet(image, affine=affine)
        with torch.no_grad():
            network.classifier.weight.normal_(generator=GENERATOR)
        return network


class Blind(ToyChain):
    """Lets a hook have no more than the operator of the path."""

    name = "blind"

    def supernet(self, image, *, affine=False):
        return BlindNetwork(self.width, image, [OPERATORS] * len(self.sites), affine)


class BlindNetwork(ToyNetwork):
    def stage(self, index, state, path=None, hook=None):
        (x,) = state
        for site, gene in enumerate(self.fixed_path if path is None else path):
            held = self.layers[site]
            chosen = held[str(gene)]
            x = chosen(x) if hook is None else hook(site, [chosen] * (len(held) + 1), x)
        return (x,)


class Secretive(ToyChain):
    """Keeps a part of its weights out of its state."""

    name = "secretive"

    def supernet(self, image, *, affine=False):
        return SecretiveNetwork(self.width, image, [OPERATORS] * len(self.sites), affine)


class SecretiveNetwork(ToyNetwork):
    def __init__(self, *given):
        super().__init__(*given)
        self.register_buffer("secret", torch.rand(self.width), persistent=False)

    def finish(self, state):
        return super().finish((state[-1] * self.secret[None, :, None, None],))

    def subnet(self, arch):
        network = super().subnet(arch)
        network.secret = self.secret.clone()
        return network


class Sharing(ToyChain):
    """Its subnets hold the supernet's classifier itself."""

    name = "sharing"

    def supernet(self, image, *, affine=False):
        return SharingNetwork(self.width, image, [OPERATORS] * len(self.sites), affine)


class SharingNetwork(ToyNetwork):
    def subnet(self, arch):
        network = super().subnet(arch)
        network.classifier.weight.data = self.classifier.weight.data
        return network


class Broken(ToyChain):
    """Cannot be made."""

    name = "broken"

    def __init__(self, *arguments):
        raise ValueError("no layers")


class Misspelt(ToyChain):
    """Means another neighbour, which nobody asks for."""

    name = "misspelt"

    def neighbor(self, arch, rng):
        return arch
