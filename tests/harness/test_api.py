"""The Python interface: the same as the commands, lazy, with errors of one sentence."""

import json
import subprocess
import sys

import numpy as np
import pandas
import pytest
import tiny

import harness
from harness import (
    Config,
    Evaluation,
    evaluate,
    evaluate_transfer,
    export,
    open_table,
    read_runs,
    run_method,
)
from harness.cli import main
from methods.options import Recipe
from searchspaces.errors import UsageError

QUICK = {
    "train.steps": 6,
    "train.batch_size": 16,
    "equalise": "steps",
    "score.calibration_images": 64,
    "score.images": 200,
    "search.population": 4,
    "search.parents": 2,
    "rank.architectures": tiny.RANKED,
}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of the test's own with a table in it, and nothing of the machine's."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    tiny.make_table(tmp_path / "data", seeds=2)
    return tmp_path


@pytest.fixture
def scores(elsewhere):
    """Score of each architecture of the table, in another order than its."""
    archs = open_table(data="data").archs
    drawn = np.random.default_rng(1).normal(size=len(archs)).tolist()
    return dict(sorted(zip(archs, drawn, strict=True)))


def test_the_names_come_on_first_use_and_help_does_without():
    heavy = ("torch", "numpy", "pandas", "scipy", "pyarrow", "matplotlib")
    script = f"""
import sys
import harness
assert dir(harness) == sorted(harness.__all__)
assert not [name for name in {heavy!r} if name in sys.modules]
assert "harness.api" not in sys.modules
from harness import Config, evaluate, open_table, read_runs, run_method
assert dir(harness) == sorted(harness.__all__)
assert not [name for name in {heavy!r} if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'evalute'"):
        harness.evalute  # noqa: B018


@pytest.mark.slow
def test_scores_of_every_space_are_judged_without_torch(elsewhere):
    script = """
import sys
from harness import evaluate, open_table
from searchspaces.registry import SPACES

for space in SPACES:
    archs = open_table(space, "digits").archs[:30]
    result = evaluate(dict(zip(archs, range(len(archs)))), space, "digits")
    assert result.content["n"] == len(archs) and str(result), space
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


# evaluate -----------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["test", "val"])
def test_an_evaluation_is_what_the_command_prints(scores, elsewhere, capsys, split):
    file = elsewhere / "scores.json"
    file.write_text(json.dumps(scores))
    common = ["evaluate", str(file), "--data", "data", "--split", split]
    assert main([*common, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert main(common) == 0
    text = capsys.readouterr().out
    for given in (scores, pandas.Series(scores), file, str(file)):
        result = evaluate(given, split=split, data="data")
        assert result.to_dict() == printed
        assert f"{result}\n" == text


@pytest.mark.slow
def test_rows_and_numpy_numbers_are_scores_too(scores):
    table = open_table(data="data")
    by_row = {np.int64(table.index([arch])[0]): np.float32(s) for arch, s in scores.items()}
    rounded = {arch: float(np.float32(score)) for arch, score in scores.items()}
    found, expected = (evaluate(given, data="data").to_dict() for given in (by_row, rounded))
    assert found["notes"].pop(0).startswith("Architectures were given as row numbers of the table")
    assert found == expected


@pytest.mark.slow
def test_the_parts_of_an_evaluation_are_those_of_its_dict(scores):
    result = evaluate(scores, data="data")
    assert isinstance(result, Evaluation)
    content = result.to_dict()
    assert result.tau == content["metrics"]["all"]["kendall_tau"]
    assert result.tau["low"] < result.tau["value"] < result.tau["high"]
    assert (result.metrics, result.floors) == (content["metrics"], content["floors"])
    assert (result.ceiling, result.notes) == (content["ceiling"], content["notes"])
    assert repr(result) == f"<Evaluation of 20 architectures: τ = {result.tau['value']:.4f}>"
    assert repr(evaluate(dict.fromkeys(scores, 1.0), data="data")).endswith("τ = undefined>")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([1.0, 2.0], "a dict, a pandas Series or DataFrame of architecture and .*, not a list"),
        (3, "or the path of a file, not a whole number"),
        (None, "or the path of a file, not None"),
        (np.ones(2), "or the path of a file, not of type ndarray"),
        ({"nonsense": 1.0, "other": 2.0}, "'nonsense' is not in the table"),
        ({0: 1.0, "0": 2.0}, "'0' has two scores, 1.0 and 2.0"),
        ({0: 1.0, 1: float("nan")}, "the score of '1' is nan"),
        ({0: 1.0, 1: "high"}, "the score of '1' is no number: high"),
        ({0: 1.0}, "at least two architectures"),
        ("scores.csv", "cannot read scores.csv"),
    ],
)
def test_what_is_no_scores_is_refused_in_a_sentence(elsewhere, given, sentence):
    with pytest.raises(UsageError, match=sentence):
        evaluate(given, data="data")


