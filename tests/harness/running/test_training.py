"""Training a supernet: what is kept of it, how it ends, and what acceleration changes."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from params import EVALUATED
from tables import made_meta

from harness.config.config import Acceleration
from harness.environment import use_tf32
from harness.running import training
from harness.running.assembly import load_limited, make_method
from harness.running.training import (
    accelerated,
    check_possible,
    compiled,
    kind_of,
    maps,
    train_supernet,
)
from harness.running.watching import Watch
from harness.tabular.table import Table
from methods.registry import METHODS
from methods.snapshots import Snapshots
from searchspaces.errors import UsageError


class Counting:
    """A method whose losses are the numbers of its steps."""

    supernet, snapshots = None, Snapshots(1, 8)

    def train_step(self, step):
        return {"loss": torch.tensor(float(step)), "kd": torch.tensor(-2.0 * step)}

    def epoch_report(self, step):
        return {"teacher": 7.0 * step} if step in (3, 7) else {}


def test_history_has_means_over_the_steps_since_the_last_row(monkeypatch):
    monkeypatch.setattr(training, "RECORD_EVERY", 3)
    history, saved = [], []
    train_supernet(Counting(), 8, 1, history, saved.append, -1.0)
    assert history == [
        {"phase": "train", "step": 3, "loss": 1.5, "kd": -3.0},
        {"phase": "epoch", "step": 4, "teacher": 21.0},
        {"phase": "train", "step": 6, "loss": 4.0, "kd": -8.0},
        {"phase": "epoch", "step": 8, "teacher": 49.0},
        {"phase": "train", "step": 8, "loss": 6.5, "kd": -13.0},
    ]
    assert saved == [3, 6, 8]


@pytest.mark.parametrize("learning", [range(2, 5), range(3), range(4, 5)])
def test_what_some_steps_report_is_their_mean(monkeypatch, learning):
    """As of searches whose weights learn alone for a time, at the beginning or again later."""
    monkeypatch.setattr(training, "RECORD_EVERY", 5)

    class Sometimes(Counting):
        def train_step(self, step):
            arch = {"arch_loss": torch.tensor(10.0 * step)} if step in learning else {}
            return super().train_step(step) | arch

    history = []
    train_supernet(Sometimes(), 5, 0, history, lambda step: None)
    row = next(row for row in history if row["phase"] == "train")
    assert row["arch_loss"] == 10 * np.mean(learning)
    assert (row["loss"], row["kd"]) == (2, -4)


def test_only_steps_run_the_clock_of_a_watched_training(monkeypatch):
    """What an epoch reports and what is written stand beside."""
    monkeypatch.setattr(training, "RECORD_EVERY", 3)
    table = Table(made_meta(), ["a"], {"test.5.mean": np.array([50.0])})
    watch, ran = Watch(1, 8, None, table, None), []

    def note(what, given):
        ran.append((what, watch.clock.runs))
        return given

    step, report = Counting().train_step, Counting().epoch_report
    method = SimpleNamespace(
        supernet=None,
        snapshots=SimpleNamespace(take=lambda _, step: note("snapshot", step)),
        train_step=lambda number: note("step", step(number)),
        epoch_report=lambda number: note("report", report(number)),
    )
    monkeypatch.setattr(watch, "row", lambda *_: None)
    train_supernet(method, 3, 0, [], lambda done: note("write", None), -1.0, watch=watch)
    each = [("step", True), ("snapshot", False), ("report", False)]
    assert ran == each * 3 + [("write", False)]
    assert not watch.clock.runs


def test_divergence_names_the_last_good_checkpoint(tmp_path, monkeypatch):
    tiny.make_table(tmp_path / "data")
    method = METHODS["spos"]
    step = method.train_step
    monkeypatch.setattr(
        method,
        "train_step",
        lambda self, number: (
            step(self, number) | ({"loss": torch.tensor(torch.nan)} if number > 3 else {})
        ),
    )
    folders = {"data": tmp_path / "data", "runs": tmp_path / "runs"}
    with pytest.raises(UsageError, match="not finite at step 6") as raised:
        tiny.run_plainly(tiny.config("spos"), folders)
    [checkpoint] = tmp_path.rglob("checkpoint.pt")
    assert f"; the last good checkpoint, {checkpoint}, is of step 4. Lower" in str(raised.value)


# Accelerated training: what changes, what does not, and that nothing of it stays behind --------

BFLOAT16 = Acceleration(precision="bfloat16")


def make(method="spos", space="nb201"):
    config = tiny.config(method, "--space", space)
    return make_method(config, load_limited(config, None), torch.device("cpu"))


def trained(method, choice, steps=3):
    """What the steps told."""
    with accelerated(method, choice):
        return [method.train_step(step) for step in range(steps)]


@pytest.mark.slow
@pytest.mark.parametrize("name", EVALUATED)
def test_in_bfloat16_weights_stay_float32_and_losses_are_near(name):
    fast, plain = make(name), make(name)
    told, expected = trained(fast, BFLOAT16), trained(plain, Acceleration())
    assert "train_step" not in vars(fast)
    differ = False
    for row, other in zip(told, expected, strict=True):
        assert row["loss"].dtype == torch.float32
        assert row["loss"].item() == pytest.approx(other["loss"].item(), rel=0.1)
        differ |= row["loss"].item() != other["loss"].item()
    assert differ
    weights, others = (method.supernet.state_dict() for method in (fast, plain))
    assert {name: w.dtype for name, w in weights.items()} == {n: w.dtype for n, w in others.items()}


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nb201", "darts", "nb101", "macro", "shufflenet"])
def test_parts_that_are_compiled_do_the_same(space):
    method, plain = make("spos", space), make("spos", space)
    parts, used = list(maps(method.supernet)), []
    assert len({id(p) for part in parts for p in part.parameters()}) == len(
        list(method.supernet.parameters())
    )

    def backend(graph, inputs):
        used.append(graph)
        return graph.forward

    with compiled(method.supernet, backend):
        told = [method.train_step(step)["loss"].item() for step in range(2)]
    assert len(used) >= 5
    assert told == [plain.train_step(step)["loss"].item() for step in range(2)]
    assert all(part._compiled_call_impl is None for part in parts)
    assert method.supernet.state_dict().keys() == plain.supernet.state_dict().keys()


@pytest.mark.slow
def test_equal_operators_of_all_cells_are_compiled_once():
    graphs, kinds = {}, {}
    for cells in ("1", "3"):
        config, used = tiny.config("spos", "--supernet.cells", cells), []
        method = make_method(config, load_limited(config, None), torch.device("cpu"))
        with compiled(
            method.supernet, lambda graph, inputs, u=used: u.append(graph) or graph.forward
        ):
            for step in range(3):
                method.train_step(step)
        graphs[cells] = len(used)
        kinds[cells] = {kind_of(part) for part in maps(method.supernet)}
    assert len(list(maps(method.supernet))) == 2 * 3 * 18 + 4  # stages, cells, operators
    assert len(kinds["3"]) == 2 * 2 + 1 + 4 and kinds["3"] == kinds["1"]
    assert graphs["3"] == graphs["1"] == len(kinds["1"]) + 1  # pooling meets two sizes


@pytest.mark.slow
def test_all_passes_of_cream_are_compiled(monkeypatch):
    """With and without gradients, beside the training, over any number of stored images."""
    name = "fail_on_recompile_limit_hit"
    monkeypatch.setattr(torch._dynamo.config, name, True, raising=False)
    method, used = make("cream"), []
    with compiled(method.supernet, lambda graph, inputs: used.append(graph) or graph.forward):
        told = [method.train_step(step)["loss"].item() for step in range(6)]
    plain = make("cream")
    assert told == [plain.train_step(step)["loss"].item() for step in range(6)]
    assert len(used) > 20


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_a_chosen_compilation_is_carried_out(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # not what other kernels left
    monkeypatch.setattr("torch._inductor.config.cpp_cache_precompile_headers", False, raising=False)
    method, plain = make(), make()
    head = [method.supernet.head]
    monkeypatch.setattr(training, "maps", lambda network: head)  # one part, to be quick
    told = trained(method, Acceleration(compile=True), 1)
    assert told[0]["loss"].item() == pytest.approx(plain.train_step(0)["loss"].item(), rel=1e-5)
    assert head[0]._compiled_call_impl is None and "train_step" not in vars(method)


def test_what_cannot_be_compiled_is_a_sentence():
    def broken(graph, inputs):
        raise RuntimeError("no compiler")

    method = make()
    with (
        pytest.raises(UsageError, match="cannot be compiled here.*leave --accelerate.compile out"),
        compiled(method.supernet, broken),
    ):
        method.train_step(0)
    assert all(part._compiled_call_impl is None for part in maps(method.supernet))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["compile", "graphs", "cudnn_norm"])
def test_several_supernets_are_not_accelerated(name):
    """Only the first would be."""
    device = torch.device("cpu")
    with pytest.raises(UsageError, match=f"PDARTS trains several.*accelerate.{name[:5]}"):
        check_possible(Acceleration(**{name: True}), 1, device, METHODS["p-darts"])
    check_possible(Acceleration(precision="bfloat16"), 1, device, METHODS["p-darts"])
    check_possible(Acceleration(compile=True), 1, device, METHODS["spos"])


def test_a_run_in_bfloat16_is_recorded_as_such(tmp_path):
    tiny.make_table(tmp_path)
    config = tiny.config("spos", "--accelerate.precision", "bfloat16")
    record = tiny.run_plainly(config, {"data": tmp_path, "runs": tmp_path / "runs"})
    assert record["config"]["accelerate"]["precision"] == "bfloat16"


def test_a_pass_in_bfloat16_sees_what_the_step_did_to_the_weights_before_it():
    """As Cream's student does, after the matching network moved it."""
    method = make()
    weight = torch.nn.Parameter(torch.ones(4, 4))
    found = []

    def step(number):
        for scale in (1.0, 3.0):
            with torch.no_grad():
                weight.mul_(scale)
            found.append(torch.nn.functional.linear(torch.ones(1, 4), weight))
        return {}

    method.train_step = step
    with accelerated(method, BFLOAT16):
        method.train_step(0)
    assert [one.dtype for one in found] == [torch.bfloat16] * 2
    assert [one.unique().item() for one in found] == [4.0, 12.0]


@pytest.mark.parametrize("tf32", [False, True])
def test_products_on_a_gpu_are_exact_unless_they_are_chosen_not_to_be(tf32):
    use_tf32(not tf32)
    config = tiny.config("spos", f"--accelerate.tf32={str(tf32).lower()}")
    task = load_limited(config, None)
    make_method(config, task, torch.device("cpu"))
    flags = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    use_tf32(False)
    assert flags == (tf32, tf32)
    chosen = {"precision": "float32", "compile": False, "tf32": True}
    assert config.to_dict().get("accelerate") == (chosen if tf32 else None)
    assert (config.run_name("t") == tiny.config("spos").run_name("t")) is not tf32
    earlier = tiny.config("spos", "--accelerate.precision=bfloat16").to_dict()["accelerate"]
    assert earlier == {"precision": "bfloat16", "compile": False}
