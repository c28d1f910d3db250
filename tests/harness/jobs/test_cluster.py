"""A Ray cluster of two nodes on this machine, one of which is killed in the middle."""

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import toy_jobs

from harness.commands import table as table_command
from harness.commands.grid import main, parse
from harness.grid.grid import run_grid
from harness.jobs import cluster as cluster_module
from harness.jobs.cluster import RayExecutor
from harness.jobs.cluster_options import Cluster
from harness.running.pipeline import Execution
from harness.tabular.table import Table
from reports.commands.reproduce import main as reproduce
from reports.papers.definition import loading
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

pytest.importorskip("ray", reason="needs the extra 'cluster'")

# A node counts as dead after 10 s, usually after half a minute; workers do not give way to others.
QUICK = {
    "worker_niceness": 0,
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 10,
}
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster whose second node tests may kill: the next test gets another one."""
    from ray.cluster_utils import Cluster as Simulated

    head = NODE | {"include_dashboard": False, "_system_config": QUICK}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(toy_jobs.__file__).parent))
        made = Simulated(initialize_head=True, head_node_args=head)
        yield made
        made.shutdown()


@pytest.fixture
def nodes(two_nodes):
    two_nodes.add_node(**NODE)
    yield two_nodes
    for node in list(two_nodes.worker_nodes):
        two_nodes.remove_node(node, allow_graceful=False)


@pytest.fixture
def dies(nodes, monkeypatch):
    """``dies(number, counts)``: the second node is killed in the middle of a job.

    As soon as so many events of a kind were told its worker is halted, so that its job cannot end,
    and once two others have ended since, the node dies. What had told its end when it was halted
    ends none the less: then the worker goes on, and is halted in its next job.
    """
    halted: dict[int, str] = {}

    def resume(sent):
        for worker in halted:
            os.kill(worker, sent)
        halted.clear()

    def arrange(number, counts):
        events, left, since = RayExecutor.events, number, 0

        def watched(executor, seconds):
            nonlocal left, since
            told = events(executor, min(seconds, 0.05))
            left -= sum(map(counts, told))
            if not nodes.worker_nodes or left > 0:
                return told
            (node,) = nodes.worker_nodes
            since += sum(event.ended for event in told)
            if not halted:
                halted.update(halt_worker(node, executor._running.values()))
                since = 0
            elif not set(halted.values()) <= set(executor._running.values()):
                resume(signal.SIGCONT)
            elif since >= 2:
                nodes.remove_node(node, allow_graceful=False)
                resume(signal.SIGKILL)
            return told

        monkeypatch.setattr(RayExecutor, "events", watched)

    yield arrange
    resume(signal.SIGKILL)


def halt_worker(node, running) -> dict[int, str]:
    """Stops the worker of a node if it carries out one of these jobs: its number, and the job."""
    for worker in workers_of(node):
        os.kill(worker, signal.SIGSTOP)
    halted = workers_of(node)
    for other in [worker for worker, job in halted.items() if job not in running]:
        os.kill(other, signal.SIGCONT)
        del halted[other]
    return halted


def workers_of(node) -> dict[int, str]:
    """Process numbers of the workers of a node, and the job that each has, or IDLE."""
    raylet = node.all_processes["raylet"][0].process.pid
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True)
    lines = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return {
        int(pid): name.partition("ray::")[2].strip()
        for pid, parent, name in lines
        if parent == str(raylet) and name.startswith("ray::")
    }


@pytest.fixture
def unshared(monkeypatch):
    """Nodes that do not find the folder of the machine which starts the jobs."""
    monkeypatch.setattr(cluster_module, "mark", lambda root: ".elsewhere")


@pytest.fixture
def found(two_nodes, monkeypatch):
    """The cluster is the one that ``--ray auto`` finds, whatever else this machine is part of."""
    monkeypatch.setenv("RAY_ADDRESS", two_nodes.address)


@pytest.mark.slow
def test_a_grid_on_nodes_of_which_one_dies_equals_one_of_local_processes(
    nodes, found, dies, unshared, tmp_path, capsys
):
    tiny.make_table(tmp_path)
    kinds = ("recalibrate", "batchstat", "running")
    line = tiny.arguments("spos", "--score.bn", *kinds, "--seed", *"02")
    labelled, _ = parse(line)
    assert len(labelled) == 6
    local = Execution(data=tmp_path, runs=tmp_path / "local", device="cpu")
    names = run_grid(labelled, local, workers=2).finished.values()
    capsys.readouterr()
    dies(1, lambda event: event.ended)
    far = tmp_path / "far"
    main([*line, "--data", str(tmp_path), "--runs", str(far), "--ray", "auto"])
    told = capsys.readouterr()
    assert not nodes.worker_nodes
    assert told.err.count("its worker is gone") == 1
    assert told.err.count("done in") == 6
    # Ray tells of the node ahead of it, and the comparison comes behind.
    printed = [word for word in told.out.split() if word.startswith(str(far))]
    assert printed == [str(far / name) for name in names]
    for name in names:
        same_run(local.runs / name, far / name)


def same_run(one: Path, other: Path) -> None:
    first, second = ({path.name for path in folder.glob("[!.]*")} for folder in (one, other))
    assert first == second and "checkpoint.pt" not in first
    assert (one / "scores.parquet").read_bytes() == (other / "scores.parquet").read_bytes()
    first, second = (json.loads((folder / "run.json").read_text()) for folder in (one, other))
    for part in ("metrics", "found", "config"):
        assert first[part] == second[part]


@pytest.mark.slow
def test_a_table_on_nodes_of_which_one_dies_equals_one_of_local_processes(
    nodes, found, dies, tmp_path, monkeypatch
):
    narrow = {"nb201": lambda scale: NASBench201(scale, width=2)}
    monkeypatch.setattr(table_command, "SPACES", narrow)
    numbers = ("--architectures", "4", "--seeds", "2", "--epochs", "1", "--workers", "2")

    def build(name, *more):
        output = tmp_path / name / "table.parquet"
        table_command.main(["build", *numbers, "--output", str(output), *more])
        table = Table.load(output)
        table.meta.measured.pop("cpu_seconds")  # what alone is not a function of the trainings
        table.save(output)
        assert [path.name for path in output.parent.glob("[!.]*")] == ["table.parquet"]
        return output.read_bytes()

    def interrupted(executor, seconds):
        told = events(executor, seconds)
        seen.extend(event for event in told if event.result is not None)
        if len(seen) > 1:
            raise KeyboardInterrupt
        return told

    events, seen = RayExecutor.events, []
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RayExecutor, "events", interrupted)
        build("far", "--ray", "auto")
    dies(1, lambda event: event.result is not None)
    assert build("far", "--ray", "auto") == build("local")
    assert not nodes.worker_nodes


@pytest.mark.slow
def test_an_item_is_reproduced_on_a_cluster(two_nodes, found, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "papers" / "toy"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text('title = "Toy"\nauthors = "A."\nvenue = "V."\n')
    (folder / "table-1.toml").write_text(tiny.ITEM.replace("seeds = [0, 1]", "seeds = [0]"))
    monkeypatch.setattr(loading, "PAPERS", folder.parent)
    tiny.make_table(tmp_path / "data")
    places = {name: str(tmp_path / name) for name in ("data", "runs", "output")}
    options = [text for name, place in places.items() for text in (f"--{name}", place)]
    reproduce(["toy", "table-1", "--json", *options, "--ray", "auto"])
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["tag"], cell["n"]) == ("trained-reduced", 1)


@pytest.mark.slow
def test_what_ray_prints_is_no_result(two_nodes, tmp_path, capsys):
    """It tells of nodes that died on standard output, at any time while it is connected."""
    executor = RayExecutor(Cluster(two_nodes.address), tmp_path)
    print("a node died")
    executor.stop()
    print("a result")
    printed = capsys.readouterr()
    assert printed.out == "a result\n"
    assert "a node died\n" in printed.err


@pytest.mark.slow
def test_a_job_that_always_dies_has_failed_and_a_mistake_is_told(two_nodes, tmp_path):
    executor = RayExecutor(Cluster(two_nodes.address), tmp_path)
    assert executor.slots == 1
    ended = []
    try:
        for work in [toy_jobs.be_killed] * cluster_module.MOST_DEATHS + [toy_jobs.refuse]:
            executor.start(work.__name__, toy_jobs.Movable(work))
            told = []
            while not told or not told[-1].ended:
                told += executor.events(10.0)
            ended.append(told[-1])
    finally:
        executor.stop()
    *first, last, mistake = ended
    assert all(event.again and not event.error for event in first)
    assert not last.again
    assert last.error.startswith("its worker died 5 times, at last: its process was ended by SIGKI")
    assert mistake.error == "this can be mended."
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("cluster", "sentence"), [
        (Cluster("127.0.0.1:1"), "no Ray cluster answers at '127.0.0.1:1'.* leave --ray out"),
        (Cluster("nonsense"), "no Ray cluster answers at 'nonsense'"),
        (Cluster("ray://127.0.0.1:10001"), "is not HOST:PORT; run the command on a node"),
        (Cluster("here", cpus=64), "no node of the Ray cluster has the 64 CPUs and 0 GPUs"),
        (Cluster("here", gpus=0.5), "has the 1 CPUs and 0.5 GPUs that a job asks for"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_a_cluster_that_cannot_be_used_is_refused(two_nodes, tmp_path, cluster, sentence):
    if cluster.address == "here":
        cluster = replace(cluster, address=two_nodes.address)
    with pytest.raises(UsageError, match=sentence):
        RayExecutor(cluster, tmp_path)
