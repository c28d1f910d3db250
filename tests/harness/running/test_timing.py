"""Steps that take equal seconds: how the ratio is measured, and that it is measured once."""

import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace

import pytest
import tiny
import torch
from torch._dynamo.utils import counters

from harness.commands.run import parse
from harness.config.config import digest, with_values
from harness.environment import describe_device
from harness.running import timing
from harness.running.assembly import ground_truth, load_limited, training_identity
from harness.running.budget import equalised
from harness.running.timing import Timing, measure, stored, timing_of
from reports.runs.record import is_run
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

CPU = torch.device("cpu")
FOURFOLD = Timing(4.0, 0.04, 0.01, "a machine")


@dataclass
class Stopwatch:
    now: float = 0.0

    def __call__(self):
        return self.now


class Timed:
    """A method whose step ``s`` takes ``cost(s)`` seconds on the watch; notes who steps when."""

    def __init__(self, name, watch, cost, log, steps=4000):
        self.name, self.watch, self.cost, self.log = name, watch, cost, log
        self.options, self.turn = None, 1
        self.setting = SimpleNamespace(device=CPU, recipe=SimpleNamespace(steps=steps))

    def period(self, options):
        return self.turn

    def train_step(self, step):
        self.watch.now += self.cost(step)
        self.log.append((self.name, step))


def measured(own, spos, steps=4000, paths=1, turn=1):
    watch, log = Stopwatch(), []
    pair = Timed("own", watch, own, log, steps), Timed("spos", watch, spos, log, steps)
    pair[0].turn = turn
    return measure(*pair, paths, clock=watch), log


# Measuring ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [4, 30, 1000, 4000])
def test_of_steps_of_which_every_fourth_costs_more_the_mean_counts(steps):
    timing, log = measured(
        lambda step: 9.0 if step % 4 == 3 else 1.0, lambda step: 1.0, steps=steps, turn=4
    )
    assert timing.ratio == timing.step == pytest.approx(3)
    assert max(step for _, step in log) < steps


def test_steps_that_compile_are_not_timed(monkeypatch):
    stats = {"unique_graphs": 7}
    monkeypatch.setitem(counters, "stats", stats)

    def cost(step):
        compiling = len(log) in (0, 2, 3)
        stats["unique_graphs"] += compiling
        return 100.0 if compiling else 3.0

    watch, log = Stopwatch(), []
    own, spos = (Timed("own", watch, cost, log), Timed("spos", watch, lambda step: 1.0, []))
    assert measure(own, spos, 1, clock=watch).ratio == 3.0
    assert [step for _, step in log[:6]] == [0, 1, 2, 3, 4, 5]
    monkeypatch.setattr(timing, "MOST", 10)
    stats.update(unique_graphs=0)
    own.cost = lambda step: stats.update(unique_graphs=stats["unique_graphs"] + 1) or 1.0
    log.clear()
    assert measure(own, spos, 1, clock=watch).ratio == 1.0  # one that never ends is timed too
    assert [step for _, step in log[:10]] == list(range(10))


def test_steps_that_record_graphs_are_not_timed(monkeypatch):
    monkeypatch.setattr(timing.graphs, "made", Counter(graphs=7))

    def cost(step):
        recording = len(log) in (0, 2, 3)
        timing.graphs.made["graphs"] += recording
        return 100.0 if recording else 3.0

    watch, log = Stopwatch(), []
    own, spos = (Timed("own", watch, cost, log), Timed("spos", watch, lambda step: 1.0, []))
    assert measure(own, spos, 1, clock=watch).ratio == 3.0


@pytest.mark.parametrize("paths", [1, 5])
def test_the_ratio_of_constant_steps_is_theirs(paths):
    found, _ = measured(lambda step: 0.06, lambda step: 0.02, paths=paths)
    assert (found.ratio, found.step, found.spos_step) == pytest.approx((3.0, 0.06, 0.02))
    assert "CPU" in found.device


@pytest.mark.parametrize(
    ("steps", "paths", "timed"),
    [(6, 1, 5), (200, 5, 5), (600, 1, 30), (4000, 1, 60), (4000, 10, 20), (4000, 24, 8)],
)
def test_steps_of_both_alternate_over_the_whole_training(steps, paths, timed):
    _, log = measured(lambda step: 1, lambda step: 1, steps, paths)
    assert log[:4] == [("own", 0), ("own", 1), ("spos", 0), ("spos", 1)]
    assert [name for name, _ in log[4:]] == (["own"] + ["spos"] * paths) * timed
    for name, number in (("own", timed), ("spos", timed * paths)):
        taken = [step for each, step in log[4:] if each == name]
        assert all(
            int(part * steps / number) <= step <= (part + 1) * steps / number
            for part, step in zip(range(number), taken, strict=True)
        )
        assert taken[-1] < steps


def test_a_phase_counts_by_its_share_of_the_training():
    found, _ = measured(lambda step: 1.0 if step < 1000 else 5.0, lambda step: 1.0)
    assert found.ratio == pytest.approx(4.0)


def test_first_steps_and_hiccups_do_not_count():
    calls = iter(range(1000))

    def own(step):
        call = next(calls)
        return 100.0 if call < timing.WARM or call in (10, 20) else 2.0

    found, _ = measured(own, lambda step: 1.0)
    assert found.ratio == pytest.approx(2.0)