# open_table ---------------------------------------------------------------------------------


def test_a_table_has_strings_truth_and_cost_and_says_itself_in_a_line(elsewhere):
    table = open_table("nb201", "digits", data="data")
    assert len(table) == len(table.archs) == tiny.ARCHITECTURES
    assert all(type(arch) is str for arch in table.archs)
    truth = table.truth("test")
    assert (truth.dtype, truth.shape) == (np.float64, (tiny.ARCHITECTURES,))
    assert table.params.dtype == table.madds.dtype == np.int64
    said = "nb201-compact-digits: 20 architectures, val and test accuracy after 4 epochs"
    assert repr(table) == f"<Table {said}>"


@pytest.mark.parametrize("function", [open_table, lambda **names: evaluate({}, **names)])
@pytest.mark.parametrize(
    ("names", "meant"), [({"space": "nb210"}, "nb201"), ({"task": "digit"}, "digits")]
)
def test_unknown_names_suggest_the_nearest(elsewhere, function, names, meant):
    with pytest.raises(UsageError, match=f"did you mean '{meant}'"):
        function(**names)


@pytest.mark.parametrize("function", [evaluate, evaluate_transfer])
def test_an_unknown_split_suggests_the_nearest(elsewhere, function):
    with pytest.raises(UsageError, match=r"^split: unknown 'tset'; did you mean 'test'\?$"):
        function({}, split="tset")


