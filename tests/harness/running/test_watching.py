"""Any-time τ: watching measures what a run would score, survives kills, and changes no bit of it."""

import json
import random
from signal import SIGKILL

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from harness.commands.run import parse
from harness.grid.grid import run_grid
from harness.metrics.metrics import kendall_tau
from harness.resuming.workspace import load_tensors
from harness.running.assembly import load_limited, make_method
from harness.running.pipeline import Execution
from harness.running.training import train_supernet
from harness.running.watching import SEED, Watch, same_random_numbers
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

EVERY = 4  # of six steps: a row there, and one at the end
COLUMNS = ["compute", "cpu_seconds", "tau", "tau_low", "tau_high"]
# A checkpoint of the training, the next one, the shared supernet, a checkpoint of the search.
MOMENTS = (2, 2, 3, 2)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return tiny.make_table(tmp_path_factory.mktemp("watching") / "data", seeds=2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory, table):
    base = tmp_path_factory.mktemp("runs")
    tiny.make_table(base / "data", seeds=2)
    return lambda name, **more: {"data": base / "data", "runs": base / name, **more}


@pytest.fixture(scope="module")
def watched(folders):
    """Per method: a watched run that ranks all, its folder and its record."""
    done = {}

    def made(method):
        if method not in done:
            config = tiny.config(method, "--rank.architectures", "0")
            own = folders(f"watched {method}", watch=EVERY, keep_checkpoint=True)
            record = tiny.run_plainly(config, own)
            done[method] = own["runs"] / record["run"], record
        return done[method]

    return made


def rows_of(folder):
    frame = pd.read_parquet(folder / "history.parquet")
    return frame[frame["phase"] == "watch"].dropna(axis="columns", how="all")


def without_watching(folder):
    """What a run leaves, less what watching adds and what differs from day to day."""
    record = json.loads((folder / "run.json").read_text())
    for name in ("seconds", "peak_memory_mb"):
        del record["costs"][name]
    record.pop("watch", None)
    del record["files"]["history.parquet"]  # whose content is compared below
    history = pd.read_parquet(folder / "history.parquet")
    kept = history[history["phase"] != "watch"].dropna(axis="columns", how="all")
    return record, kept.reset_index(drop=True), pd.read_parquet(folder / "scores.parquet")


def assert_equal(own, other, path=""):
    """Nested containers with equal tensors and values, bit by bit."""
    assert type(own) is type(other), path
    if isinstance(own, dict):
        assert own.keys() == other.keys(), path
        for key in own:
            assert_equal(own[key], other[key], f"{path}.{key}")
    elif isinstance(own, list | tuple):
        assert len(own) == len(other), path
        for number, pair in enumerate(zip(own, other, strict=True)):
            assert_equal(*pair, f"{path}.{number}")
    elif isinstance(own, torch.Tensor):
        assert torch.equal(own, other), path
    else:
        assert own == other, path


# Watching changes nothing -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", tiny.KINDS)
def test_a_watched_run_ends_with_the_bits_of_one_that_is_not(method, watched, folders):
    folder, record = watched(method)
    config = tiny.config(method, "--rank.architectures", "0")
    own = folders(f"plain {method}", keep_checkpoint=True)
    assert tiny.run_plainly(config, own)["run"] == record["run"]
    plain = own["runs"] / record["run"]
    pairs = zip(without_watching(folder), without_watching(plain), strict=True)
    (records, *frames) = map(list, pairs)
    assert records[0] == records[1]
    for frame in frames:
        pd.testing.assert_frame_equal(*frame, check_exact=True)
    ends = [load_tensors(run / "checkpoint.pt")["method"] for run in (folder, plain)]
    assert_equal(*ends)
    supernets = [
        load_tensors(next((run.parent / "supernets").iterdir())) for run in (folder, plain)
    ]
    assert_equal(*(state["trained"] for state in supernets))
    assert_equal(*(state["costs"] for state in supernets))


@pytest.mark.slow
def test_not_even_a_method_that_wrecks_itself_by_scoring_is_disturbed(table):
    config = tiny.config("spos")
    task = load_limited(config, None)
    device = torch.device("cpu")

    def made():
        method = make_method(config, task, device)
        step, build = method.train_step, method.score

        def train(number):
            noise = torch.rand(()), np.random.rand(), random.random()
            return step(number) | {"noise": torch.tensor(float(sum(noise)))}

        def score(archs):
            torch.rand(3), np.random.rand(3), random.random()
            for tensor in method.supernet.state_dict().values():
                tensor.zero_()
            return build(archs)

        method.train_step, method.score = train, score
        return method

    ends = []
    for watch in (None, Watch(2, 6, SPACES["nb201"]("compact"), table, made)):
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        method, history = made(), []
        torch.manual_seed(1)
        train_supernet(method, 6, 0, history, lambda _: None, watch=watch)
        kept = [row for row in history if row["phase"] != "watch"]
        assert len(history) - len(kept) == 3 * (watch is not None)
        ends.append({"state": method.state_dict(), "history": kept, "left": torch.rand(3)})
    assert_equal(*ends)


def test_random_numbers_go_on_as_if_nothing_had_been_drawn():
    def draw():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()

    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    first, then = draw(), draw()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    assert draw() == first
    with same_random_numbers(torch.device("cpu")):
        draw()
        torch.manual_seed(9)
    assert draw() == then


