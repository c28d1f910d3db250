"""What processes of one run do apart, with those beside them played by threads or in turn."""

from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from torch import nn
from toy_method import ToyMethod

from harness.distributed.crew import ALONE, Crew, crew
from harness.distributed.norm import GlobalStatistics
from harness.distributed.training import Together
from harness.running.pipeline import Execution, run
from harness.running.ranking import rank, rank_together
from methods.spos import SPOS
from searchspaces.errors import UsageError

ARCHS = [(i, i % 3) for i in range(45)]
TWO = Crew(0, 2)


# Batch normalisation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Threads(Crew):
    """A crew of threads."""

    meeting: Barrier = None
    table: list = None

    def gather(self, tensor):
        self.table[self.rank] = tensor.detach().clone()
        self.meeting.wait()
        parts = torch.stack(self.table)
        self.meeting.wait()
        return parts

    def add(self, tensor):
        tensor.copy_(self.gather(tensor).sum(0))


def at_once(work, size):
    threads = [Thread(target=work, args=(number,)) for number in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def normalised(norm, x, weights, company=None):
    """Output, slopes of the input and of the parameters, and buffers."""
    x = x.clone().requires_grad_()
    if company:
        with GlobalStatistics(company):
            y = norm(x)
            (y.square() * weights).sum().backward()
    else:
        y = norm(x)
        (y.square() * weights).sum().backward()
    slopes = [p.grad for p in norm.parameters()]
    return y.detach(), x.grad, slopes, dict(norm.named_buffers())


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_parts_are_normalised_as_the_whole(affine, momentum):
    def make():
        norm = nn.BatchNorm2d(3, momentum=momentum, affine=affine).double()
        if affine:
            nn.init.constant_(norm.weight, 1.7)
        return norm

    generator = torch.Generator().manual_seed(0)
    x, weights = torch.randn(2, 6, 3, 4, 5, generator=generator, dtype=torch.float64)
    x = x * 3 + 1
    y, slope, slopes, buffers = normalised(make(), x, weights)
    meeting, table, parts = Barrier(3), [None] * 3, [None] * 3

    def work(number):
        own = slice(2 * number, 2 * number + 2)
        company = Threads(number, 3, 3, meeting, table)
        parts[number] = normalised(make(), x[own], weights[own], company)

    at_once(work, 3)
    torch.testing.assert_close(torch.cat([part[0] for part in parts]), y)
    torch.testing.assert_close(torch.cat([part[1] for part in parts]), slope)
    for index, total in enumerate(slopes):
        torch.testing.assert_close(sum(part[2][index] for part in parts), total)
    for part in parts:
        torch.testing.assert_close(part[3], buffers)


def test_evaluation_and_other_functions_are_left_alone():
    norm, x = nn.BatchNorm2d(3).eval(), torch.randn(4, 3, 2, 2)
    with GlobalStatistics(TWO):  # which would need others
        assert torch.equal(norm(x).relu(), norm(x).clamp(min=0))


def test_while_paused_a_part_is_normalised_by_itself():
    norm, x = nn.BatchNorm2d(3), torch.randn(4, 3, 2, 2)
    alone = nn.BatchNorm2d(3)(x)
    statistics = GlobalStatistics(TWO)
    with statistics, Together(TWO, statistics).apart():
        assert torch.equal(norm(x), alone)
    assert not statistics.paused


# What a step asks of the others ------------------------------------------------------------------


def test_the_whole_is_what_the_parts_are_made_of():
    images, labels = torch.arange(24.0, dtype=torch.float64).view(6, 4).square(), torch.arange(6)
    meeting, table, told = Barrier(3), [None] * 3, [None] * 3

    def work(number):
        team = Together(Threads(number, 3, 3, meeting, table), None)
        x, y = team.part((images, labels))
        used, unused = (nn.Parameter(torch.zeros(4, dtype=torch.float64)) for _ in range(2))
        (used * x).mean(0).sum().backward()
        team.average([used, unused])
        assert unused.grad is None
        told[number] = (
            team.whole(x), team.whole(y), team.whole(x.T, 1), team.mean(x.mean()),
            team.variance(x), used.grad,
        )  # fmt: skip

    at_once(work, 3)
    expected = (images, labels, images.T, images.mean(), images.var(), images.mean(0))
    for answers in told:
        for answer, value in zip(answers, expected, strict=True):
            torch.testing.assert_close(answer, value)


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    batch = torch.zeros(15, 3), torch.zeros(15)
    with pytest.raises(UsageError, match="batches of 15 .* by 2 processes"):
        Together(TWO, None).part(batch)


# Ranking -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InTurn(Crew):
    """The others of this crew have been there before."""

    def wait(self):
        pass


def shares(stream, size, method=ToyMethod):
    """Results of all processes, the leader's last, and the leader's costs and calls."""
    results = {}
    for number in reversed(range(size)):
        made = method()
        results[number] = rank_together(made, ARCHS, stream, 1, None, InTurn(number, size))
    return results, dict(made.costs), made.calls


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_leader_gets_the_scores_and_costs_of_one_process(tmp_path, size):
    alone = ToyMethod()
    scores = rank(alone, ARCHS, tmp_path / "alone.jsonl", 1, None)
    results, costs, calls = shares(tmp_path / "scores.partial.jsonl", size)
    assert results[0].tolist() == scores.tolist()
    assert costs == dict(alone.costs)
    assert len(calls) == -(-len(alone.calls) // size)
    for number in range(1, size):
        own = ~np.isnan(results[number])
        assert results[number][own].tolist() == scores[own].tolist()


def test_a_killed_share_goes_on_where_it_was(tmp_path):
    stream = tmp_path / "scores.partial.jsonl"
    undisturbed = shares(tmp_path / "other.jsonl", 2)[0][0]

    class Fragile(ToyMethod):
        def score(self, archs):
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().score(archs)

    with pytest.raises(KeyboardInterrupt):
        shares(stream, 2, Fragile)
    results, costs, calls = shares(stream, 2)
    assert results[0].tolist() == undisturbed.tolist()
    assert costs["path_forwards"] == len(ARCHS)


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "more", "sentence"),
    [
        ("spos", (), "step of spos is not made for several processes; leave torchrun out"),
        ("mngnas", ("--equalise", "seconds"), "measures one process"),
    ],
)
def test_what_two_processes_cannot_do_as_one_is_refused(
    tmp_path, monkeypatch, method, more, sentence
):
    tiny.make_table(tmp_path)
    if method == "spos":
        monkeypatch.setattr(SPOS, "train_step", lambda spos, step: {}, raising=False)
    monkeypatch.setattr(Crew, "agree", lambda crew, value: value)
    execution = Execution(data=tmp_path, runs=tmp_path / "runs", device="cpu")
    with pytest.raises(UsageError, match=sentence):
        run(tiny.config(method, *more), execution, TWO)
    assert not list(tmp_path.glob("runs/*/run.json"))


