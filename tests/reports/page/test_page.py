"""The page of runs says what their records say, whatever the records hold."""

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from browser import Page
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from reports.page import run_data
from reports.page.compose import compose, embedded
from reports.page.folders import gather
from reports.page.row import COLUMNS
from reports.runs.compare import summary
from reports.runs.record import load
from reports.style.formatting import decimal
from searchspaces.errors import UsageError

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u2028"
TAUS = {"spos": (0.50, 0.51, 0.55), "mngnas": (0.58, 0.60, 0.68)}  # means are no medians


def page(*folders):
    return Page(compose(*gather(folders)))


@pytest.fixture
def history():
    steps = range(50, 250, 50)
    rows = [{"phase": "train", "step": step, "loss": 100 / step} for step in steps]
    rows += [{"phase": "search", "step": s, "scored": 20, "best": 70.0 + s} for s in (1, 2, 3)]
    return pd.DataFrame(rows)


@pytest.fixture
def runs(tmp_path, write_run, make_record, make_scores, history):
    """A folder of three seeds of two methods, with scores and histories."""
    for method, taus in TAUS.items():
        for seed, tau in enumerate(taus):
            content = make_record(method, seed, tau)
            folder = write_run(f"runs/{method}-s{seed}", content, make_scores(60))
            history.to_parquet(folder / "history.parquet", index=False)
    return tmp_path / "runs"


def test_every_run_has_a_row_with_its_numbers(runs):
    found = page(runs)
    rows = found.all("tr")
    named = {button.attributes.get("title") for button in found.all("button")}
    for folder in runs.iterdir():
        assert folder.name in named
        tau = load(folder).interval("metrics", "all", "kendall_tau")
        words = f"{tau['value']:.3f} [{tau['low']:.3f}, {tau['high']:.3f}]"
        assert any(words in row.text for row in rows if "data-run" in row.attributes)
    heads = [head.text for head in found.all("th", scope="col") if "aria-sort" in head.attributes]
    assert heads == ["method", *(column.head for column in COLUMNS)]


@pytest.mark.slow
def test_what_the_script_reads_is_what_the_records_say(runs):
    data = page(runs).data
    assert {run["name"] for run in data["runs"]} == {folder.name for folder in runs.iterdir()}
    for run in data["runs"]:
        record = load(runs / run["name"])
        interval = record.interval("metrics", "all", "kendall_tau")
        row = run["row"]
        assert {k: row[f"tau_{k}"] for k in ("low", "high", "n")} | {
            "value": row["tau"]
        } == interval
        assert row["floor"] == record.get("floors", "params", "value")
        assert row["ceiling"] == record.get("ceiling", "seed_mean", "value")
        assert row["over_floor"] == pytest.approx(row["tau"] - 0.46)
        assert row["image_passes"] == record.get("costs", "image_passes")
        frame, columns = record.scores(), run["points"]["columns"]
        shelf = data["shelves"][run["points"]["shelf"]]
        archs = [shelf["archs"][place] for place in data["columns"][columns["arch"]]]
        assert archs == list(frame["arch"])
        for name in ("score", "truth", "params"):
            assert data["columns"][columns[name]] == pytest.approx(list(frame[name]), rel=1e-6)
        assert shelf["archs"][run["found"]["arch"]] == record.get("found", "arch")
        assert run["found"]["truth"] == record.get("found", "truth")
        loss, scored, search = run["curves"]
        assert scored["constant"] == ["architectures scored in the round: 20 in all 3 rows"]
        assert loss["series"][0]["step"] == [50, 100, 150, 200]
        assert loss["series"][0]["value"] == pytest.approx([2, 1, 2 / 3, 0.5], rel=1e-6)
        assert search["series"][0]["value"] == [71, 72, 73]
        assert run["problems"] == {}


def test_runs_share_architectures_truths_and_sizes(runs):
    data = page(runs).data
    assert len(data["shelves"]) == 1
    shared = {tuple(run["points"]["columns"][k] for k in ("arch", "truth", "params")) for run in
              data["runs"]}  # fmt: skip
    assert len(shared) == 1


