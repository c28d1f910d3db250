"""Protocols of runs: measured after the fact, recorded where asked for, never a part of the run."""

import json

import pytest
import tiny

from harness import evaluate, read_runs
from harness.cli import main
from harness.metrics import ceiling
from reports.runs.protocols import under
from reports.runs.record import load

NAMES = ("top50", "random-5", "unique", "stratified", "no-none")
LEFT = {"top50": 6, "random-5": 5}  # of twelve


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table in ``data`` and two finished runs in ``runs``, without protocols.

    Ceilings are simulated some times instead of fifty, which takes as long as all the rest.
    """
    place = tmp_path_factory.mktemp("protocols")
    tiny.make_table(place / "data", seeds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ceiling, "_SIMULATED", tiny.ARCHITECTURES)
        for seed in (0, 1):
            tiny.run_plainly(
                tiny.config("spos", f"--seed={seed}"),
                {"data": place / "data", "runs": place / "runs"},
            )
        yield place


@pytest.fixture
def folders(place):
    return sorted(folder for folder in (place / "runs").iterdir() if (folder / "run.json").exists())


def expected(folder, data, name):
    """The evaluation of the run's scores as anybody's, of the same table."""
    frame = load(folder).scores()
    scores = dict(zip(frame["arch"], frame["score"], strict=True))
    result = evaluate(scores, data=data, protocols=[name])
    return result.content["protocols"][name]


@pytest.mark.slow
def test_a_run_under_a_protocol_is_the_evaluation_of_its_scores(place, folders):
    for name in NAMES:
        for folder, record in zip(
            folders, under(map(load, folders), name, place / "data"), strict=True
        ):
            found = expected(folder, place / "data", name)
            assert record.get("n") == found["n"] == LEFT.get(name, found["n"])
            assert record.get("metrics") == {"all": found["metrics"]}
            for kind in ("floors", "ceiling", "over_floors"):
                assert record.get(kind) == found[kind]
            assert record.get("protocol") == name
    [usual, _] = under(map(load, folders), "all")
    assert usual.content == load(folders[0]).content


@pytest.mark.slow
def test_run_records_further_protocols_without_training_and_under_the_same_name(
    place, folders, capsys
):
    before = json.loads((folders[0] / "run.json").read_text())
    assert before["protocols"] == {}
    seed = str(before["config"]["seed"])
    line = tiny.arguments("spos", f"--seed={seed}", "--data", str(place / "data"))
    line += ["--runs", str(place / "runs"), "--protocol", "top50", "--protocol", "random-5"]
    assert main(["run", *line]) == 0
    printed = capsys.readouterr()
    assert "holds this run finished" in printed.err
    assert "top50 (6)" in printed.out and "random-5 (5)" in printed.out
    after = json.loads((folders[0] / "run.json").read_text())
    assert list(after["protocols"]) == ["top50", "random-5"]
    assert after | {"protocols": {}} == before
    for name, found in after["protocols"].items():
        assert found == expected(folders[0], place / "data", name)
    [record] = under([load(folders[0])], "top50", place / "nowhere")  # needs no table any more
    assert record.get("metrics", "all") == after["protocols"]["top50"]["metrics"]
    assert main(["run", *line, "--protocol", "top0"]) == 2
    assert "unknown protocol 'top0'" in capsys.readouterr().err
    (folders[0] / "run.json").write_text(json.dumps(before))


@pytest.mark.slow
def test_compare_read_runs_and_page_measure_under_a_protocol(place, folders, capsys):
    data, runs = str(place / "data"), str(place / "runs")
    taus = [expected(f, data, "top50")["metrics"]["kendall_tau"]["value"] for f in folders]
    frame = read_runs(runs, protocol="top50", data=data)
    assert frame["tau"].tolist() == pytest.approx(taus) and set(frame["n"]) == {6}
    assert set(frame["protocol"]) == {"top50"} and frame["unique_tau"].isna().all()
    usual = read_runs(runs)
    assert set(usual["protocol"]) == {"all"} and set(usual["n"]) == {tiny.RANKED}

    compare = ["compare", runs, "--protocol", "top50", "--data", data]
    assert main(compare) == 0
    text = capsys.readouterr().out
    assert "6 architectures (protocol top50)" in text and "τ unique" not in text
    assert main([*compare, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    [row] = [row for row in rows if row["kind"] == "method"]
    assert row["tau"] == pytest.approx(sum(taus) / 2)
    floors = expected(folders[0], data, "top50")["floors"]
    shown = {r["method"]: r["tau"] for r in rows if r["kind"] == "floor"}
    assert shown["parameters"] == pytest.approx(floors["params"]["value"])

    assert main(["page", runs, "--output", str(place / "page.html"), *compare[2:]]) == 0
    html = (place / "page.html").read_text()
    assert "6 architectures (protocol top50)" in html
    assert main(["page", runs, "--output", str(place / "usual.html")]) == 0
    assert "(protocol" not in (place / "usual.html").read_text()


def test_another_table_is_refused(place, folders, tmp_path, capsys):
    tiny.make_table(tmp_path / "data", seeds=2, version="another")
    for arguments in (["compare", str(folders[0])], ["page", str(folders[0])]):
        code = main([*arguments, "--protocol", "top50", "--data", str(tmp_path / "data")])
        assert code == 2
        assert "was ranked against another table" in capsys.readouterr().err
    assert main(["compare", str(folders[0]), "--protocol", "best"]) == 2
    assert "unknown protocol 'best'" in capsys.readouterr().err


def test_old_names_of_metrics_are_read(folders, tmp_path):
    content = json.loads((folders[0] / "run.json").read_text())
    del content["files"]  # which they do not have
    former = {"precision_at_top10pct": "precision_at_top", "best_rank_at_10": "best_rank_at_k"}
    for metrics in content["metrics"].values():
        for present, old in former.items():
            metrics[old] = metrics.pop(present)
    folder = tmp_path / folders[0].name
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(content))
    assert load(folder).get("metrics") == load(folders[0]).get("metrics")
    assert read_runs(folder)["precision_at_top10pct"].notna().all()


@pytest.mark.slow
def test_run_prints_a_record_of_a_former_version(place, folders, capsys):
    now = (folders[1] / "run.json").read_text()
    content = json.loads(now)
    del content["over_floors"], content["protocols"]
    for metrics in content["metrics"].values():
        metrics["precision_at_top"] = metrics.pop("precision_at_top10pct")
        metrics["best_rank_at_k"] = metrics.pop("best_rank_at_10")
    (folders[1] / "run.json").write_text(json.dumps(content))
    seed = str(content["config"]["seed"])
    line = tiny.arguments("spos", f"--seed={seed}", "--data", str(place / "data"))
    assert main(["run", *line, "--runs", str(place / "runs")]) == 0
    assert "P@top 10 %" in capsys.readouterr().out
    (folders[1] / "run.json").write_text(now)