def test_the_ratio_is_the_middle_one_of_the_groups():
    """Of five rows: a machine that is slow for a while is so for both."""
    own, spos = ([0.0] * timing.WARM + list(row) for row in ((1, 2, 3, 4, 10), (1, 1, 1, 4, 10)))
    clocks = iter(own), iter(spos)
    found, _ = measured(lambda step: next(clocks[0]), lambda step: next(clocks[1]), steps=100)
    assert (found.ratio, found.step, found.spos_step) == (1.0, 3.0, 1.0)


# What follows from it -------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "steps"), [(1.0, 4000), (4.0, 1000), (0.5, 8000), (1e9, 1)])
def test_as_many_steps_as_take_the_same_seconds(ratio, steps):
    config = with_values(tiny.config("fairnas"), {"equalise": "seconds", "train.steps": 4000})
    settled = replace(FOURFOLD, ratio=ratio).settle(config)
    assert equalised(settled, NASBench201("compact"), 3000).steps == steps
    assert replace(settled, train=config.train) == config


def test_the_note_says_what_was_measured():
    config = with_values(tiny.config("fairnas"), {"equalise": "seconds", "train.steps": 4000})
    note = FOURFOLD.note(config)
    for part in ("4 times as long", "0.04 and 0.01 s", "a machine", "1,000 steps", "4,000"):
        assert part in note


# Measured once ----------------------------------------------------------------------------------


def test_what_is_stored_is_not_measured_again(tmp_path):
    path = tmp_path / "timings" / "x.json"
    assert stored(path, lambda: FOURFOLD) == FOURFOLD
    assert stored(path, pytest.fail) == FOURFOLD
    assert json.loads(path.read_text()) == asdict(FOURFOLD)


def test_a_folder_of_timings_is_no_run(tmp_path):
    stored(tmp_path / "timings" / "x.json", lambda: FOURFOLD)
    assert not is_run(tmp_path / "timings")


def test_of_several_at_once_one_measures(tmp_path):
    calls, found = [], []

    def slowly():
        calls.append(threading.get_ident())
        threading.Event().wait(0.2)
        return replace(FOURFOLD, ratio=float(len(calls)))

    def run():
        found.append(stored(tmp_path / "x.json", slowly))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert found == [replace(FOURFOLD, ratio=1.0)] * 3


@pytest.mark.parametrize("content", ["{}", '{"ratio": 2', "[1, 2]"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"x.json.* delete it and run again"):
        stored(path, pytest.fail)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write to .*file.*--runs"):
        stored(tmp_path / "file" / "x.json", pytest.fail)


@pytest.fixture
def timed(tmp_path, monkeypatch):
    """``timed(config)``: what it finds, measuring by pretence; ``timed.pairs`` are measured."""
    tiny.make_table(tmp_path / "data")
    space, _ = ground_truth(tiny.config("spos"), tmp_path / "data")
    task = load_limited(tiny.config("spos"), None)

    def pretend(method, spos, paths):
        assert paths == round(method.paths_per_step(method.options, space)["forwards"])
        find.pairs.append((method, spos))
        return replace(FOURFOLD, ratio=float(len(find.pairs)))

    def find(config):
        return timing_of(config, space, task, CPU, tmp_path / "runs", None)

    find.pairs = []
    monkeypatch.setattr(timing, "measure", pretend)
    return find


def by_seconds(method, **changes):
    return with_values(tiny.config(method), {"equalise": "seconds", **changes})


def test_the_method_is_measured_beside_spos_in_the_same_setting(timed):
    assert timed(by_seconds("fairnas")).ratio == 1
    (pair,) = timed.pairs
    assert [type(method).__name__ for method in pair] == ["FairNAS", "SPOS"]
    assert pair[0].setting.recipe == pair[1].setting.recipe == tiny.config("fairnas").train
    assert pair[0].supernet is not pair[1].supernet


def test_seeds_and_arms_of_a_comparison_share_a_measurement(timed):
    for changes in ({}, {"seed": 9}, {"options.search": "nsga2"}, {"score.images": 10}):
        assert timed(by_seconds("fairnas", **changes)).ratio == 1
    others = {"train.batch_size": 8, "supernet.width": 4, "options.fairness": "expectation"}
    found = [timed(by_seconds("fairnas", **{name: value})) for name, value in others.items()]
    assert [each.ratio for each in found] == [2, 3, 4]


def test_what_trains_as_spos_does_is_not_measured(timed):
    for config in (by_seconds("spos"), by_seconds("mngnas"), tiny.config("fairnas")):
        assert timed(config) is None
    assert timed(by_seconds("spos", **{"options.sampler": "flops_bins"})).ratio == 1


def test_a_measurement_is_of_one_training_on_one_machine(timed, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(timing, "stored", lambda path, measured: asked.append(path))
    config = by_seconds("fairnas", seed=9, train_images=70)
    timed(config)
    space = NASBench201("compact")
    task = load_limited(tiny.config("spos"), None)
    content = training_identity(config, space, len(task.train)) | {
        "seed": None,
        "task": "digits",
        "train_images": 70,
        "device": describe_device(CPU),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    name = f"nb201-digits-fairnas-{digest(content)}.json"
    assert asked == [tmp_path / "runs" / name]


def test_scorers_train_nothing_to_measure(timed):
    config = with_values(parse(["--method", "synflow"])[0], {"equalise": "seconds"})
    assert timed(config) is None and not timed.pairs


@pytest.mark.slow
def test_a_run_that_trains_nothing_imports_no_compiler():
    """It takes a second, and a finished run is only found again."""
    script = "import sys, harness.running.pipeline; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