def test_the_ranking_is_the_summary(runs):
    [ranking] = page(runs).all("table", **{"class": "ranking"})
    table = summary(runs.iterdir())
    for row in table.to_dict("records"):
        words = decimal(row["tau"], ".3f")
        if row["tau_low"] == row["tau_low"]:
            words += f" [{decimal(row['tau_low'], '.3f')}, {decimal(row['tau_high'], '.3f')}]"
        assert words in ranking.text
    assert all(words in ranking.text for words in ("0.520 [", "0.620 [", "+0.060", "+0.100 ["))
    order = re.findall(r"ceiling|mngnas|spos|FLOPs|parameters|random", ranking.text)
    order = [name for name in order if name != "spos"]  # also named in the head
    assert order == ["ceiling", "mngnas", "FLOPs", "parameters", "random"]
    assert ranking.text.count("seed 2: τ") == 2


def test_the_ranking_has_every_number_in_its_column(runs, write_run, make_record):
    write_run("runs/mngnas-s3", make_record("mngnas", 3, 0.62, costs__image_passes=1_250_000))
    html = compose(*gather([runs]))
    [text] = re.findall(r'<table class="ranking">.*?</table>', html, re.DOTALL)
    lines = re.findall(r'<tr class="(\w+)"[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', text)
    cells = {
        re.sub("<.*", "", name).strip(): {
            head: re.sub("<.*?>", "", cell)
            for head, cell in re.findall(r'data-head="(.*?)">(.*?)</td>', rest)
        }
        for _, name, rest in lines
    }
    taus = (0.58, 0.60, 0.68, 0.62)
    half = np.hypot(3.182446 * np.std(taus, ddof=1) / 2, 0.04)
    # Differences 0.08, 0.09 and 0.13: t(2) = 4.303, deviation 0.02646.
    assert cells["mngnas"] == {
        "Kendall τ": f"0.620 [{0.62 - half:.3f}, {0.62 + half:.3f}]", "seeds": "4",
        "over floor": "+0.160", "τ − τ of spos": "+0.100 [+0.034, +0.166] (3 of 4 seeds)",
        "image passes": "1.06 M + 0.50 M",
    }  # fmt: skip
    assert cells["spos"]["over floor"] == "+0.060" and "τ − τ of spos" not in cells["spos"]
    assert cells["floor: FLOPs"] == {"Kendall τ": "0.460 [0.420, 0.500]"}
    assert cells["ceiling"] == {"Kendall τ": "0.900 [0.890, 0.910]"}

    def at(tau, low=-0.05 - 0.04 * 0.96, high=0.91 + 0.04 * 0.96):
        return f"{100 * (tau - low) / (high - low):.2f}%"

    chart = next(rest for kind, name, rest in lines if name.startswith("mngnas"))
    assert f'<line class="bar" x1="{at(0.62 - half)}" x2="{at(0.62 + half)}"' in chart
    assert f'<svg class="mark" x="{at(0.62)}"' in chart
    dots = re.findall(r'<circle cx="(.*?)" .*?<title>(.*?)</title>', chart)
    assert dots == [(at(tau), f"seed {seed}: τ {tau:.3f}") for seed, tau in enumerate(taus)]
    assert f'<line class="floor" x1="{at(0.46)}"' in chart
    assert f'<line class="ceiling" x1="{at(0.9)}"' in chart


def test_under_a_protocol_all_but_the_scatter_plot_is_of_it(write_run, make_record, make_interval):
    records, left = gather([write_run("runs/a", make_record())])
    floors = {"params": make_interval(0.3, 0.02)}
    content = {"protocol": "top50", "n": 6, "floors": floors}
    measured = {
        name: replace(record, content=record.content | content) for name, record in records.items()
    }
    found = Page(compose(records, left, measured))
    [run] = found.data["runs"]
    assert (run["row"]["n"], run["row"]["protocol"], run["row"]["floor"]) == (6, "top50", 0.3)
    assert ["best floor: parameters", "0.300 [0.280, 0.320]"] in run["facts"]
    assert "600 of 600 architectures" in run["lines"][1]
    [ranking] = found.all("section", **{"class": "context"})
    assert "6 architectures (protocol top50)" in ranking.text and "0.300 [" in ranking.text


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes_wherever_they_are(runs, tmp_path):
    (runs / "begun").mkdir()
    (runs / "begun" / ".lock").touch()
    first = compose(*gather([runs]))
    assert compose(*gather([runs])) == first
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(runs, moved)
    assert compose(*gather([moved])) == first


def test_nothing_is_loaded_and_only_its_own_script_and_style_count(runs):
    text = compose(*gather([runs]))
    found = Page(text)
    [policy] = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
    for tag in ("script", "style"):
        own = [e for e in found.all(tag) if e.attributes.get("type") != "application/json"]
        [content] = [element.text for element in own]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy.attributes["content"]
    assert "default-src 'none'" in policy.attributes["content"]
    for element in found.elements:
        assert not element.attributes.keys() & {"src", "href", "style", "srcset"}
        assert not any(name.startswith("on") for name in element.attributes)
    assert "innerHTML" not in text


