from itertools import product

import pytest

from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from searchspaces.base import Cost, ImageSpec
from searchspaces.chain.macro import NASBenchMacro
from searchspaces.errors import UsageError

CIFAR = ImageSpec(channels=3, size=32, classes=10)
KEYS = ["".join(key) for key in product("012", repeat=8)]


@pytest.mark.parametrize("scale", NASBenchMacro.scales)
def test_3969_of_6561_keys_are_distinct(scale):
    space = NASBenchMacro(scale)
    assert [space.encode(space.decode(key)) for key in KEYS] == KEYS
    assert len({space.canonical(space.decode(key)) for key in KEYS}) == 3969


def test_zeros_move_to_the_end_of_their_stage_but_never_from_its_front():
    space = NASBenchMacro()
    for key, expected in {
        "00000000": "00000000",
        "01001002": "01010020",
        "10020201": "10020210",
        "22212202": "22212220",
        "00102012": "00120012",
    }.items():
        assert space.canonical(space.decode(key)) == expected


def test_where_every_layer_changes_the_shape_none_moves():
    space = NASBenchMacro("compact", layers=1)
    keys = [f"{a}{b}{c}" for a in range(3) for b in range(3) for c in range(3)]
    assert [space.canonical(space.decode(key)) for key in keys] == keys


def test_the_smallest_network_by_hand():
    """Stem 3x3, three 1x1 convolutions with stride 2, 1x1 to 1,280, classifier."""
    convolutions = [(9 * 3 * 32, 32, 32), (32 * 64, 64, 16), (64 * 128, 128, 8)]
    convolutions += [(128 * 256, 256, 4), (256 * 1280, 1280, 4)]
    params = sum(weights + 2 * channels for weights, channels, _ in convolutions)
    madds = sum(weights * side * side for weights, _, side in convolutions)
    expected = Cost(params + 1280 * 10 + 10, madds + 1280 * 10)
    assert expected == Cost(387_882, 7_713_280)
    space = NASBenchMacro()
    assert space.cost(space.decode("00000000"), CIFAR) == expected


@pytest.mark.parametrize("text", ["", "0000000", "000000000", "00000003", "0000000٣", "-0000000"])
def test_other_strings_are_refused(text):
    with pytest.raises(
        UsageError, match="no architecture of macro: .* 8 layers, at most '22222222'"
    ):
        NASBenchMacro().decode(text)


@pytest.fixture(scope="module")
def benchmark():
    return Table.load(EMBEDDED / "macro-benchmark-cifar10.parquet")


def test_cost_is_the_benchmarks_own_for_all_keys(benchmark):
    space = NASBenchMacro()
    assert benchmark.archs == KEYS
    for key, *numbers in zip(KEYS, benchmark.params, benchmark.madds, strict=True):
        assert space.cost(space.decode(key), CIFAR) == Cost(*numbers)


def test_equal_canonical_keys_share_one_training(benchmark):
    """The benchmark says the same of two keys exactly where they are one network here."""
    space, trained = NASBenchMacro(), {}
    trials = [benchmark.accuracy("test", seed=seed) for seed in range(3)]
    for key, *numbers in zip(KEYS, *trials, benchmark.params, benchmark.madds, strict=True):
        numbers = tuple(numbers)
        assert trained.setdefault(space.canonical(space.decode(key)), numbers) == numbers
    assert len(set(trained.values())) == len(trained) == 3969
