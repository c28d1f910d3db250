"""Every option of a command reaches what it is for, under its own name."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import api
from harness.cli import main
from harness.commands.detect import render
from harness.commands.run import parse as parse_run
from harness.commands.train_standalone import parse as parse_training
from harness.files.fetch import Dataset
from harness.grid.queue import Outcome
from harness.jobs.cluster_options import Cluster


@pytest.fixture
def asked(monkeypatch):
    """``asked(place, answer)``: what the function there is called with from then on, as a list."""

    def listen(place, answer=None):
        calls = []

        def called(*given, **named):
            calls.append((given, named))
            return answer

        monkeypatch.setattr(place, called)
        return calls

    return listen


def test_an_evaluation_is_asked_for_with_every_option(asked, capsys):
    calls = asked("harness.commands.evaluate.evaluate", "an evaluation")
    line = "evaluate s.csv --space macro --task cifar10 --split val --scale sc --truth tr --data d"
    line += " --arch-column ac --score-column sc2 --lower-is-better --drop-nan --against own.csv"
    line += " --against-column col --names-only --protocol top5 --protocol unique"
    assert main(line.split()) == 0
    [(given, named)] = calls
    assert given == (Path("s.csv"), "macro", "cifar10")
    assert named == {
        "split": "val", "scale": "sc", "truth": "tr", "data": Path("d"), "arch_column": "ac",
        "score_column": "sc2", "lower_is_better": True, "drop_nan": True,
        "against": Path("own.csv"), "against_column": "col", "names_only": True,
        "protocols": ["top5", "unique"],
    }  # fmt: skip
    assert capsys.readouterr().out == "an evaluation\n"


@pytest.mark.parametrize(("task", "first"), [("", ""), (" --task cifar100", "cifar100")])
def test_a_transfer_is_asked_for_with_every_option(asked, task, first):
    calls = asked("harness.commands.evaluate.evaluate_transfer", "a transfer")
    line = "evaluate s.csv --transfer --space macro --split val --scale sc --truth tr --data d"
    line += " --arch-column ac --score-column sc2 --lower-is-better --drop-nan" + task
    assert main(line.split()) == 0
    [(given, named)] = calls
    assert given == (Path("s.csv"), "macro", first)
    assert named == {
        "split": "val", "scale": "sc", "truth": "tr", "data": Path("d"), "arch_column": "ac",
        "score_column": "sc2", "lower_is_better": True, "drop_nan": True,
    }  # fmt: skip


@pytest.mark.parametrize("flag", ["--against own.csv", "--names-only", "--protocol top5"])
def test_what_a_transfer_cannot_have_is_refused(flag, capsys):
    assert main(["evaluate", "s.csv", "--transfer", *flag.split()]) == 2
    assert (
        f"leave out {flag.split()[0].replace('--names-only', '--against')}"
        in capsys.readouterr().err
    )


class Known:
    """Scores that were read, with how they were asked for."""

    def __init__(self):
        self.notes = ["read."]

    def scores(self, table, space, choice, task):
        self.asked = table, space, choice, task
        return self


def test_the_python_interface_passes_its_arguments_on(asked, monkeypatch):
    known = Known()
    monkeypatch.setattr("harness.scores.reading.Given.of", lambda scores: known)
    tables = asked("harness.tabular.ground_truth.known_table", ("a space", "a table"))
    judged = asked("harness.metrics.evaluate.evaluate_scores", {"notes": ["judged."]})
    result = api.evaluate(
        {}, "macro", "cifar10", split="val", scale="sc", data="d", truth="tr", arch_column="ac",
        score_column="col", lower_is_better=True, drop_nan=True, protocols="top5",
    )  # fmt: skip
    assert tables == [(("macro", "cifar10", "sc", Path("d"), "tr"), {})]
    table, space, choice, task = known.asked
    assert (table, space, task) == ("a table", "a space", "cifar10")
    assert (choice.arch_column, choice.score_column, choice.drop_nan) == ("ac", "col", True)
    [(given, named)] = judged
    assert given == ("a table", known, "val")
    assert named == {"space": "a space", "lower_is_better": True, "protocols": ["top5"]}
    assert result.content["notes"] == ["read.", "judged."]


def test_the_truth_of_ones_own_is_asked_for_by_its_column(asked):
    known = Known()
    own = asked("harness.scores.own_truth.own_truth", ("a space", "a table", known))
    judged = asked("harness.metrics.evaluate.evaluate_scores", {"notes": []})
    api.evaluate(
        {"a": 1.0}, "macro", "own", scale="sc", against="own.csv", against_column="col",
        names_only=True,
    )  # fmt: skip
    [(given, _)] = own
    assert given[2:] == ("own.csv", "col", "macro", "own", "sc", True)
    assert judged[0][0] == ("a table", known, "test")


def test_a_transfer_in_python_passes_its_arguments_on(asked, monkeypatch):
    known = Known()
    known.__class__ = type("Many", (Known,), {"__iter__": lambda _: iter(["a", "b"])})
    monkeypatch.setattr("harness.scores.reading.Given.of", lambda scores: known)
    found = {"cifar10": "first", "cifar100": "second", "other": "third"}
    tables = asked("harness.tabular.ground_truth.known_tables", ("a space", found))
    kept = {"cifar10": "first", "cifar100": "second"}
    having = asked("harness.metrics.transfer.having_all", (kept, ["other is left out."]))
    judged = asked("harness.metrics.transfer.evaluate_transfer", {"notes": ["judged."]})
    result = api.evaluate_transfer(
        {}, "macro", "cifar100", split="val", scale="sc", data="d", truth="tr", arch_column="ac",
        score_column="col", lower_is_better=True, drop_nan=True,
    )  # fmt: skip
    assert tables == [(("macro", "sc", Path("d"), "tr"), {})]
    assert having == [((found, ["a", "b"]), {})]
    table, space, choice, task = known.asked
    assert (table, space, task) == ("second", "a space", "cifar100")
    assert (choice.arch_column, choice.score_column, choice.drop_nan) == ("ac", "col", True)
    [(given, named)] = judged
    assert given == (kept, known, "val")
    assert named == {"space": "a space", "lower_is_better": True}
    assert result.content["notes"] == ["read.", "other is left out.", "judged."]
    api.evaluate_transfer({}, "macro")
    assert known.asked[0] == "first" and known.asked[3] == "cifar10" and judged[1][0][2] == "test"


def test_a_table_is_opened_by_every_name_of_it(asked):
    tables = asked("harness.tabular.ground_truth.known_table", ("a space", "a table"))
    assert api.open_table("macro", "cifar10", scale="sc", data="d", truth="tr") == "a table"
    assert tables == [(("macro", "cifar10", "sc", Path("d"), "tr"), {})]


def test_a_run_in_python_has_every_argument(asked):
    calls = asked("harness.running.pipeline.run", {"run": "a"})
    values = {"train.steps": 7}
    api.run_method(
        "spos", "macro", "cifar10", "smoke", 5, values=values, data="d", runs="r", device="cpu",
        workers=3, watch=2, protocols="top5",
    )  # fmt: skip
    [((config, execution), _)] = calls
    assert (config.method, config.space, config.task, config.preset) == (
        "spos", "macro", "cifar10", "smoke",
    )  # fmt: skip
    assert (config.seed, config.train.steps) == (5, 7)
    assert (execution.data, execution.runs, execution.device) == (Path("d"), Path("r"), "cpu")
    assert (execution.workers, execution.watch, execution.protocols) == (3, 2, ("top5",))


def test_a_run_on_the_command_line_has_every_option():
    line = "--data d --runs r --device cpu --workers 3 --threads 4 --watch 5 --protocol top5"
    config, execution, as_json, threads = parse_run(
        [*line.split(), "--protocol", "unique", "--keep-checkpoint", "--json", "--seed", "6",
         "--log", "tensorboard"]
    )  # fmt: skip
    assert execution == {
        "data": Path("d"), "runs": Path("r"), "device": "cpu", "workers": 3, "watch": 5,
        "keep_checkpoint": True, "protocols": ("top5", "unique"), "log": ("tensorboard",),
    }  # fmt: skip
    assert (as_json, threads, config.seed) == (True, 4, 6)
    _, execution, as_json, threads = parse_run([])
    assert (execution["workers"], execution["watch"], execution["keep_checkpoint"]) == (0, 0, False)
    assert (execution["runs"], execution["device"], as_json, threads) == (
        Path("runs"),
        "auto",
        False,
        0,
    )


@pytest.mark.parametrize(("threads", "used"), [(0, 11), (2, 2)])
def test_a_run_computes_with_the_threads_that_were_asked_for(asked, monkeypatch, threads, used):
    set_to = asked("torch.set_num_threads")
    usual = asked("harness.environment.usual_threads", 11)
    asked("harness.running.pipeline.run", {"run": "a"})
    monkeypatch.delenv("RANK", raising=False)
    assert (
        main(["run", "--method=spos", "--json", "--threads", str(threads), "--task", "cifar10"])
        == 0
    )
    assert set_to == [((used,), {})]
    assert usual == ([] if threads else [((False, 1), {})])


def test_a_search_is_asked_for_with_every_option(asked, capsys):
    asked("harness.tabular.ground_truth.space_with_table", ("a space", "a table"))
    calls = asked("harness.simulation.searches.compare_searches", {"told": 1})
    line = "search --method rea --space macro --task cifar10 --queries 7 --repeats 8 --seed 9"
    line += " --max-madds 1.5 --cost latency --max-cost 2.5 --min-cost 0.5 --test-as-validation"
    line += " --signal val.12 --budget-seconds 99 --json --rea.sample 4 --constraint params=0.5:1"
    assert main(line.split()) == 0
    [((table, space, options), named)] = calls
    assert (table, space, list(options), options["rea"].sample) == (
        "a table",
        "a space",
        ["rea"],
        4,
    )
    assert named == {
        "queries": 7, "repeats": 8, "seed": 9, "max_madds": 1.5, "cost": "latency",
        "min_params": 0.5, "max_params": 1.0, "max_cost": 2.5, "min_cost": 0.5, "test_as_validation": True, "signal": "val.12",
        "budget_seconds": 99.0,
    }  # fmt: skip
    assert json.loads(capsys.readouterr().out) == {"told": 1}


def test_a_search_asks_for_the_table_that_is_named(asked):
    tables = asked("harness.tabular.ground_truth.space_with_table", ("a space", "a table"))
    calls = asked("harness.simulation.searches.compare_searches", {})
    main(["search", "--space", "macro", "--scale", "sc", "--truth", "tr", "--data", "d", "--json"])
    main(["search", "--budget-seconds", "9", "--json"])
    assert [given for given, _ in tables] == [
        ("macro", "digits", "sc", Path("d"), "tr"), ("nb201", "cifar10", "", None, ""),
    ]  # fmt: skip
    assert (calls[0][1]["queries"], calls[0][1]["repeats"], calls[0][1]["seed"]) == (300, 500, 0)


def test_a_table_is_built_with_every_option(asked, capsys, tmp_path):
    asked("harness.tasks.load_task", "a task")
    calls = asked("harness.standalone.build_table.build_table", range(4))
    line = "table build --space macro --scale compact --task digits --data d --architectures 4"
    line += f" --seeds 2 --workers 3 --epochs 6 --device cuda --output {tmp_path / 't.parquet'}"
    assert main(line.split()) == 0
    [((space, task, recipe, *rest), _)] = calls
    assert (space.name, space.scale, task, recipe.epochs) == ("macro", "compact", "a task", 6)
    assert rest == [4, 2, tmp_path / "t.parquet", 3, Path("d"), None, "cuda"]
    assert capsys.readouterr().out == f"{tmp_path / 't.parquet'}: 4 architectures x 2 seeds\n"


def test_a_table_of_ones_own_is_made_with_every_option(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    made = asked(
        "harness.tabular.own_table.OwnTable", SimpleNamespace(read=lambda *given: read(*given))
    )
    seen = []

    def read(*given):
        seen.append(given)
        return SimpleNamespace(meta=SimpleNamespace(name="mine"), save=lambda path: None)

    line = (
        "table import macro own.csv --truth-columns acc val=v --cost-columns lat --arch-column ac"
    )
    line += " --task cifar10 --scale compact --truth tr --epochs 7 --images 8 --fractions"
    assert main(line.split()) == 0
    [(given, _)] = made
    assert given == (
        "macro", "cifar10", ("acc", "val=v"), "ac", "compact", 7, 8, "tr", True, ("lat",),
    )  # fmt: skip
    [(source, space, cost)] = seen
    assert (source, space.name, space.scale) == (Path("own.csv"), "macro", "compact")
    assert cost is not None


def test_a_stand_alone_training_has_every_option():
    arch = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    line = "--data d --runs r --device cpu --threads 3 --keep-checkpoint --checkpoint-seconds 7"
    config, execution, origin, as_json = parse_training(
        ["--arch", arch, *line.split(), "--json", "--seed", "4", "--scale", "benchmark"]
    )
    assert execution == {
        "data": Path("d"), "runs": Path("r"), "device": "cpu", "threads": 3,
        "keep_checkpoint": True, "checkpoint_seconds": 7.0,
    }  # fmt: skip
    assert (config.seed, config.scale, origin, as_json) == (4, "benchmark", None, True)
    _, execution, _, as_json = parse_training(["--arch", arch])
    assert (execution["checkpoint_seconds"], execution["keep_checkpoint"]) == (20.0, False)


def test_every_data_set_is_fetched_to_where_it_was_asked_for(asked, capsys, monkeypatch, tmp_path):
    calls = asked("harness.commands.fetch.fetch", [tmp_path / "a", tmp_path / "b"])
    known = {"one": Dataset((), "see there."), "two": Dataset(())}
    monkeypatch.setattr("harness.commands.fetch.DATASETS", known)
    assert main(["fetch", "two", "one", "--to", "~/x", "--base-url", "http://mirror"]) == 0
    to = Path("~/x").expanduser()
    assert calls == [((name, to, "http://mirror"), {}) for name in ("two", "one")]
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(tmp_path / name) for name in "abab"]
    assert told.err.splitlines() == [
        "one: see there.", "pass --data ~/x to the commands that need them.",
    ]  # fmt: skip


def test_a_detector_is_told_with_every_number_in_its_unit():
    record = {
        "backbone": {"name": "net", "params": 4_567_000, "madds": 12_340_000_000},
        "result": {"map": 31.254, "ap50": 52.5, "ap75": 33.75},
        "costs": {"epochs": 12, "steps": 1234, "seconds": 5678.4, "device": "a GPU"},
        "config": {"seed": 3},
        "data": {"train": 117_266, "val": 5000},
        "arch": "0123",
    }
    assert render(record).splitlines() == [
        "RetinaNet on net, seed 3, 12 epochs of 117,266 images",
        "  0123",
        "  mAP            31.25 % (5,000 images)",
        "  AP50           52.50 %",
        "  AP75           33.75 %",
        "  parameters     4.567 M (of the backbone as a classifier)",
        "  multiply-adds  12.34 G (the same at 800 x 1280 pixels)",
        "Cost: 1,234 steps, 5678 s on a GPU.",
    ]


def test_a_description_is_of_the_table_that_is_named(asked, monkeypatch, capsys):
    tables = asked("harness.tabular.ground_truth.known_table", ("a space", None))
    described = asked("harness.metrics.describe_table.describe_table", {})
    monkeypatch.setattr("harness.commands.table.asdict", lambda meta: {"name": "it"})
    monkeypatch.setattr("harness.tabular.ground_truth.known_table", lambda *given: (
        tables.append((given, {})) or ("a space", SimpleNamespace(meta=None))
    ))  # fmt: skip
    line = "table info macro cifar10 --scale sc --truth tr --data d --json"
    assert main(line.split()) == 0
    assert tables == [(("macro", "cifar10", "sc", Path("d"), "tr"), {})]
    assert described[0][0][1] == "a space"
    assert json.loads(capsys.readouterr().out) == {"meta": {"name": "it"}}


def test_a_grid_is_carried_out_where_and_as_it_was_asked_for(asked, capsys, monkeypatch):
    compared = []
    monkeypatch.setattr("harness.commands.grid.COMPARISONS", {"runs": compared.append})
    done = Outcome(finished={"seed 0": "one", "seed 1": "two"})
    calls = asked("harness.grid.grid.run_grid", done)
    line = "grid --method=spos --seed 0 1 --runs r --data d --device cpu --workers 3 --ray a:1 --cpus-per-job 2"
    assert main(line.split()) == 0
    [((labelled, execution, workers), named)] = calls
    assert [(label, config.seed) for label, config in labelled] == [("seed 0", 0), ("seed 1", 1)]
    assert (execution.runs, execution.data, execution.device) == (Path("r"), Path("d"), "cpu")
    assert (workers, named) == (3, {"cluster": Cluster("a:1", 2, 0.0)})
    assert capsys.readouterr().out.split() == ["r/one", "r/two"]
    assert compared == [["r/one", "r/two"]]
