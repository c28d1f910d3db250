"""Benchmarks: both sides give the same, and what is printed is what was measured."""

import json

import numpy as np
import pytest
import torch

from harness.benchmarks.measuring import Ratio, most_held
from harness.benchmarks.ranking import choose, seen_images
from harness.commands.bench import BENCHMARKS, main
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

QUICK = ["--architectures=40", "--chunks=2", "--repeats=2", "--images=6", "--batch-size=4"]


@pytest.mark.slow
@pytest.mark.parametrize("bn", ["recalibrate", "running"])
def test_ranking_is_measured_on_the_same_architectures(bn, capsys):
    main(["ranking", *QUICK, "--bn", bn, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["largest_difference"] == 0
    assert result["architectures"] == 40
    timed, blocks, ratio = result["timed"], result["block_evaluations"], result["ratio"]
    assert (timed["chunks"], timed["architectures"]) == (4, 32)  # chunks of eight
    assert timed["together"] > 0 and timed["one_by_one"] > 0
    low, high = ratio["low"], ratio["high"]  # of two repeats
    assert ratio["mean"] == pytest.approx((low + high) / 2) and low <= high
    assert ratio["sd"] == pytest.approx((high - low) / 2**0.5)
    assert 40 <= blocks["distinct"] <= blocks["in_chunks"] < blocks["one_by_one"] <= 40 * 8
    between_blocks = 8 * 12 * 12 + 36 * (2 * 8 + 3 * 12 + 3 * 16)
    batch = 6 if bn == "recalibrate" else 4
    assert 1 < result["held_mb"] / (4 * batch * between_blocks / 1e6) < 4


@pytest.mark.slow
@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
def test_cells_are_ranked_by_subnets(bn, capsys):
    given = ["--architectures=40", "--chunks=0", "--repeats=1", "--images=6", "--batch-size=4"]
    main(["ranking", *given, "--calibration-images=8", "--space=nb201", "--bn", bn, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["largest_difference"] == 0
    assert result["timed"]["architectures"] == 40
    assert result["timed"]["subnets"] == result["whole"]["subnets"] == 38
    for way in ("one_by_one", "together"):  # all chunks were timed
        assert result["whole"][way] == pytest.approx(40 * result["timed"][way])
    assert result["block_evaluations"] is None
    tensor = 4 * (8 if bn == "recalibrate" else 4) * 8 * 12 * 12 / 1e6
    assert 4 * tensor < result["held_mb"] < 30 * tensor


@pytest.mark.slow
def test_all_chunks_and_text(capsys):
    main(["ranking", *QUICK, "--space", "shufflenet", "--chunks", "0", "--repeats", "1"])
    printed = capsys.readouterr().out
    assert "timed: 40 of them in 5 chunks, 40 distinct subnets; repeats: 1" in printed
    assert "difference of scores 0\n" in printed
    assert "±" not in printed


def test_mistakes_are_named():
    for arguments, said in {
        ("rankin",): "did you mean 'ranking'",
        ("ranking", "--space", "nb101"): "nb101 are ranked one by one",
        ("ranking", "--architectures", "4000"): "3,969 architectures",
        ("ranking", "--space", "ennas-s3"): "give --architectures",
        ("ranking", "--repeats", "0"): "at least 1",
        ("trackers", "--repeats", "2"): "at least 3",
    }.items():
        with pytest.raises(UsageError, match=said):
            main(list(arguments))


def test_benchmarks_are_listed(capsys):
    main([])
    listed = capsys.readouterr().out
    assert all(name in listed for name in BENCHMARKS)


def test_architectures_are_distinct_and_ascending():
    for name, number in (("macro", 0), ("macro", 50), ("ennas-s3", 30)):
        space = SPACES[name]("compact")
        archs = choose(space, number, np.random.default_rng(0))
        assert archs == sorted(archs)
        assert len({space.canonical(arch) for arch in archs}) == (number or 3969)


def test_all_cells_are_as_in_a_table():
    assert len(choose(SPACES["nb201"]("compact"), 0, np.random.default_rng(0))) == 15_625


def test_what_is_held_is_counted_while_it_is_in_use():
    x = torch.zeros(1000)

    def work():
        y = x + 1  # 4,000 bytes
        y = y.view(10, 100) + 1  # both, until the first is let go
        y += 1
        return y.sum()

    assert most_held(work) == 8000
    assert most_held(lambda: [x + i for i in range(3)]) == 12_000


def test_the_ratio_of_repeats():
    ratio = Ratio.of([6.0, 8.0, 20.0], [2.0, 4.0, 5.0])
    assert (ratio.mean, ratio.sd, ratio.low, ratio.high) == (3.0, 1.0, 2.0, 4.0)
    half = 4.302652730 / 3**0.5  # 95 % of Student's t with two degrees of freedom
    assert ratio.interval == pytest.approx((3 - half, 3 + half))
    assert Ratio.of([6.0], [2.0]) == Ratio(3.0, None, None, 3.0, 3.0)


@pytest.mark.parametrize(("scale", "side"), [("proxy", 16), ("benchmark", 32)])
def test_a_proxy_is_measured_on_the_pixels_that_it_sees(scale, side):
    assert seen_images("cifar10", SPACES["nb201"](scale)) == ImageSpec(3, side, 10)
