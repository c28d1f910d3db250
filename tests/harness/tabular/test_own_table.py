"""Tables of one's own accuracies: of spaces with networks, and of spaces that have only names."""

import csv
import json
import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import evaluate, open_table
from harness.cli import main
from harness.tabular.own_table import OwnTable
from harness.tasks import IMAGES
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

CELLS = [
    "|avg_pool_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|",
    "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|skip_connect~0|skip_connect~1|avg_pool_3x3~2|",
    "|none~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|skip_connect~1|skip_connect~2|",
]
WIDTHS = [":".join(map(str, widths)) for widths in product((8, 64), repeat=5)]


@pytest.fixture(autouse=True)
def nothing_named(home):
    """No data folder, no tables at home."""


@pytest.fixture
def write(tmp_path):
    """``write(rows, name)``: a CSV with those rows, the first of them names."""

    def save(rows, name="mine.csv", delimiter=","):
        with open(tmp_path / name, "w", newline="") as stream:
            csv.writer(stream, delimiter=delimiter).writerows(rows)
        return tmp_path / name

    return save


@pytest.fixture
def imported(write, capsys):
    """``imported(rows, options, space)``: imports a CSV and returns what was printed."""

    def call(rows, options="--truth-columns test_accuracy", space="nb201", **how):
        assert main(["table", "import", space, str(write(rows, **how)), *options.split()]) == 0
        return capsys.readouterr().out

    return call


ROWS = [["arch", "test_accuracy"], *zip(CELLS, (55.63, 37.55, 44.72), strict=True)]


@pytest.mark.slow
def test_an_export_of_another_task_becomes_ground_truth(imported, tmp_path):
    assert "nb201-benchmark-own.parquet" in imported(ROWS)
    table = open_table("nb201", "own")
    assert table.archs == CELLS
    assert table.truth("test").tolist() == pytest.approx([55.63, 37.55, 44.72])
    assert table.params is None and table.meta.truth == "own"
    (tmp_path / "scores.json").write_text(json.dumps(dict(zip(CELLS, (3, 1, 2), strict=True))))
    result = evaluate(tmp_path / "scores.json", "nb201", "own")
    assert result.tau["value"] == 1.0
    assert (result.content["truth"], result.content["epochs"]) == ("own", 0)
    assert "own test accuracy\n" in str(result)  # and no epochs, which nobody gave


def test_trainings_splits_costs_and_names_are_taken_over(imported):
    rows = [["cell", "a", "b", "v", "params"]]
    rows += [
        [cell, a, b, 0.5, n]
        for cell, a, b, n in zip(CELLS, (0.5, 0.6, 0.7), (0.7, "", 0.9), (7, 8, 9), strict=True)
    ]
    options = "--truth-columns a test=b val=v --fractions --task cifar10 --truth mine --epochs 20 --images 1000"
    imported(rows, options, delimiter=";")
    table = open_table("nb201", "cifar10")
    assert table.seeds("test") == ["0", "1"] and table.meta.epochs == 20
    np.testing.assert_allclose(table.accuracy("test"), [60, 60, 80])
    assert np.isnan(table.accuracy("test", seed=1)[1])
    assert table.accuracy("val").tolist() == [50] * 3
    assert table.params.tolist() == [7, 8, 9]
    space = SPACES["nb201"]("benchmark")
    assert table.madds[0] == space.cost(space.decode(CELLS[0]), IMAGES["cifar10"]).madds
    assert table.meta.resolution == {"test": 0.1, "val": 1e-6}  # the images of one split alone
    assert table.meta.training == {"truth": "mine", "epochs_known": True}
    assert table.meta.truth == "mine"
    assert open_table("nb201", "cifar10", truth="cifar10").meta.truth == "cifar10"  # the packaged


def test_costs_of_any_unit_are_taken_over(imported, tmp_path):
    rows = [[*ROWS[0], "latency ms", "joule"]]
    rows += [
        [*row, *costs] for row, costs in zip(ROWS[1:], ((1.5, 2), (0.5, ""), (9, 4)), strict=True)
    ]
    options = "--truth-columns test_accuracy --cost-columns joule"
    imported(rows, options)
    table = open_table("nb201", "own")
    np.testing.assert_array_equal(table.costs["joule"], [2, np.nan, 4])
    assert list(table.costs) == ["joule"] and "--cost-columns joule" in table.meta.created_by
    path = tmp_path / "mine.csv"
    own = OwnTable("nb201", "own", ("test_accuracy",), cost_columns=("latency ms",))
    assert own.read(path, SPACES["nb201"]("benchmark")).cost("latency ms").tolist() == [1.5, 0.5, 9]
    with pytest.raises(
        UsageError, match="no column 'watt'; it has arch, test_accuracy, latency ms"
    ):
        OwnTable("nb201", "own", ("test_accuracy",), cost_columns=("watt",)).read(path, None)


