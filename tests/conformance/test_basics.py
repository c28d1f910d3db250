"""What is wrong with the basics of a space is said once, and nothing else is asked of it."""

import re

import pytest
from torch import nn

from harness.conformance.command import main
from harness.conformance.suite import check_space
from searchspaces.base import Site
from searchspaces.chain.blocks import Identity, MBConv, Operator
from searchspaces.chain.convolutions import Conv
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace
from searchspaces.registry import SPACES


class Chain(ChainSpace):
    """Two layers, without a fault."""

    name = "faulty"
    operators = (Identity(project=True), MBConv(3, 2))
    skeletons = {"compact": Skeleton(4, 1, (Stage(4, 2, 2),), head=8)}


class Unmade(Chain):
    def __init__(self, scale):
        super().__init__(scale)


class Endless(Chain):
    def encode(self):
        return "0"


class Wordy(Chain):
    def sample(self, rng):
        return list(super().sample(rng))


class Costless(Chain):
    def cost(self, arch, image):
        super().cost(arch, image)


class Failing(Chain):
    def standalone(self, arch, image):
        return super().standalone(arch[0], image)


class Unsited(Chain):
    def __init__(self, *given):
        super().__init__(*given)
        self.sites = [site.operators for site in self.sites]


class Doubled(Chain):
    def __init__(self, *given):
        super().__init__(*given)
        self.sites = (Site("layer 0", ("skip", "conv", "conv")),)


class Plain(Operator):
    """A convolution that forgets its padding, or its channels."""

    name = "plain"

    def __init__(self, channels=0):
        self.channels = channels

    def branches(self, shape):
        return ((Conv(shape.c_in, shape.c_out, 3, shape.stride),),)

    def build(self, shape, affine, activation):
        return nn.Conv2d(self.channels or shape.c_in, shape.c_out, 3, shape.stride)


class Shrinking(Chain):
    operators = (*Chain.operators, Plain())


class Narrow(Chain):
    operators = (*Chain.operators, Plain(channels=3))


class Single(Chain):
    operators = (MBConv(3, 2),)


class Unfit(Chain):
    """No operator for its first layer, which halves images."""

    operators = (Identity(),)


@pytest.fixture
def sentences(monkeypatch):
    """``sentences(kind)``: what is found about a space."""

    def found(kind):
        monkeypatch.setitem(SPACES._targets, "faulty", f"{__name__}:{kind.__name__}")
        return [finding.sentence for finding in check_space("faulty")]

    return found


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            Unmade,
            r"made by scale, width and cells, as the harness makes it, it fails: TypeError: "
            r".* takes 2 positional arguments but 4 were given\.",
        ),
        (Unsited, r"its sites are the list .*; a tuple of Site\(name, operators\) is due\."),
        (Single, r"faulty is one architecture alone, as no site of it has a second operator; .*"),
        (Unfit, r"layer 0 of faulty has no operator, as none is given or none fits there; .*"),
        (Doubled, r"layer 0 has an operator twice: skip, conv, conv\."),
        (
            Wordy,
            r"sample \(test_basics\.py, line \d+\) gives the list \[.*\]; a tuple with an int, the "
            r"number of an operator, of each site is due\.",
        ),
        (
            Endless,
            r"encode \(test_basics\.py, line \d+\) is written as encode\(self\); write "
            r"encode\(self, arch\)\.",
        ),
        (
            Costless,
            r"cost \(test_basics\.py, line \d+\) gives nothing; a Cost\(params, madds\) of two "
            r"ints is due\.",
        ),
        (Failing, r"standalone fails: TypeError in .*, line \d+: 'int' object is not iterable\."),
        (
            Shrinking,
            r"operators of layer 0 give other shapes than each other of what is \[8, 4, 12, 12\]: "
            r"\[8, 4, 6, 6\] of identity, k3e2, \[8, 4, 5, 5\] of plain\.",
        ),
        (
            Narrow,
            r"operator plain of layer 0 fails on what is \[8, 4, 12, 12\]: Given groups=1, weight of "
            r"size \[4, 3, 3, 3\], expected input.* to have 3 channels, but got 4 channels instead\.",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(sentences, kind, sentence):
    (found,) = sentences(kind)
    assert re.fullmatch(sentence, found), found


def test_no_method_is_tried_on_a_space_whose_basics_are_broken(sentences, capsys):
    assert len(sentences(Costless)) == 1
    assert main(["--space", "faulty", "--method", "spos"]) == 1
    told = capsys.readouterr()
    assert told.out.count("\n") == 1
    assert told.err.splitlines() == [
        "faulty: see below",
        "spos on faulty: not tried, as the space is broken",
        "1 promise broken.",
    ]