# run_method and read_runs -------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_gives_its_record_and_is_a_row_of_the_runs(elsewhere, capsys):
    import torch

    threads = torch.get_num_threads()
    given = {"values": QUICK, "data": "data", "workers": 1, "keep_checkpoint": True}
    record = run_method("spos", preset="smoke", seed=3, **given)
    assert torch.get_num_threads() == threads
    folder = elsewhere / "runs" / record["run"]
    assert json.loads((folder / "run.json").read_text()) == record
    assert record["config"]["search"]["generations"] == 2  # as preset smoke has it

    line = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    line += ["--method=spos", "--preset=smoke", "--seed=3", "--data=data", "--json"]
    assert main(["run", *line]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == record
    assert "holds this run finished" in printed.err

    (elsewhere / "runs" / "begun").mkdir()
    (elsewhere / "runs" / "begun" / "checkpoint.pt").touch()
    for given in ("runs", elsewhere / "runs", folder, [str(folder)]):
        frame = read_runs(given)
        assert list(frame["run"]) == [record["run"]]
    row, tau = read_runs().iloc[0], record["metrics"]["all"]["kendall_tau"]
    assert (row["tau"], row["tau_low"], row["tau_high"], row["tau_n"]) == (*tau.values(),)
    assert tuple(row[["method", "space", "task", "seed"]]) == ("spos", "nb201", "digits", 3)
    assert row["floor"] == record["floors"]["params"]["value"]
    assert row["ceiling"] == record["ceiling"]["seed_mean"]["value"]
    assert (row["epochs"], row["n"], row["image_passes"]) == (4, 12, 6 * 16)
    numbers = frame.drop(columns="run").select_dtypes("number").columns
    assert {"seed", "tau", "regret", "found_truth", "seconds", "epochs"} <= set(numbers)

    card = export(str(folder), "found.pt2", data="data")
    assert card["architecture"]["arch"] == record["found"]["arch"]
    assert main(["export", str(folder), "--output", "other.pt2", "--data", "data", "--json"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert other == card | {"file": "other.pt2"}
    with pytest.raises(
        UsageError, match="found.pt2 exists.* another output, or give overwrite=True"
    ):
        export(folder, "found.pt2", data="data")
    assert main(["export", str(folder), "--output", "found.pt2", "--data", "data"]) == 2
    assert main(["export", str(folder), "--output", "found.pt2", "--overwrite", "--data=data"]) == 0
    assert "Network found.pt2, card found.pt2.md" in capsys.readouterr().out


@pytest.mark.slow
def test_a_method_in_a_file_runs_in_every_process_and_a_changed_one_runs_anew(elsewhere):
    """A script of its own, for a module once imported stays as it was.

    It has no guard: multiprocessing would have each of the processes run it once more.
    """
    (elsewhere / "script.py").write_text(
        "import sys\n"
        "from harness import run_method\n"
        f"values = {QUICK | {'rank.architectures': 20}!r}\n"
        "record = run_method('./mine.py:Mine', preset='smoke', values=values, data='data',\n"
        "                    workers=int(sys.argv[1]))\n"
        "print(record['run'], record['n'], *record['notes'][-1:])\n"
    )
    told = []
    for note, workers in (("first", "2"), ("second", "1")):
        (elsewhere / "mine.py").write_text(
            "from methods.spos import SPOS\n\n\nclass Mine(SPOS):\n"
            f"    def notes(self):\n        return ['{note}']\n"
        )
        command = [sys.executable, "-B", "script.py", workers]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
    (first, *_), (second, *_) = told
    assert [words[1:] for words in told] == [["20", "first"], ["20", "second"]]
    assert first != second
    assert first.startswith("nb201-digits-Mine-") and second.startswith("nb201-digits-Mine-")
    assert set(read_runs()["run"]) == {first, second}
    assert len(list((elsewhere / "runs" / "supernets").glob("*.pt"))) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"method": "spso"}, "did you mean 'spos'"),
        ({"method": "spos", "space": "nb210"}, "did you mean 'nb201'"),
        ({"method": "spos", "preset": "smok"}, "did you mean 'smoke'"),
        ({"method": "spos", "task": "digit"}, "did you mean 'digits'"),
        ({"method": "spos", "values": {"train.step": 3}}, "did you mean 'train.steps'"),
        ({"method": "spos", "values": {"train.steps": "3"}}, "takes a whole number, not '3'"),
        ({"method": "spos", "values": {"options.sampler": "flops"}}, "unknown 'flops'"),
        ({"method": "spos", "values": {"method": "dna"}}, "'method' is an argument of run_method"),
        ({"method": "spos", "seed": -1}, "^seed takes numbers from 0"),
    ],
)
def test_what_no_run_can_have_is_refused_in_a_sentence(elsewhere, arguments, sentence):
    with pytest.raises(UsageError, match=sentence):
        run_method(**arguments)
    assert not (elsewhere / "runs").exists()


def test_an_unknown_parameter_is_a_sentence(elsewhere):
    with pytest.raises(UsageError, match="no parameter 'steps'; options of a run go into values"):
        run_method("spos", steps=3)
    with pytest.raises(UsageError, match="no parameter 'worker'; did you mean 'workers'"):
        run_method("spos", worker=3)
    with pytest.raises(UsageError, match="open_table has no parameter 'spase'; did you mean 'sp"):
        open_table(spase="nb201")


