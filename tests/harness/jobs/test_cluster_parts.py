"""What of a cluster needs none: flags, files that travel, and a job as its node carries it out."""

import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy_jobs

from harness.commands.grid import main as grid
from harness.config.options import Parser
from harness.jobs import cluster
from harness.jobs.cluster import RayExecutor, connect
from harness.jobs.cluster_files import File, Mirror, read_files
from harness.jobs.cluster_job import Task, carry_out
from harness.jobs.cluster_options import Cluster, add_cluster_options, cluster_of
from harness.jobs.executor import Event
from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError

# Flags --------------------------------------------------------------------------------------------


def chosen(line, device="cpu", **more):
    parser = Parser()
    add_cluster_options(parser, **more)
    return cluster_of(parser.parse_args(line.split()), device)


def test_flags_say_where_and_what_each_job_gets():
    assert chosen("") is None
    assert chosen("--ray auto") == Cluster("auto", 1, 0.0)
    assert chosen("--ray a:1 --cpus-per-job 3", "cuda") == Cluster("a:1", 3, 1.0)
    assert chosen("--ray a:1 --gpus-per-job 0.25", "cuda") == Cluster("a:1", 1, 0.25)


def test_the_device_follows_from_what_a_job_gets():
    assert Cluster("a").device("auto") == Cluster("a", gpus=1).device("cpu") == "cpu"
    assert Cluster("a", gpus=0.5).device("auto") == Cluster("a", gpus=1).device("cuda") == "cuda"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--gpus-per-job 2", "--gpus-per-job takes numbers from 0 to 1, not 2"),
        ("--gpus-per-job -1", "--gpus-per-job takes numbers from 0 to 1"),
        ("--cpus-per-job 0", "not a whole number of at least 1"),
        ("--device cuda:1", "not --device cuda:1, but cuda"),
        ("--device cuda --gpus-per-job 0", "needs --gpus-per-job above 0"),
    ],
)
def test_what_no_job_can_have_is_refused(line, sentence, tmp_path):
    with pytest.raises(UsageError, match=sentence):
        grid(["--method=spos", "--ray", "auto", "--runs", str(tmp_path), *line.split()])


@pytest.mark.parametrize("flag", ["--cpus-per-job 1", "--gpus-per-job 0.5"])
def test_what_a_job_gets_on_no_cluster_is_refused(flag):
    with pytest.raises(UsageError, match=f"{flag.split()[0]} says .* name one with --ray"):
        chosen(flag)


def test_ray_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"not installed; run pip install .*\[cluster\]"):
        connect("auto")


# Files --------------------------------------------------------------------------------------------


