"""``nas-harness latency``, and runs and searches under what it predicts."""

import json

import pytest
import tiny
from latencies import nb201_file, running_convolutions

from harness.cli import main
from harness.commands.search import main as search
from searchspaces.registry import SPACES

TINY = """
from searchspaces.chain.blocks import Identity, MBConv
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace


class Tiny(ChainSpace):
    name = "tiny"
    operators = (Identity(project=True), MBConv(3, 3))
    skeletons = {"toy": Skeleton(stem=4, stride=1, kernel=1, stages=(Stage(4, 4, 2),), head=8)}
"""


def run(name):
    """Convolutions of a cell of NAS-Bench-201 that run."""
    return running_convolutions(SPACES["nb201"]("compact").decode(name))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    tiny.make_table(tmp_path / "data")
    return tmp_path


def test_a_space_of_ones_own_is_measured_and_shown(place, capsys):
    (place / "own.py").write_text(TINY)
    line = "latency measure --space ./own.py:Tiny --device cpu --count 10 --repeats 3 --warm-up 1"
    assert main([*line.split(), "--rounds", "1"]) == 0
    out = capsys.readouterr().out
    file = "latency-tiny-toy-digits-cpu-batch1.json"
    assert out.splitlines()[0] == file and "tiny at scale toy, images 1x12x12, batch 1" in out
    assert "layer 3: identity" in out.lower()
    assert main(["latency", "show", file]) == 0
    assert capsys.readouterr().out == out
    assert main(["latency", "show", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["terms"] == 5


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("latency meassure", "did you mean 'measure'"),
        ("latency show absent.json", "there is no file absent.json"),
        ("latency measure --batch 0", "at least 1"),
        ("latency measure --count 3", "3 networks are too few to tell the 25 terms"),
        ("latency measure --device cuda:99", "the device 'cuda:99' is not available"),
        ("run --method spos --latency l.json", "--latency predicts what --constraint latency_ms"),
        ("run --method spos --constraint latency_ms=:2 --data data", "give --latency FILE"),
        ("run --method spos --constraint latency_ms=:2 --latency x --data data", "no file x"),
        ("search --constraint params=9:", "of the 20 architectures of the table have at least 9"),
        ("search --latency l.json --data data", "--latency predicts what --constraint latency_ms"),
        ("search --constraint latency_ms=:2 --data data", "has no cost 'latency_ms'"),
    ],
)
def test_mistakes_are_one_sentence(place, capsys, line, sentence):
    assert main([*line.split(), *(["--data", "data"] if line.startswith("search") else [])]) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1


def test_a_search_on_a_table_keeps_to_predicted_latencies(place, capsys):
    nb201_file(place / "l.json")
    line = "--data data --queries 5 --repeats 2 --method random --json --latency l.json"
    search([*line.split(), "--constraint", "latency_ms=1.9:3.1", "--constraint", "params=0.001:"])
    result = json.loads(capsys.readouterr().out)
    table = tiny.make_table(place / "again")
    convolutions = [*map(run, table.archs)]
    assert result["n_candidates"] == sum(2 <= number <= 4 for number in convolutions)
    assert 0 < result["n_candidates"] < len(table)
    assert (result["min_params"], result["cost"]) == (0.001, "latency_ms")
    assert result["notes"][0].startswith("Latencies are predicted by l.json: ")
    assert "Candidates have at least 0.001 million parameters." in result["notes"]


@pytest.mark.slow
def test_a_run_by_nsga_ii_under_a_latency_is_recorded_with_its_front(place):
    nb201_file(place / "l.json")
    config = tiny.config(
        "fairnas", "--options.search", "nsga2", "--search.population", "6",
        "--constraint", "latency_ms=1.9:2.6", "--latency", "l.json",
    )  # fmt: skip
    record = tiny.run_plainly(config, {"data": place / "data", "runs": place / "runs"})
    found = record["found"]
    assert 1.9 <= found["latency_ms"] <= 2.6 and run(found["arch"]) in (2, 3)
    assert found["front"][0]["arch"] == found["arch"]
    assert all(run(row["arch"]) in (2, 3) for row in found["front"])
    assert {*found["front"][0]} == {"arch", "score", "truth", "params", "madds"}
    assert any(note.startswith("latencies are predicted by l.json") for note in record["notes"])
    assert record["config"]["search"]["latency"] == "l.json"
    assert len(record["config"]["sources"]["latency"]) == 64