@pytest.mark.slow
def test_a_run_begun_by_one_process_is_not_continued_by_two(tmp_path, monkeypatch):
    tiny.make_table(tmp_path)
    folders = {"data": tmp_path, "runs": tmp_path / "runs"}
    config = tiny.config("spos")
    assert tiny.run_killed(config, folders, writes=2) != 0
    monkeypatch.setattr(Crew, "agree", lambda crew, value: value)
    monkeypatch.setattr(Crew, "check_shared", lambda crew, folder: None)
    execution = Execution(**folders, device="cpu")
    with pytest.raises(UsageError, match="was begun by 1 processes"):
        run(config, execution, TWO)


@pytest.mark.parametrize(
    ("device", "sentence"), [("cuda:1", "its GPU: not --device cuda:1"), ("cuda", "one per GPU")]
)
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, device, sentence):
    place = {"RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "here", "LOCAL_RANK": 1}
    for name, value in place.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=sentence), crew(device):
        pass


@pytest.mark.parametrize(
    ("device", "gpus", "backend", "used"),
    [
        ("cpu", 0, "gloo", "cpu"),
        ("auto", 0, "gloo", "auto"),
        ("cpu", 4, "gloo", "cpu"),
        ("auto", 4, "cpu:gloo,cuda:nccl", "cuda:2"),
        ("cuda", 4, "cpu:gloo,cuda:nccl", "cuda:2"),
    ],
)
def test_a_process_has_the_place_that_torchrun_gives_it(monkeypatch, device, gpus, backend, used):
    begun, ended, chosen = [], [], []
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda *a, **_: begun.append(a))
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: ended.append(1))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    place = {"RANK": 6, "WORLD_SIZE": 8, "MASTER_ADDR": "here"}
    for name, value in (place | {"LOCAL_RANK": 2, "LOCAL_WORLD_SIZE": 4}).items():
        monkeypatch.setenv(name, str(value))
    with crew(device) as (company, own):
        assert (company.rank, company.size, company.beside) == (6, 8, 4)
        assert not company.leads and own == used
        assert begun == [(backend,)] and ended == []
    assert ended == [1] and chosen == ([2] if backend != "gloo" else [])


def test_a_folder_that_not_all_see_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.distributed.crew.uuid4", lambda: SimpleNamespace(hex="token"))
    monkeypatch.setattr(Crew, "agree", lambda crew, value: "token")
    (tmp_path / "other").mkdir()
    InTurn(0, 2).check_shared(tmp_path)
    assert not list(tmp_path.glob(".crew"))
    with pytest.raises(UsageError, match="not all processes see the same .*other"):
        InTurn(1, 2).check_shared(tmp_path / "other")
    (tmp_path / "other" / ".crew").write_text("of another run")
    with pytest.raises(UsageError, match="not all processes see the same"):
        InTurn(1, 2).check_shared(tmp_path / "other")
    (tmp_path / "other" / ".crew").write_text("token")
    InTurn(1, 2).check_shared(tmp_path / "other")


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with crew("auto") as (company, device):
        assert (company, device) == (ALONE, "auto")
    assert company.agree([1]) == [1]
    company.wait()
    company.check_shared(Path("/nowhere"))
