"""Jobs killed at random moments or on a full disk: done again, they end with the same bits.

``pytest tests/reliability/test_kills.py --kills 15`` disturbs fifteen jobs of each kind, and says
how many died.
"""

import json
import random
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path
from shutil import copytree, rmtree

import pytest
import tiny
import torch

from harness.resuming.workspace import load_tensors
from harness.tabular.table import Table
from harness.tasks import load_task
from methods.standalone.recipe import StandaloneRecipe
from reports.runs.record import load
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

CHANGING = ("seconds", "peak_memory_mb", "cpu_seconds")  # what no two runs have alike


def quiet() -> None:
    torch.set_num_threads(1)


def run(method: str, folder: Path) -> None:
    """Train, search, rank, and draw the pictures of a finished run."""
    quiet()
    folders = {"data": folder.parent / "data", "runs": folder / "runs"}
    tiny.run_plainly(tiny.config(method), folders, pictures=True)


def build(folder: Path) -> None:
    from harness.standalone.build_table import build_table

    quiet()
    build_table(
        SPACES["nb201"]("compact", 2), load_task("digits", None), StandaloneRecipe(epochs=1), 4, 1,
        folder / "table.parquet", 1,
    )  # fmt: skip


def report(folder: Path) -> None:
    """Tables and figures of a paper, in every format, from runs that are not there."""
    from harness.cli import main

    quiet()
    output, runs = folder / "reports", folder / "runs"
    given = ["report", "studies", "ablation-kd", "--output", str(output), "--runs", str(runs)]
    if code := main(given):
        sys.exit(code)


JOBS = {
    "spos": partial(run, "spos"),
    "mngnas": partial(run, "mngnas"),
    "build": build,
    "report": report,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "trial" in metafunc.fixturenames:
        metafunc.parametrize("trial", range(metafunc.config.getoption("kills")))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    tiny.make_table(folder / "data", seeds=2)
    process = tiny.quick_context().Process(target=quiet)  # no job waits for the server's imports
    process.start()
    process.join()
    return folder


@pytest.fixture(scope="module")
def undisturbed(base):
    """Per job: the folder where it ran in peace, and the seconds that it took."""
    done = {}

    def get(name):
        if name not in done:
            started = time.monotonic()
            folder = base / f"{name} in peace"
            assert carried_out(name, folder) == 0
            done[name] = folder, time.monotonic() - started
        return done[name]

    return get


def carried_out(name: str, folder: Path, seconds: float | None = None) -> int | None:
    """The exit code of a job, killed after so many ``seconds`` if it lasts so long."""
    process = tiny.quick_context().Process(target=JOBS[name], args=(folder,))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode


def killed(name: str, folder: Path, seconds: float) -> int:
    """Kill a job that goes on with what ``folder`` holds; how often it took.

    A job that ends within so many ``seconds`` is forgotten and done again, for half as long.
    """
    before, tries = folder.with_name(f"{folder.name} before"), 1
    folder.mkdir(exist_ok=True)
    copytree(folder, before)
    while (code := carried_out(name, folder, seconds)) != -signal.SIGKILL:
        assert code == 0
        rmtree(folder)
        copytree(before, folder)
        seconds, tries = seconds / 2, tries + 1
    rmtree(before)
    return tries


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_a_job_killed_at_random_ends_with_the_same_bits(
    name, trial, base, undisturbed, record_property
):
    reference, seconds = undisturbed(name)
    folder, rng = base / f"{name} {trial}", random.Random(f"{name} {trial}")
    for _ in range(rng.randint(1, 3)):
        record_property("tries", killed(name, folder, rng.uniform(0, seconds)))
        check_whole(folder)
    assert carried_out(name, folder) == 0
    assert differing(contents(folder), contents(reference)) == []


def check_whole(folder: Path) -> None:
    """Nothing that carries its final name is half-written."""
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())
    for path in folder.rglob("*.parquet"):
        assert path.read_bytes().endswith(b"PAR1")
    for record in folder.rglob("run.json"):
        load(record.parent).scores()


def contents(folder: Path) -> dict[str, object]:
    """All files by name, as bytes; what differs between any two runs left out of some.

    Those are records, tables and supernets, of which there are the values.
    """
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.suffix == ".json":
            found[name] = steady(json.loads(path.read_text()))
        elif path.name == "table.parquet":
            table = Table.load(path)
            columns = table.accuracies | {"params": table.params, "madds": table.madds}
            values = {key: column.tolist() for key, column in columns.items()}
            found[name] = [table.archs, values, steady(vars(table.meta))]
        elif path.suffix == ".pt":
            found[name] = steady(load_tensors(path))
        else:
            found[name] = path.read_bytes()
    return found


def steady(tree):
    if isinstance(tree, dict):
        return {key: steady(value) for key, value in tree.items() if key not in CHANGING}
    return [steady(item) for item in tree] if isinstance(tree, list | tuple) else tree


def differing(found, expected) -> list[str]:
    """The names under which the two hold something else."""
    names = sorted(found.keys() | expected.keys())
    return [name for name in names if not same(found.get(name), expected.get(name))]


def same(one, other) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.slow
def test_a_supernet_that_differs_is_noticed(base, undisturbed):
    folder, _ = undisturbed("spos")
    expected, found = contents(folder), contents(folder)
    [name] = [name for name in found if name.endswith(".pt")]
    assert differing(found, expected) == []
    weights = next(tensors(found[name]["trained"]))
    weights.view(-1)[0] += 1
    assert differing(found, expected) == [name]


def tensors(tree):
    if isinstance(tree, torch.Tensor):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from tensors(part)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spos", "build", "report"])
def test_a_job_on_a_full_disk_says_so_and_loses_nothing(name, trial, base, undisturbed):
    reference, _ = undisturbed(name)
    folder, rng = base / f"{name} full {trial}", random.Random(f"{name} full {trial}")
    longest = max(path.stat().st_size for path in reference.rglob("*") if path.is_file())
    process = tiny.quick_context().Process(
        target=on_full_disk, args=(rng.randrange(1, longest), name, folder)
    )
    process.start()
    process.join()
    assert process.exitcode == 2
    check_whole(folder)
    assert carried_out(name, folder) == 0
    assert differing(contents(folder), contents(reference)) == []


def on_full_disk(limit: int, name: str, folder: Path) -> None:
    """A disk that takes only ``limit`` bytes of any file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        JOBS[name](folder)
    except UsageError as error:
        assert "free some space" in str(error)
        sys.exit(2)


def test_a_run_whose_file_vanished_says_so(base, undisturbed):
    folder, _ = undisturbed("spos")
    (run_folder,) = (folder / "runs").glob("nb201-*")
    scores = run_folder / "scores.parquet"
    kept = scores.read_bytes()
    scores.unlink()
    try:
        with pytest.raises(UsageError, match="scores.parquet is missing, which its run wrote"):
            load(run_folder)
    finally:
        scores.write_bytes(kept)