# What is measured ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", tiny.KINDS)
def test_rows_tell_what_was_spent_and_the_last_is_the_tau_of_the_run(method, watched):
    folder, record = watched(method)
    rows = rows_of(folder)
    more = [6] if method == "mngnas" else []  # and what its own scores are worth
    assert rows["step"].tolist() == [4, 6, *more]
    assert {*rows.columns} == {"phase", "step", *COLUMNS}
    assert rows["compute"].diff().iloc[1:].gt(0).all()
    assert rows["compute"].iloc[-1] == record["costs"]["compute"]
    assert rows["cpu_seconds"].gt(0).all() and rows["cpu_seconds"].diff().iloc[1:].ge(0).all()
    scores = pd.read_parquet(folder / "scores.parquet")
    assert len(scores) == tiny.ARCHITECTURES
    assert rows["tau"].iloc[-1] == kendall_tau(scores["score"], scores["truth"])
    interval = record["metrics"]["all"]["kendall_tau"]
    ends = rows[["tau", "tau_low", "tau_high"]].iloc[-1].tolist()
    assert ends == pytest.approx([interval[key] for key in ("value", "low", "high")])
    assert record["watch"]["floors"] == record["floors"]
    assert record["watch"]["ceiling"] == record["ceiling"]


@pytest.mark.slow
def test_dna_is_watched_from_its_first_step_under_the_teacher(folders):
    own = folders("early dna", watch=1)  # the first two of its steps are the teacher's
    record = tiny.run_plainly(tiny.config("dna"), own)
    assert rows_of(own["runs"] / record["run"])["step"].tolist() == [3, 4, 5, 6]


@pytest.mark.slow
def test_costs_of_watching_stand_apart(watched):
    _, record = watched("spos")
    assert "watch" not in record["config"] and "watch" in record
    assert record["watch"]["every"] == EVERY and record["watch"]["seed"] == SEED
    passes = 2 * tiny.ARCHITECTURES * (64 + 200)  # of two rows: images to calibrate and to score
    assert record["watch"]["costs"]["scoring_image_passes"] == passes
    searched = 2 * 4
    assert record["costs"]["scoring_image_passes"] == (searched + tiny.ARCHITECTURES) * (64 + 200)


# Kills, and runs that were begun otherwise --------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spos", "mngnas"])
def test_a_watched_run_killed_again_and_again_has_the_same_curve(method, watched, folders):
    reference, record = watched(method)
    config = tiny.config(method, "--rank.architectures", "0")
    own = folders(f"killed {method}", watch=EVERY)
    for attempt, writes in enumerate(MOMENTS):
        assert tiny.run_killed(config, own, writes) == -SIGKILL, attempt
    assert tiny.run_plainly(config, own)["run"] == record["run"]
    rows = [rows_of(folder) for folder in (reference, own["runs"] / record["run"])]
    assert rows[1]["cpu_seconds"].diff().iloc[1:].ge(0).all()
    for frame in rows:
        del frame["cpu_seconds"]
    pd.testing.assert_frame_equal(*rows, check_exact=True)
    kept = [json.loads((f / "run.json").read_text())["watch"] for f in (reference, own["runs"] / record["run"])]  # fmt: skip
    for watch in kept:
        del watch["costs"]["cpu_seconds"]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_a_run_is_continued_as_it_was_begun(folders):
    config = tiny.config("spos")
    for begun, then, words in ((0, 2, "without --watch"), (2, 0, "with --watch 2"), (2, 3, "with")):
        own = folders(f"begun {begun} {then}", watch=begun)
        assert tiny.run_killed(config, own, 2) == -SIGKILL
        with pytest.raises(UsageError, match=words):
            tiny.run_plainly(config, own | {"watch": then})
        record = tiny.run_plainly(config, own)
        assert record.get("watch", {"every": 0})["every"] == begun


@pytest.mark.slow
def test_a_finished_run_that_was_not_watched_says_so(folders):
    config, own = tiny.config("spos"), folders("finished")
    record = tiny.run_plainly(config, own)
    with pytest.raises(UsageError, match=r"finished but not watched.*--watch 2.*--runs"):
        tiny.run_plainly(config, own | {"watch": 2})
    outcome = run_grid([("spos", config)], Execution(**own, device="cpu", watch=2), 1)
    assert "not watched" in outcome.failed["spos"]
    assert tiny.run_plainly(config, own) == record


@pytest.mark.slow
def test_a_supernet_counts_as_watched_only_if_it_was(folders, watched, capsys):
    own = folders("shared")
    spos, mngnas = (tiny.config(name, "--rank.architectures", "0") for name in ("spos", "mngnas"))
    tiny.run_plainly(spos, own)
    record = tiny.run_plainly(mngnas, own | {"watch": EVERY})
    assert "trained once more" in capsys.readouterr().err
    rows = rows_of(own["runs"] / record["run"]), rows_of(watched("mngnas")[0])
    for frame in rows:
        del frame["cpu_seconds"]
    pd.testing.assert_frame_equal(*rows, check_exact=True)

    arm = tiny.config("mngnas", "--rank.architectures", "0", "--options.kd", "none")
    record = tiny.run_plainly(arm, own | {"watch": EVERY})
    assert "supernet taken" in capsys.readouterr().err
    taken = rows_of(own["runs"] / record["run"])
    assert taken["tau"].tolist()[:2] == rows[0]["tau"].tolist()[:2]

    arm = tiny.config("mngnas", "--rank.architectures", "0", "--options.kd", "single")
    record = tiny.run_plainly(arm, own)
    assert "supernet taken" in capsys.readouterr().err
    assert rows_of(own["runs"] / record["run"]).empty and "watch" not in record


def test_the_command_line_takes_it_and_a_configuration_does_not_change():
    plain = parse(tiny.arguments("spos"))
    config, execution, _, _ = parse(tiny.arguments("spos", "--watch", "50"))
    assert execution["watch"] == 50 and plain[1]["watch"] == 0
    assert config == plain[0]
    with pytest.raises(UsageError, match="whole number"):
        parse(tiny.arguments("spos", "--watch", "-1"))
