"""Measuring: planted latencies come back, a kill costs nothing, another measuring is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from latencies import CONSTANT, IMAGE, TERMS, FakeClock, measured, planted_ms
from planted import PlantedSpace

from harness.files.store import read_lines
from harness.latency.measuring import Measuring, measure, sampled
from harness.latency.rendering import render
from harness.latency.table import LatencyTable
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SPACE = PlantedSpace()


def test_planted_latencies_come_back(tmp_path):
    table = measured(tmp_path / "l.json", FakeClock())
    cheapest = [min(terms) for terms in TERMS]
    assert table.model.constant == pytest.approx(CONSTANT + sum(cheapest), abs=1e-5)
    for found, own, low in zip(table.model.sites, TERMS, cheapest, strict=True):
        assert found == pytest.approx([each - low for each in own], abs=1e-5)
    archs = [arch for arch in np.ndindex(3, 3, 3, 3) if SPACE.is_valid(arch)]
    assert [*map(table.predictor(SPACE, IMAGE), archs)] == pytest.approx(
        [planted_ms(arch) for arch in archs], abs=1e-5
    )
    found = table.content["cross_validation"]
    assert found["rmse_ms"] < 1e-5 and found["kendall_tau"]["value"] == pytest.approx(1.0)
    assert not table.content["noise"]["noisy"]
    assert [n["ms"] for n in table.content["networks"]] == pytest.approx(
        [planted_ms(SPACE.decode(n["arch"])) for n in table.content["networks"]], abs=1e-5
    )
    assert table.content["networks"][0]["madds"] >= 1_000_000


def test_noise_is_said_and_seen_in_the_held_out_error(tmp_path):
    """A call takes from three to four times as long in the second round."""
    clock = FakeClock()
    clock.noise = lambda rng: 1.0 if clock.made <= 27 else rng.uniform(3, 4)
    table = measured(tmp_path / "l.json", clock)
    noise, found = table.content["noise"], table.content["cross_validation"]
    assert noise["noisy"] and noise["rounds"] > 0.4 and noise["rounds_tau"] > 0.5
    assert found["rmse_ms"] > 0.05
    assert "NOISY: " in render(table) and "the machine was noisy" in table.sentence


def test_every_network_has_its_warm_up_repeats_and_rounds(tmp_path):
    clock = FakeClock()
    table = measured(tmp_path / "l.json", clock, count=15, rounds=3, warm_up=2, repeats=5)
    assert (clock.made, clock.calls) == (45, 45 * 7)
    assert len(table.content["networks"]) == 15 == table.content["count"]
    assert {len(network["rounds"]) for network in table.content["networks"]} == {3}
    assert (table.content["warm_up"], table.content["repeats"]) == (2, 5)


def test_a_measuring_that_was_killed_goes_on(tmp_path):
    path = tmp_path / "l.json"
    with pytest.raises(KeyboardInterrupt):
        measured(path, FakeClock(dies=20))
    log = Path(f"{path}.progress")
    assert len(read_lines(log)) == 21 and not path.exists()
    log.write_bytes(log.read_bytes()[:-9])  # killed in the middle of a line
    clock = FakeClock()
    table = measured(path, clock)
    assert clock.made == 2 * 27 - 19 and not log.exists()
    whole = measured(tmp_path / "whole.json", FakeClock())
    names = [network["arch"] for network in whole.content["networks"]]
    assert [network["arch"] for network in table.content["networks"]] == names
    for mine, other in zip(table.content["networks"], whole.content["networks"], strict=True):
        assert mine["rounds"] == pytest.approx(other["rounds"], abs=1e-5)


def test_a_finished_file_is_found_and_another_measuring_is_refused(tmp_path):
    path = tmp_path / "l.json"
    first, clock = measured(path, FakeClock()), FakeClock()
    assert measured(path, clock).content == first.content and clock.made == 0
    with pytest.raises(UsageError, match=r"holds another measuring \(batch 1, not 4\)"):
        measured(path, FakeClock(), batch=4)
    assert measured(path, clock, again=True).content == first.content and clock.made > 0
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "b.json", FakeClock(dies=3))
    with pytest.raises(UsageError, match=r"another measuring \(repeats 4, not 6\); finish that"):
        measured(tmp_path / "b.json", FakeClock(), repeats=6)
    log = tmp_path / "b.json.progress"
    log.write_text('{"space": "planted"}\n{"round": 0}\n')
    with pytest.raises(UsageError, match="is damaged; delete it and run again"):
        measured(tmp_path / "b.json", FakeClock())


def test_too_few_networks_are_refused():
    assert len(sampled(SPACE, 0)) == 27 and len(sampled(SPACE, 12)) == 12
    assert len(sampled(SPACE, 500)) == 80  # all that are valid
    assert len({*sampled(SPACE, 0)}) == 27 and all(map(SPACE.is_valid, sampled(SPACE, 0)))
    with pytest.raises(UsageError, match="11 networks are too few to tell the 9 terms.*--count 12"):
        sampled(SPACE, 11)

    class Small(PlantedSpace):
        sites = PlantedSpace.sites[:1]

    with pytest.raises(UsageError, match="2 networks are too few.*the space has no more"):
        sampled(Small(), 0)


def test_real_networks_are_measured_quickly(tmp_path):
    """And the larger ones take longer: a network of eight times the channels."""
    threads = torch.get_num_threads()
    how = Measuring("digits", batch=8, count=9, repeats=5, rounds=1, warm_up=2)
    medians = []
    for width in (8, 64):
        space = SPACES["macro"]("compact", width, 1)
        table = measure(space, ImageSpec(1, 12, 10), how, tmp_path / f"{width}.json", "cpu")
        times = np.array([network["ms"] for network in table.content["networks"]])
        assert len(times) == 9 and (times > 0).all()
        medians.append(np.median(times))
    assert medians[1] > 1.2 * medians[0]
    assert table.content["threads"] == 1 and torch.get_num_threads() == threads
    assert table.content["device"] and table.content["versions"]["torch"] == torch.__version__
    text = render(LatencyTable.load(tmp_path / "64.json"))
    assert text.splitlines()[0] == "macro at scale compact, images 1x12x12, batch 8, float32"
    assert json.loads((tmp_path / "64.json").read_text()) == table.content
