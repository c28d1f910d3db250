"""The command line: exit codes, one sentence for every mistake, help that answers at once."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import tiny

from harness import cli
from harness.cli import COMMANDS, main
from harness.commands.bench import BENCHMARKS
from harness.tabular.table import Table
from searchspaces.errors import UsageError

ROOT = Path(cli.__file__).parent.parent
PIPES = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
HEAVY = ("torch", "pandas", "scipy", "matplotlib", "seaborn", "sklearn", "pyarrow", "rich", "PIL")
HELP = [
    [],
    ["--help"],
    *([command, "--help"] for command in COMMANDS),
    ["run", "--method", "spos", "--preset", "smoke", "--help-all"],
    *(["table", action, "--help"] for action in ("import", "build", "info", "list")),
    *(["latency", action, "--help"] for action in ("measure", "show")),
    *(["bench", name, "--help"] for name in BENCHMARKS),
]
ASK_FOR_HELP = f"""
import json, sys
from harness.cli import main
answers = []
for arguments in {HELP!r}:
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    answers.append([code, [name for name in {HEAVY!r} if name in sys.modules]])
print(json.dumps(answers), file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No tables or data sets of the machine's, and a working folder of the test's own."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path):
    tiny.make_table(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def refusal(capsys):
    """``refusal(*arguments)``: the one sentence with which they are refused."""

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("nas-harness: ")
        assert printed.err.endswith("\n")
        assert printed.err.count("\n") == 1, printed.err
        return printed.err

    return run


def helped(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_shows_what_is_asked_for_first_and_the_rest_on_demand(capsys):
    short = helped(capsys, "--help")
    assert short.startswith("usage: nas-harness run --method METHOD [--space SPACE] [options]\n")
    assert short.count("\n") < 75 and "None" not in short
    lines = short.splitlines()
    assert "  nas-harness run --method spos --space nb201 --preset smoke" in lines[:12]
    assert "--train.steps INT" not in short
    assert "--options.kd {" not in short and "--seed INT" in short
    own = helped(capsys, "--method", "mngnas", "--help")
    assert "--options.kd {none,single,average,searched,full}" in own
    assert "--train.lr FLOAT" not in own
    every = helped(capsys, "--method=mngnas", "--help-all")
    assert "--train.lr FLOAT" in every and "--options.kd {" in every and "--score.by" in every
    assert "(default: 64)" in every


@pytest.mark.slow
def test_help_answers_without_heavy_imports():
    result = subprocess.run([sys.executable, "-c", ASK_FOR_HELP], **PIPES)
    answers = json.loads(result.stderr)
    for arguments, answer in zip(HELP, answers, strict=True):
        assert answer == [0, []], arguments
    for command in COMMANDS:
        assert f"  {command} " in result.stdout
    assert "--train.steps" in result.stdout
    assert "(default: 200)" in result.stdout  # of preset smoke
    assert "--options.kd" in result.stdout
    assert "--options.sampler" in result.stdout
    assert "--architectures" in result.stdout
    assert "--batch-size" in result.stdout  # of benchmarks


def test_the_version_is_that_of_the_package(capsys, monkeypatch):
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    monkeypatch.setattr("importlib.metadata.version", {"nas-evaluation-harness": written}.get)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"nas-harness {written}\n"


def test_sources_that_are_not_installed_have_no_version(capsys, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "nas-harness, not installed\n"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("rnu", "run"),
        ("run --method mgnas", "mngnas"),
        ("run --space nb210", "nb201"),
        ("run --preset papre", "paper"),
        ("run --task digit", "digits"),
        ("run --method spos --scale compcat --runs r", "compact"),
        ("run --optoins.kd none", "--options.kd"),
        ("run --trian.steps 5", "--train.steps"),
        ("table biuld", "build"),
        ("table build --task digts", "digits"),
        ("table build --space nb20l", "nb201"),
        ("table info nb201 digts", "digits"),
        ("evaluate scores.csv --task digts", "digits"),
        ("evaluate scores.csv --space nb2001", "nb201"),
        ("evaluate scores.csv --spilt val", "--split"),
        ("evaluate scores.csv --split tset", "test"),
        ("compare --refrence spos", "--reference"),
        ("list tasks --dta x", "--data"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(refusal, line, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores.csv").write_text("arch,score\nx,0.5\ny,1.5\n")
    assert refusal(*line.split()).endswith(f"did you mean '{meant}'?\n")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("run --seed abc", "'abc' is not a whole number"),
        ("run --seed -1", "--seed takes numbers from 0"),
        ("run --train.steps 0", "--train.steps takes at least 1, not 0"),
        ("run --train.lr nan", "--train.lr takes"),
        ("run --method spos --device gpu --runs r", "the device 'gpu' is not available here"),
        (
            "run --method spos --device cuda:77 --runs r",
            "the device 'cuda:77' is not available here",
        ),
        ("run --method", "expected one argument"),
        ("run --workers two", "'two' is not a whole number of at least 0"),
        ("run --method spos --data nowhere", "nowhere does not exist"),
        ("run --method spos --train-images 9999 --runs r", "--train-images 9999"),
        (
            "run --method spos --space darts --task cifar10",
            "no ground truth table darts-cifar-cifar10",
        ),
        ("table build --epochs 0", "--epochs takes at least 1"),
        ("table build --batch-size 0", "--batch-size takes at least 1"),
        ("table build --lr nan", "--lr takes at least 0, not nan"),
        ("table build --architectures -1", "'-1' is not a whole number of at least 0"),
        ("table build --seeds 0", "'0' is not a whole number of at least 1"),
        ("table build --workers -1", "'-1' is not a whole number of at least 0"),
        ("table import nb201 nothing.csv", "nothing.csv does not exist"),
        ("table info darts cifar100", "no ground truth table darts-cifar-cifar100"),
        ("evaluate", "required: scores, as in `nas-harness evaluate scores.csv --space nb201"),
        ("compare", "required: runs, as in `nas-harness compare runs`; see 'nas-harness compare"),
        ("page", "required: runs, as in `nas-harness page runs`; see 'nas-harness page --help'"),
        ("detect", "required: folder, as in `nas-harness detect runs/standalone/NAME --data COCO`"),
        ("conformance", "--method or --space is missing, as in `nas-harness conformance --method"),
        ("grid --method spos --seed a", "see 'nas-harness grid --help'"),
        ("study --seed a", "see 'nas-harness study --help'"),
        ("evaluate nothing.csv", "cannot read nothing.csv"),
        ("compare nowhere", "nowhere"),
    ],
)
def test_a_mistake_is_one_sentence(refusal, tmp_path, line, sentence):
    assert sentence in refusal(*line.split())
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "r").exists()


def test_a_truncated_table_is_named(refusal, data):
    (path,) = data.iterdir()
    scores = data.parent / "scores.csv"
    archs = Table.load(path).archs[:3]
    scores.write_text("".join(f"{arch},{row}.5\n" for row, arch in enumerate(archs)))
    path.write_bytes(path.read_bytes()[:-100])
    for line in (
        ["run", "--method=spos"],
        ["evaluate", scores],
        ["table", "info", "nb201", "digits"],
    ):
        assert f"the table {path} is cut short" in refusal(*line, "--data", data)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PAR1rubbishPAR1"])
def test_a_corrupt_parquet_is_named(refusal, data, tmp_path, content):
    scores = tmp_path / "scores.parquet"
    scores.write_bytes(content)
    assert f"{scores}: " in refusal("evaluate", scores, "--data", data)
    (path,) = data.iterdir()
    path.write_bytes(content)
    assert str(path) in refusal("run", "--method=spos", "--data", data)


def test_a_missing_data_set_is_named_and_leaves_nothing_behind(refusal, tmp_path):
    data = tmp_path / "data"
    tiny.make_table(data, scale="benchmark", task="cifar10")
    message = refusal("run", "--method", "spos", "--task", "cifar10", "--data", data)
    assert "CIFAR-10" in message
    assert str(data) in message
    assert not (tmp_path / "runs").exists()


def test_a_folder_in_which_nothing_can_be_written_is_named(refusal, data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "--runs" in refusal(
        "run", "--method=spos", "--data", data, "--runs", tmp_path / "file" / "runs"
    )
    output = tmp_path / "file" / "table.parquet"
    message = refusal("table", "build", "--architectures", 1, "--seeds", 1, "--output", output)
    assert str(output.parent) in message and "--output" in message


@pytest.mark.parametrize("command", ["run", "grid"])
def test_nothing_is_trained_unless_a_method_is_named(refusal, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    said = refusal(command, "--preset", "smoke")
    assert said == refusal(command)
    assert f"--method is missing, as in `nas-harness {command} --method spos" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_named(refusal, data, tmp_path):
    (tmp_path / "runs").mkdir(mode=0o500)
    assert "Permission denied" in refusal("run", "--method=spos", "--data", data)


def test_an_error_of_several_lines_is_printed_as_one(refusal, monkeypatch):
    command(monkeypatch, UsageError("first\n  second"))
    assert refusal("list") == "nas-harness: first second\n"


def test_an_interruption_says_how_to_go_on(capsys, monkeypatch):
    command(monkeypatch, KeyboardInterrupt())
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "nas-harness: interrupted; the same command continues.\n"


@pytest.mark.parametrize(("rank", "who"), [("0", ""), ("3", "process 3: ")])
def test_of_several_processes_those_behind_the_first_say_who_they_are(
    refusal, monkeypatch, rank, who
):
    monkeypatch.setenv("RANK", rank)
    command(monkeypatch, UsageError("this can be mended."))
    assert refusal("list") == f"nas-harness: {who}this can be mended.\n"


def command(monkeypatch, error):
    """Let ``nas-harness list`` raise ``error``."""

    def raise_it(_):
        raise error

    monkeypatch.setattr("harness.commands.list.main", raise_it)


def test_tables_are_described_in_words_and_in_json(capsys, data):
    assert main(["table", "list", "--data", str(data)]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["table", "architectures", "where"]
    names = [row.split()[0] for row in rows if row[0] != " "]
    assert names == sorted(set(names))  # each once
    assert {row.rindex("  ") for row in rows} == {head.rindex("  ")}  # columns stand in line
    own = next(at for at, row in enumerate(rows) if row.startswith("nb201-compact-digits "))
    assert rows[own].split()[1:] == [
        str(tiny.ARCHITECTURES),
        f"{data}/nb201-compact-digits.parquet",
    ]
    assert rows[own + 1].split() == ["600", "package"]
    imported = next(row for row in rows if row.startswith("nb101-1shot1-2-benchmark-cifar10 "))
    assert imported.split()[1:] == ["package,", "imported", "on", "first", "use"]
    assert main(["table", "info", "nb201", "digits", "--data", str(data)]) == 0
    assert f"nb201-compact-digits: {tiny.ARCHITECTURES} arch" in capsys.readouterr().out
    assert main(["table", "info", "nb201", "digits", "--data", str(data), "--json"]) == 0
    description = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert description["architectures"] == tiny.ARCHITECTURES
    assert description["meta"]["licence"] == "Apache-2.0"
    assert description["test_percent"]["p5"] <= description["test_percent"]["best"]


def test_scores_of_somebody_else_are_evaluated(capsys, data, tmp_path):
    table = tiny.make_table(data)
    truth = table.truth("test")
    (tmp_path / "scores.csv").write_text(
        "".join(f"{arch},{value}\n" for arch, value in zip(table.archs, truth, strict=True))
    )
    line = ["evaluate", "scores.csv", "--data", str(data)]
    assert main([*line, "--json"]) == 0
    result = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert {"metrics", "floors", "ceiling"} <= result.keys()
    assert result["metrics"]["all"]["kendall_tau"]["value"] == 1.0
    assert main(line) == 0
    assert "1.0000" in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m harness.run --help | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.startswith("usage:")
    assert result.stderr == ""


@pytest.mark.slow
def test_the_docs_tell_what_the_tables_measured(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    assert main(["table", "list", "--markdown"]) == 0
    rows = capsys.readouterr().out.strip()
    assert "`nb201-compact-digits` | 600 × 3" in rows
    assert rows in (Path(__file__).parents[2] / "docs" / "ground-truth.md").read_text()
    assert main(["table", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    digits = [table["meta"]["measured"] for table in listed if table["name"].endswith("-digits")]
    assert len(digits) == rows.count("-compact-digits`")
    assert all(measured["ceiling"]["seed_mean"] >= 0.6 for measured in digits)
