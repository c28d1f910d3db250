"""Scores and their costs, whoever computes them and however often it is interrupted."""

import json

import numpy as np
import pytest
import torch
import toy_method
from toy_method import ToyMethod

from harness.running import ranking
from harness.running.ranking import rank
from methods.base import in_chunks
from searchspaces.errors import UsageError

ARCHS = [(i, i % 3) for i in range(21)]


def forbidden():
    raise AssertionError("no process is needed")


def ranked(stream, method=None, archs=ARCHS, workers=1, revive=forbidden):
    """Scores, the method's costs afterwards, and the chunks it was given."""
    method = method or ToyMethod()
    scores = rank(method, archs, stream, workers, revive)
    return scores.tolist(), dict(method.costs), method.calls


@pytest.fixture
def undisturbed(tmp_path):
    return ranked(tmp_path / "undisturbed")


def test_every_architecture_is_scored_once_and_paid_once(undisturbed):
    scores, costs, calls = undisturbed
    assert sum(calls, []) == ARCHS
    assert costs == {"steps": 3, "scoring_image_passes": 210, "path_forwards": 21}
    order = np.argsort(np.argsort(np.sin([a + 0.1 * b for a, b in ARCHS[:8]])))
    assert np.argsort(np.argsort(scores[:8])).tolist() == order.tolist()


@pytest.mark.slow
def test_scores_do_not_depend_on_the_number_of_processes(tmp_path, undisturbed, capsys):
    capsys.readouterr()
    scores, costs, calls = ranked(tmp_path / "two", workers=2, revive=toy_method.revive)
    assert (scores, costs) == undisturbed[:2]
    assert calls == []
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "rank: 0% 0 of 21, starting 2 processes"
    assert not any("starting" in line for line in others)


def test_a_stream_cut_at_any_byte_is_completed(tmp_path, undisturbed):
    stream = tmp_path / "undisturbed"
    content = stream.read_bytes()
    for size in range(0, len(content), 17):
        stream.write_bytes(content[:size])
        scores, costs, calls = ranked(stream)
        assert (scores, costs) == undisturbed[:2]
        assert len(calls) == 3 - content[:size].count(b"\n")
        assert stream.read_bytes() == content


def test_a_finished_stream_is_read_and_not_computed(tmp_path, undisturbed):
    scores, costs, calls = ranked(tmp_path / "undisturbed", workers=2)
    assert (scores, costs, calls) == (*undisturbed[:2], [])


def test_an_error_in_the_middle_keeps_what_was_finished(tmp_path, undisturbed):
    class Fragile(ToyMethod):
        def score(self, archs):
            if len(self.calls) == 2:
                raise UsageError("enough")
            return super().score(archs)

    with pytest.raises(UsageError, match="enough"):
        ranked(tmp_path / "stream", Fragile())
    scores, costs, calls = ranked(tmp_path / "stream")
    assert (scores, costs) == undisturbed[:2]
    assert len(calls) == 1


def test_a_stream_of_other_architectures_is_left_aside(tmp_path, undisturbed):
    stream = tmp_path / "undisturbed"
    scores, costs, _ = ranked(stream, archs=ARCHS[::-1])
    assert (scores, costs) == ranked(tmp_path / "fresh", archs=ARCHS[::-1])[:2]
    assert scores != undisturbed[0][::-1]  # chunks of another composition score differently
    assert ranked(stream)[0] == undisturbed[0]


def test_chunks_hold_what_the_method_wants_to_see_together(tmp_path):
    for together, sizes in ((8, [8, 8, 5]), (10, [10, 10, 1]), (30, [21])):
        calls = ranked(tmp_path / str(together), ToyMethod(together))[2]
        assert [len(call) for call in calls] == sizes


def test_scores_come_back_in_the_order_of_the_architectures(tmp_path):
    class Sorting(ToyMethod):
        def chunks(self, archs):
            return in_chunks(sorted(range(len(archs)), key=archs.__getitem__), self.together)

        def score(self, archs):
            super().score(archs)
            return np.array([arch[0] for arch in archs])

    archs = [*ARCHS[::-1], *ARCHS[:5]]
    for _ in range(2):  # computed, then read
        scores, costs, _ = ranked(tmp_path / "stream", Sorting(), archs)
        assert scores == [arch[0] for arch in archs]
        assert costs["path_forwards"] == len(archs)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_architectures_are_scored_by_one_thread_and_the_others_given_back(tmp_path, two_threads):
    class Noting(ToyMethod):
        def score(self, archs):
            seen.append(torch.get_num_threads())
            return super().score(archs)

    seen = []
    ranked(tmp_path / "stream", Noting())
    assert seen == [1, 1, 1] and torch.get_num_threads() == 2


def test_a_process_that_scores_has_one_thread(two_threads, monkeypatch):
    monkeypatch.setattr(ranking, "_METHOD", None, raising=False)
    ranking._start(toy_method.revive)
    assert torch.get_num_threads() == 1 and isinstance(ranking._METHOD, ToyMethod)


def test_seconds_of_chunks_are_told_also_of_those_done_before(tmp_path, monkeypatch):
    now = iter([10.0, 11.5, 20.0, 20.25, 30.0, 34.0])
    monkeypatch.setattr(ranking.time, "process_time", lambda: next(now))
    stream, took = tmp_path / "stream", []
    for _ in range(2):  # computed, then read
        rank(ToyMethod(), ARCHS, stream, 1, forbidden, took.append)
    assert took == [1.5, 0.25, 4.0] * 2
    assert [json.loads(line)["cpu_seconds"] for line in stream.open()] == [1.5, 0.25, 4.0]
    now = iter(range(99))
    rank(ToyMethod(), ARCHS, tmp_path / "untold", 1, forbidden)
    kept = [json.loads(line).keys() for line in (tmp_path / "untold").open()]
    assert kept == [{"archs", "scores", "costs"}] * 3
