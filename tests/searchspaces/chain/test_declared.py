"""What no chain can be made of is refused where it is written, in a sentence."""

import pytest

from searchspaces.chain.blocks import Identity, MBConv, Shuffle
from searchspaces.chain.convolutions import Conv
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace
from searchspaces.errors import UsageError

OPERATORS = (Identity(project=True), MBConv(3, 2))
SKELETON = Skeleton(stem=4, stride=1, stages=(Stage(4, 2, 2),), head=8)
GIVEN = {"name": "mine", "operators": OPERATORS, "skeletons": {"compact": SKELETON}}


def define(**given):
    kept = {name: value for name, value in (GIVEN | given).items() if value is not None}
    return type("Mine", (ChainSpace,), kept)


def test_a_chain_of_operators_and_skeletons_is_defined():
    assert define().scales == ("compact",)
    assert define(operators=list(OPERATORS))("compact").sites[0].operators == ("identity", "k3e2")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"operators": None}, r"Mine gives no operators; they are a tuple of operators, such as"),
        ({"operators": ()}, r"operators of Mine are a tuple of operators, .*, not \(\)\.$"),
        ({"operators": MBConv(3, 2)}, r"not MBConv\(kernel=3, expansion=2\)\.$"),
        ({"operators": (MBConv,)}, r"not <class 'searchspaces.chain.blocks.MBConv'>\.$"),
        ({"operators": OPERATORS * 2}, r"^Mine has the operator identity 2 times; once is enough"),
        ({"skeletons": None}, r'Mine gives no skeletons; .* as {"compact": Skeleton\(\.\.\.\)}\.$'),
        ({"skeletons": SKELETON}, r"skeletons of Mine are a dict .*, not Skeleton\(stem=4, .*…\.$"),
        ({"skeletons": {"compact": Stage(4, 2, 2)}}, r"skeletons of Mine are a dict"),
    ],
)
def test_what_is_none_is_refused(given, sentence):
    with pytest.raises(UsageError, match=sentence):
        define(**given)


@pytest.mark.parametrize("stages", [Stage(4, 2, 2), (), ((4, 2, 2),)])
def test_stages_are_a_tuple_of_stages(stages):
    with pytest.raises(UsageError, match=r"^the stages of a Skeleton are a tuple, such as \(Stage"):
        Skeleton(stem=4, stride=1, stages=stages, head=8)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: MBConv(4, 2), "MBConv is an odd number, not 4"),
        (lambda: Shuffle(2), "Shuffle is an odd number, not 2"),
        (lambda: Conv(3, 3, 0), "a convolution is an odd number, not 0"),
    ],
)
def test_a_kernel_is_odd(make, what):
    with pytest.raises(UsageError, match=f"^the kernel of {what}.$"):
        make()


def test_an_expansion_is_one_at_least():
    with pytest.raises(UsageError, match="^the expansion of MBConv is at least 1, not 0.$"):
        MBConv(3, 0)