def contents(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_changes_carry_a_folder_over(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    (there / "a").mkdir(parents=True)
    (there / "a" / "kept").write_bytes(b"1")
    (there / "a" / ".lock").touch()
    mirror = Mirror(here, read_files(there, ["a", "absent"]))
    assert contents(here) == {"a/kept": b"1"}
    assert list(mirror.changes()) == []

    def write(name, data, mode="wb"):
        with open(here / name, mode) as stream:
            stream.write(data)

    write("a/lines.jsonl", b"first\n")
    write("a/.hidden", b"x")
    write("checkpoint.pt", b"old")
    for file in mirror.changes():
        file.store(there)
    write("a/lines.jsonl", b"second\n", "ab")
    write("checkpoint.pt", b"newer")
    (here / "a" / "kept").unlink()
    sent = list(mirror.changes())
    assert {(f.path, f.data, f.offset) for f in sent} == {
        ("a/lines.jsonl", b"second\n", 6), ("checkpoint.pt", b"newer", 0), ("a/kept", None, 0)
    }  # fmt: skip
    for file in sent + sent:  # again is no other
        file.store(there)
    (here / "a" / ".hidden").unlink()
    (there / "a" / ".lock").unlink()
    assert contents(there) == contents(here)


# A job --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Writer:
    """Adds a line to a file of its own in each phase."""

    root: Path
    fails: bool = False
    group = ""

    def __call__(self, watcher):
        folder = self.root / "job"
        folder.mkdir(exist_ok=True, parents=True)
        for phase in ("train", "rank"):
            with open(folder / "lines.jsonl", "a") as stream:
                stream.write(f"{phase}\n")
            watcher(phase, 0, 1)
        if self.fails:
            raise UsageError(f"{folder} is full.")
        toy_jobs.count(watcher)
        yield from ("one", "two")

    def at(self, root):
        return replace(self, root=root)


def task(root, shared, **more):
    root.mkdir()
    if shared:
        (root / "token").touch()
    files = (File("job/lines.jsonl", b"before\n"),)
    return Task("job", Writer(root, **more), root, "token", files, version("torch"))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_a_job_tells_its_phases_results_and_end(tmp_path, shared):
    told = [item for item in carry_out(task(tmp_path / "root", shared)) if isinstance(item, Event)]
    phases = [event.phase for event in told if not event.ended and not event.result]
    assert phases[:2] == ["train", "rank"]
    assert [event.result for event in told if event.result] == ["one", "two"]
    assert told[-1] == Event("job", ended=True)


@pytest.mark.slow
def test_files_go_to_the_folder_where_it_is_shared(tmp_path):
    root = tmp_path / "root"
    items = carry_out(task(root, True))
    assert not any(isinstance(item, File) for item in items)
    assert (root / "job" / "lines.jsonl").read_text() == "train\nrank\n"
    assert "aloud" in (root / "logs" / "job.log").read_text()


@pytest.mark.slow
def test_files_are_told_ahead_of_the_phase_behind_them(tmp_path):
    root = tmp_path / "root"
    made = task(root, False)
    made.files[0].store(root)
    for item in carry_out(made):
        if isinstance(item, File):
            item.store(root)
        elif item.phase == "rank" or item.ended:
            assert (root / "job" / "lines.jsonl").read_text() == "before\ntrain\nrank\n"
    assert "aloud" in (root / "logs" / "job.log").read_text()


@pytest.mark.slow
def test_a_mistake_names_the_folder_of_the_starter(tmp_path):
    *_, last = carry_out(task(tmp_path / "root", False, fails=True))
    assert last.error == f"{tmp_path / 'root' / 'job'} is full."


def test_a_node_with_another_torch_is_refused(tmp_path):
    (told,) = carry_out(replace(task(tmp_path / "root", True), torch="0.1"))
    assert "and this machine 0.1; install the same" in told.error


# The executor ------------------------------------------------------------------------------------


HERE = Cluster("here")


class FakeRay:
    """A cluster of one node with these resources, which carries jobs out when asked for items."""

    exceptions = SimpleNamespace(RayError=OSError, RayTaskError=ChildProcessError)

    def __init__(self, **resources):
        self.resources = resources
        self.named = []  # what Ray shows its jobs as

    def nodes(self):
        dead = {"Alive": False, "Resources": {"CPU": 64, "GPU": 8}}
        return [{"Alive": True, "Resources": self.resources}, dead]

    def remote(self, **options):
        self.options = options

        def by_name(name):
            self.named.append(name)
            return SimpleNamespace(remote=self.function)

        def made(function):
            self.function = function
            return SimpleNamespace(options=by_name)

        return made

    def wait(self, streams, num_returns, timeout):
        return streams, []

    def get(self, item):
        return item

    def cancel(self, stream):
        stream.close()

    def shutdown(self):
        pass


@pytest.fixture
def executor(tmp_path, monkeypatch):
    """``executor(**resources)``: one on such a node."""
    made = []

    def make(asked=HERE, workers=0, **resources):
        monkeypatch.setattr(cluster, "connect", lambda address: FakeRay(**resources))
        made.append(RayExecutor(asked, tmp_path / "runs", workers))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.mark.parametrize(
    ("asked", "resources", "room"),
    [
        (Cluster("a", 1, 0.2), {"CPU": 8, "GPU": 1}, 5),
        (Cluster("a", 1, 0.14), {"CPU": 99, "GPU": 7}, 50),
        (Cluster("a", 1, 0.34), {"CPU": 8, "GPU": 1}, 2),
        (Cluster("a", 3), {"CPU": 8}, 2),
        (Cluster("a", 3, 0.5), {"CPU": 8, "GPU": 2}, 2),
    ],
)
def test_slots_are_what_there_is_room_for(executor, asked, resources, room):
    assert executor(asked, **resources).slots == room


def test_a_job_asks_for_what_it_gets(executor):
    made = executor(Cluster("a", 3, 0.5), CPU=8, GPU=2)
    assert made.ray.options == {
        "num_cpus": 3, "num_gpus": 0.5, "max_retries": 0, "num_returns": "streaming",
    }  # fmt: skip


def test_a_job_whose_workers_die_is_started_again_four_times(executor):
    made, death = executor(CPU=1), Event("job", ended=True, died=True, error="killed.")
    for _ in range(4):
        assert made._judge(death) == Event("job", ended=True, died=True, again=True)
    assert made._judge(replace(death, job="other")).again
    assert made._judge(death) == replace(death, error="its worker died 5 times, at last: killed.")


def test_room_is_waited_for_once_there_was_some(executor, monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(cluster.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(cluster.time, "sleep", lambda seconds: None)
    made = executor(CPU=1)
    made.ray.resources = {}
    for clock.now in (101.0, 159.9):
        assert made.events(1.0) == []
    clock.now = 160.0
    with pytest.raises(UsageError, match="no node of the Ray cluster has the 1 CPUs and 0 GPUs"):
        made.events(1.0)


def test_a_cluster_without_room_is_refused_unless_it_is_to_grow(executor):
    with pytest.raises(UsageError, match="no node of the Ray cluster has the 1 CPUs"):
        executor()
    assert executor(workers=3).slots == 3


@pytest.mark.slow
def test_each_command_has_a_marker_of_its_own(executor, tmp_path, monkeypatch):
    monkeypatch.setattr(RayExecutor, "_keep", pytest.fail)  # where the folder is shared
    first, second = (executor(CPU=1) for _ in range(2))
    second.stop()
    first.start("job", Writer(tmp_path / "runs"))
    assert told_until_ended(first)[-1] == Event("job", ended=True)
    assert first.ray.named == ["job"]
    assert contents(tmp_path / "runs")["job/lines.jsonl"] == b"train\nrank\n"
    first.stop()
    assert not list((tmp_path / "runs").glob(".*"))


def told_until_ended(executor):
    told = []
    while not told or not told[-1].ended:
        told += executor.events(1.0)
    return told


@pytest.fixture
def elsewhere(monkeypatch):
    """Nodes that do not see the folder."""
    monkeypatch.setattr(cluster, "mark", lambda root: ".elsewhere")


@pytest.mark.slow
def test_a_job_elsewhere_holds_its_folder(executor, elsewhere, tmp_path):
    made, work, own = executor(CPU=1), Writer(tmp_path / "runs"), Workspace(tmp_path / "runs/job")
    made.start("job", work)
    while not own.folder.exists():
        made.events(1.0)
    with pytest.raises(UsageError, match="another process is working on"), own.lock():
        pass
    told_until_ended(made)
    with own.lock():
        (own.folder / "lines.jsonl").write_text("mine\n")
        made.start("job", work)
        told = told_until_ended(made)
        assert "another process is working on" in told[-1].error
        assert (own.folder / "lines.jsonl").read_text() == "mine\n"