@pytest.mark.slow
def test_a_space_of_names_alone(imported, write, capsys):
    """NATS-Bench's size space: five numbers of channels; losses are scores, smaller is better."""
    rng = np.random.default_rng(0)
    accuracy = np.array([60 + sum(map(int, name.split(":"))) / 20 for name in WIDTHS])
    accuracy += rng.normal(0, 0.1, len(WIDTHS))
    rows = [["arch", "accuracy"], *zip(WIDTHS, accuracy.round(2).tolist(), strict=True)]
    options = "--truth-columns accuracy --task cifar10 --epochs 90 --names-only"
    assert "nats-size-names-cifar10.parquet" in imported(rows, options, "nats-size")
    scores = dict(zip(WIDTHS, accuracy.round(2).tolist(), strict=True))
    result = evaluate(scores, "nats-size", "cifar10")
    assert result.tau["value"] == 1.0 and result.content["epochs"] == 90
    losses = {name: 3 - value / 50 for name, value in scores.items()}
    assert evaluate(losses, "nats-size", "cifar10").tau["value"] == -1.0
    assert any("counted as unique" in note for note in result.notes)
    assert main(["table", "info", "nats-size", "cifar10"]) == 0
    assert "nats-size-names-cifar10: 32 architectures" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "without networks here: nats-size-names-cifar10" in capsys.readouterr().out
    for line, said in (
        ("search --space nats-size --task cifar10", "nats-size has only names here"),
        ("table info nats-sise cifar10", "unknown search space 'nats-sise'"),
        (
            "table info nats-size cifar100",
            "no table of nats-size on cifar100; --task may be cifar10",
        ),
    ):
        assert main(line.split()) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (ROWS, "--truth-columns acc", "has no column 'acc'; it has arch, test_accuracy"),
        (ROWS, "--truth-columns test_acuracy", "did you mean 'test_accuracy'"),
        (ROWS, "--truth-columns val=test_accuracy", "needs test accuracies"),
        (ROWS, "--truth-columns test_accuracy --arch-column x", "no column 'x'"),
        (ROWS, "--truth-columns test_accuracy --fractions", "line 2: .* which is no fraction"),
        (ROWS, "--truth-columns test_accuracy --task Mine!", "'Mine!' is no name"),
        (ROWS, "--truth-columns test_accuracy --names-only", "leave out --names-only"),
        (ROWS, "--truth-columns test_accuracy --scale bench", "unknown scale 'bench'"),
        (ROWS, "", "no known file of NAS-Bench-201: .*--truth-columns COLUMN"),
        (ROWS[:1], "--truth-columns test_accuracy", "a line for each architecture"),
        ([*ROWS, ROWS[1]], "--truth-columns test_accuracy", "lines 2 and 5 are the same"),
        ([*ROWS, ["x", 3]], "--truth-columns test_accuracy", "line 5: 'x' is"),
        ([*ROWS, [CELLS[0], 3, 4]], "--truth-columns test_accuracy", "line 5 has 3 columns"),
        ([ROWS[0], [CELLS[0], "much"]], "--truth-columns test_accuracy", "'much', no number"),
        ([ROWS[0], [CELLS[0], "nan"]], "--truth-columns test_accuracy", "'nan', no number"),
        (
            [ROWS[0], [CELLS[0], ""], ROWS[2]],
            "--truth-columns test_accuracy",
            "architecture 1 has no test",
        ),
        (
            [ROWS[0], [CELLS[0], 101]],
            "--truth-columns test_accuracy",
            "101, which is no percentage",
        ),
        ([ROWS[0], [CELLS[0], 0.9]], "--truth-columns test_accuracy", "add --fractions if"),
        ([["arch", "arch"], ["a", 1]], "--truth-columns arch", "two columns of one name"),
    ],
)
def test_a_mistake_is_one_sentence(rows, options, said, write, capsys):
    assert main(["table", "import", "nb201", str(write(rows)), *options.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(said, error), error


@pytest.mark.parametrize("name", ["arch", "architecture", "arch str", "arch_str"])
def test_architectures_are_found_by_the_name_of_their_column(write, name):
    path = write([["acc", name, "params"], [100, "x", 0], [1, "y", 3]])
    table = OwnTable("names", "any", ("acc",)).read(path, None)
    assert table.archs == ["x", "y"] and table.params.tolist() == [0, 3]
    assert table.accuracy("test").tolist() == [100, 1]  # of which one is above 1
    for params, said in (("1.5", "has to be whole numbers"), ("-1", "has to be whole numbers")):
        path = write([["acc", name, "params"], [50, "x", params]])
        with pytest.raises(UsageError, match=f"column 'params' {said}, or leave it out"):
            OwnTable("names", "any", ("acc",)).read(path, None)


def test_an_unknown_space_is_not_taken_for_one_of_names(write, capsys):
    line = ["table", "import", "nb20", str(write(ROWS)), "--truth-columns", "test_accuracy"]
    assert main(line) == 2
    assert "did you mean 'nb201'?; add --names-only" in capsys.readouterr().err
    assert main(["table", "import", "darts", str(write(ROWS))]) == 2
    assert "no published files of darts can be read; --truth-columns" in capsys.readouterr().err


@given(
    st.dictionaries(
        st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20),
        st.lists(st.floats(0, 100), min_size=2, max_size=2),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(",;\t"),
)
def test_whatever_is_written_is_what_the_table_has(tmp_path_factory, content, delimiter):
    path = tmp_path_factory.mktemp("own") / "any.csv"
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["arch", "first", "second"])
        writer.writerow(["the last one", 50, 50])
        writer.writerows([name, *map(repr, runs)] for name, runs in content.items())
    table = OwnTable("names", "any", ("first", "second")).read(path, None)
    assert table.archs == ["the last one", *content]
    for name, runs in content.items():
        (row,) = table.index([name])
        assert [table.accuracy("test", seed=seed)[row] for seed in (0, 1)] == runs
        assert table.accuracy("test")[row] == pytest.approx(np.mean(runs), abs=1e-12)


def test_a_table_of_one_s_own_is_saved_whole(imported):
    imported(
        [["arch", "test_accuracy"], *zip(WIDTHS, np.linspace(1, 99, 32), strict=True)],
        "--truth-columns test_accuracy --names-only",
        "widths",
    )
    table = open_table("widths", "own")
    with pytest.raises(UsageError, match="none of 'other'"):
        open_table("widths", "own", truth="other")
    assert table.truth("test") == pytest.approx(np.linspace(1, 99, 32), abs=1e-6)