def test_names_from_files_stay_text(tmp_path, write_run, make_record, make_scores, history):
    content = make_record(
        config__method=HOSTILE, config__space=HOSTILE, config__task=HOSTILE,
        config__preset=HOSTILE, scoring__bn=HOSTILE, ground_truth__table=HOSTILE,
        found__arch=HOSTILE, costs__device=HOSTILE, notes=[HOSTILE], versions={HOSTILE: HOSTILE},
    )  # fmt: skip
    frame = make_scores(30)
    frame.loc[0, "arch"] = HOSTILE
    folder = write_run("runs/<img src=x onerror=alert(3)>  &lt;", content, frame)
    history.rename(columns={"loss": HOSTILE}).to_parquet(folder / "history.parquet")
    (tmp_path / "runs" / "<b>damaged").mkdir()
    (tmp_path / "runs" / "<b>damaged" / "run.json").write_text("<script>")
    found = page(tmp_path / "runs")
    assert len(found.all("script")) == 2
    assert not found.all("img") and not found.all("b")
    [run] = found.data["runs"]
    assert run["row"]["method"] == run["row"]["space"] == HOSTILE
    assert found.data["shelves"][0]["archs"][0] == HOSTILE
    assert run["name"] == folder.name
    assert run["curves"][0]["series"][0]["name"] == HOSTILE
    assert any(" ".join(HOSTILE.split()) in row.text for row in found.all("tr"))


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=4)))
def test_embedded_json_holds_no_markup_and_comes_back(data):
    text = embedded(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data


DAMAGES = {
    "truncated": ("run.json", '{"schema_version": 1, "conf', "damaged", "cannot read run.json"),
    "version": ("run.json", '{"schema_version": 99}', "damaged", "another version"),
    "no record": ("scores.parquet", "", "damaged", "neither a run.json"),
    "unfinished": ("checkpoint.pt", "", "unfinished", "unfinishedthe run is not finished; run"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_folders_that_are_no_whole_runs_are_listed_with_the_reason(runs, damage):
    name, content, status, reason = DAMAGES[damage]
    (runs / "other").mkdir()
    (runs / "other" / name).write_text(content)
    found = page(runs)
    [row] = found.all("tr", **{"class": "left"})
    assert row.text.startswith(f"other{status}") and reason in row.text
    assert str(runs) not in row.text
    assert len(found.data["runs"]) == 6
    assert f"6 finished runs, 1 {status}." in found.all("main")[0].text
    assert found.all("th", scope="col", **{"class": "words"})[1].text == "status"


@pytest.mark.parametrize(
    "change",
    [
        {"metrics__all__kendall_tau": {"value": "high"}},
        {"metrics__all__kendall_tau": {"value": 0.5, "low": 0.4, "high": None, "n": 5}},
        {"floors__params": 0.4},
        {"config__seed": [1]},
        {"n": "many"},
        {"config__options": ["kd"]},
        {"found__arch": [1, 2]},
        {"costs__seconds": float("nan")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_records_that_no_run_writes_are_listed_as_damaged(runs, write_run, make_record, change):
    write_run("runs/odd", make_record(**change))
    [row] = page(runs).all("tr", **{"class": "left"})
    assert row.text.startswith("odddamaged")


def test_a_run_that_lost_a_file_is_damaged(runs, write_run, make_record, make_scores):
    sums = {"scores.parquet": "ab", "history.parquet": "cd"}
    write_run("runs/lost", make_record("gdas", files=sums))
    [row] = page(runs).all("tr", **{"class": "left"})
    assert row.text.startswith("lostdamagedscores.parquet is missing, which its run wrote")


def test_a_run_that_is_there_twice_counts_once(runs):
    shutil.copytree(runs / "spos-s1", runs / "spos-s1-copy")
    found = page(runs)
    [row] = found.all("tr", **{"class": "left"})
    assert row.text.startswith("spos-s1-copyrepeated")
    assert len(found.data["runs"]) == 6


@pytest.mark.parametrize("part", ["scores", "history"])
def test_runs_with_parts_that_cannot_be_read_keep_their_numbers(runs, part):
    path = runs / "spos-s0" / f"{part}.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    found = page(runs)
    [damaged] = [run for run in found.data["runs"] if run["problems"]]
    assert damaged["name"] == "spos-s0" and damaged["row"]["tau"] == 0.5
    [reason] = damaged["problems"].values()
    assert reason.startswith(f"cannot read {part}.parquet") and str(runs) not in reason
    assert "parts missing" in found.all("table", id="runs")[0].text


def test_many_architectures_are_thinned_out_evenly_by_truth(
    write_run, make_record, make_scores, monkeypatch
):
    monkeypatch.setattr(run_data, "MOST_POINTS", 50)
    frame = make_scores(400)
    data = page(write_run("runs/a", make_record(), frame)).data
    [run] = data["runs"]
    columns = {name: data["columns"][k] for name, k in run["points"]["columns"].items()}
    archs = [data["shelves"][0]["archs"][place] for place in columns["arch"]]
    assert len(archs) == len(columns["truth"]) == 50 and run["points"]["of"] == 400
    kept = frame.set_index("arch")["truth"].rank().loc[archs].sort_values()
    assert (kept.iloc[0], kept.iloc[-1]) == (1, 400)
    assert kept.diff().dropna().between(8, 9).all()
    assert columns["truth"] == pytest.approx(list(frame.set_index("arch")["truth"].loc[archs]))


def test_columns_in_which_all_runs_agree_are_folded_away(runs):
    found = page(runs)
    same = {head.text for head in found.all("th", **{"class": "words same"})}
    assert same == {
        "status",
        "space",
        "task",
        "preset",
        "truth of",
        "truth split",
        "scored on",
        "scored by",
        "BN",
        "protocol",
    }
    assert "task digits; preset laptop;" in found.all("p", id="common")[0].text


def test_of_a_single_run_words_are_folded_away_and_numbers_shown(runs):
    found = page(runs / "mngnas-s0")
    heads = [head for head in found.all("th", scope="col") if "aria-sort" in head.attributes]
    shown = [head.text for head in heads if "same" not in head.attributes["class"]]
    numbers = ["seed", "over floor", "τ top 10 %", "regret", "found (%)", "seconds", "n"]
    assert shown == ["method", "Kendall τ", *numbers]
    [said] = found.all("p", id="common")
    assert said.text.startswith("This run: status finished; options")
    assert "; space nb201; task digits; preset laptop; truth of digits; " in said.text


def test_the_command_writes_beside_the_runs_and_says_so(runs, capsys):
    (runs / "begun").mkdir()
    (runs / "begun" / ".lock").touch()
    assert main(["page", str(runs)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{runs / 'report.html'}\n"
    assert printed.err.startswith("unfinished: begun: ")
    assert Page((runs / "report.html").read_text(encoding="utf-8")).data["runs"]


def test_the_command_prints_what_was_written_as_json(runs, tmp_path, capsys):
    output = tmp_path / "new" / "all.html"
    assert main(["page", str(runs / "spos-s0"), str(runs), "--output", str(output), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["file"] == str(output) and written["bytes"] == output.stat().st_size
    assert len(written["runs"]) == 6 and written["left_out"] == []


def test_folders_without_runs_are_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="runs"):
            gather([folder])


def test_a_page_of_damaged_folders_alone_is_written(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.json").write_text("[]")
    found = page(tmp_path)
    assert found.data["runs"] == [] and len(found.all("tr", **{"class": "left"})) == 1


def test_the_answer_stands_first_under_what_the_page_is_of(runs):
    html = compose(*gather([runs]), about="Of runs & more, written today.")
    assert "Of runs &amp; more, written today." in html.split("<h2>")[0]
    parts = re.findall(r"<h2.*?>(.*?)</h2>", html)
    assert parts[:2] == ["Ranking of methods", "Runs"]
    assert html.index('id="filter"') < html.index("Ranking of methods")
    heads = re.findall(r'<th scope="col" class="(.*?)".*?>([^<]+)</button>', html)
    assert [text for _, text in heads[:3]] == ["method", "Kendall τ", "status"]
    folded = {text for kind, text in heads if "same" in kind}
    assert {"floor (params)", "ceiling", "image passes", "scored by"} <= folded
    assert "Kendall τ" not in folded and "over floor" not in folded


def test_what_the_filter_hides_is_shown_by_no_style(runs):
    [style] = page(runs).all("style")
    shown = re.findall(r"[^{}]*\btr\b[^{}]*{[^}]*display: (?:flex|grid)[^}]*}", style.text)
    assert shown  # rows as blocks, which would show what is hidden
    assert "[hidden] { display: none !important; }" in style.text