def test_reading_no_runs_is_refused(elsewhere):
    with pytest.raises(
        UsageError, match="holds no run, neither .*; give the folder that `nas-harn"
    ):
        read_runs(elsewhere)
    with pytest.raises(UsageError, match="no folder .*nowhere; give one of runs"):
        read_runs("nowhere")


# What errors name ---------------------------------------------------------------------------


NUMBERS = "arch,one,two\n0,1,2\n1,2,1\n"


@pytest.mark.parametrize(
    ("file", "function", "command", "in_python", "on_the_command_line"),
    [
        ("arch,score\n0,1\n1,nan\n", "evaluate", "evaluate", "by drop_nan=True.", "by --drop-nan."),
        (NUMBERS, "evaluate", "evaluate", "by arch_column or score_column;", "or --score-column;"),
        ("{}", "run_method", "run --seed -1", "seed takes numbers", "--seed takes numbers"),
        (
            "{}",
            "run_method",
            "run --train.batch-size 0",
            "train.batch_size takes",
            "--train.batch-s",
        ),
        (
            "{}",
            "run_method",
            "run --task cifar10 --method spos",
            "or pass data=DIR with",
            "or pass --data DIR with",
        ),
    ],
)
def test_errors_name_parameters_in_python_and_flags_on_the_command_line(
    elsewhere, capsys, file, function, command, in_python, on_the_command_line
):
    (elsewhere / "scores.csv").write_text(file)
    words = command.split()
    assert main([*words, *(["scores.csv"] if function == "evaluate" else [])]) == 2
    assert on_the_command_line in capsys.readouterr().err
    given = {"scores": "scores.csv"} if function == "evaluate" else {"method": "spos"}
    if words[1:]:
        name, value = words[1].removeprefix("--").replace("-", "_"), words[2]
        value = int(value) if value.lstrip("-").isdigit() else value
        given |= {"values": {name: value}} if "." in name else {name: value}
    with pytest.raises(UsageError) as raised:
        getattr(harness, function)(**given)
    assert in_python in str(raised.value) and "--" not in str(raised.value)


# Config.from_preset -------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("method", ["spos", "mngnas"])
def test_a_preset_has_the_values_of_the_command(preset, method):
    from harness.commands.run import parse

    line = ["--method", method, "--preset", preset, "--task", "cifar10"]
    made = Config.from_preset(preset, method=method, task="cifar10")
    assert made == parse(line)[0]
    assert made == Config(preset=preset, method=method, task="cifar10")
    assert made.search.generations == {"smoke": 2, "laptop": 8, "paper": 20}[preset]


def test_what_is_given_in_python_is_not_the_presets():
    made = Config(method="spos", preset="smoke", train=Recipe(lr=0.2), equalise="steps")
    assert (made.train, made.equalise) == (Recipe(lr=0.2), "steps")  # with its own 4000 steps
    assert (made.search.population, made.rank.architectures) == (8, 60)
    assert Config(method="spos", preset="paper").equalise == "steps"
    with pytest.raises(UsageError, match="unknown preset 'smok'; did you mean 'smoke'"):
        Config(method="spos", preset="smok")


def test_odd_arguments_are_refused_in_a_sentence():
    with pytest.raises(UsageError, match="not None"):
        read_runs(None)
    with pytest.raises(UsageError, match="folder of runs, or several, not 3"):
        read_runs(3)
    with pytest.raises(UsageError, match="method is a text, not None"):
        run_method(None)
    with pytest.raises(UsageError, match="workers is a whole number, not '2'"):
        run_method("spos", preset="smoke", workers="2")
    with pytest.raises(UsageError, match=r"values is a dict, not \[3\]"):
        run_method("spos", values=[3])
    with pytest.raises(UsageError, match="data is a path, not 3"):
        open_table(data=3)
    with pytest.raises(UsageError, match="not -3"):
        run_method("spos", preset="smoke", workers=-3)
