"""Any-time τ on the page: what the script gets, and where it puts the names."""

import json
from pathlib import Path

import numpy as np
import pytest
from browser import DOM, Page, node
from curves import watched_content, watched_history, write_history

from harness.cli import main
from reports import page
from reports.page.compose import compose
from reports.page.folders import gather
from reports.page.run_data import curves
from reports.runs.anytime import frame
from reports.runs.record import load
from reports.style.theme import LOOKS

FOLDER = Path(page.__file__).parent
TAUS = {"spos": ((0.1, 0.3, 0.5), (0.2, 0.4, 0.7)), "fairnas": ((None, 0.35, 0.45),)}


@pytest.fixture
def runs(tmp_path, write_run, make_record, make_interval, make_scores):
    """Two seeds of one method and one of another, watched."""
    for method, seeds in TAUS.items():
        for seed, taus in enumerate(seeds):
            content = watched_content(make_record(method, seed), make_interval)
            folder = write_run(f"runs/{method}-s{seed}", content, make_scores(30))
            write_history(folder, watched_history(taus))
    return tmp_path / "runs"


def drawn(runs):
    return Page(compose(*gather([runs])))


def test_the_script_gets_the_points_of_the_picture(runs):
    found = drawn(runs)
    [sample] = found.data["anytime"]
    assert found.all("div", id=sample["host"])
    points = frame(map(load, runs.iterdir())).query("kind == 'method' and tau == tau")
    for (method, own), curve in zip(points.groupby("method"), sample["curves"], strict=True):
        assert curve["name"].startswith(method)
        for name, column in (("tau", "tau"), ("least", "tau_least"), ("most", "tau_most")):
            assert curve[name] == pytest.approx(own[column].tolist(), rel=1e-5)
    compute, seconds = sample["panels"]
    assert compute["spent"] == [[0.6, 0.9], [0.3, 0.6, 0.9]]  # millions
    assert seconds["spent"] == [[100, 150], [50, 100, 150]]
    for panel in (compute, seconds):
        axis = panel["x"]
        assert axis["low"] == 0
        assert axis["high"] == pytest.approx(1.02 * max(map(max, panel["spent"])))
        assert not axis["log"]
    assert "compute" in compute["x"]["title"] and "seconds" in seconds["x"]["title"]
    margin = 0.05 * (0.88 - 0.1)  # from the lowest seed to the ceiling
    ends = {"low": 0.1 - margin, "high": 0.88 + margin, "title": "Kendall τ"}
    assert sample["y"] == pytest.approx(ends)
    assert {bound["name"]: bound["tau"] for bound in sample["bounds"]} == {
        "parameters": 0.41, "ceiling": 0.88,
    }  # fmt: skip
    looks = [(curve["look"], curve["dashes"]) for curve in sample["curves"]]
    assert len(set(looks)) == 2 and all(look < len(LOOKS) for look, _ in looks)


def test_there_is_nothing_where_no_run_was_watched(runs):
    for folder in runs.iterdir():
        record = json.loads((folder / "run.json").read_text())
        del record["watch"]
        (folder / "run.json").write_text(json.dumps(record))
    found = drawn(runs)
    assert found.data["anytime"] == []
    assert "Any-time" not in [head.text for head in found.all("h2")]


@pytest.mark.parametrize(
    "watch", [[], "x", {"sample": 5}, {"sample": "a", "n": "many"}, {"sample": "a", "floors": 3}]
)
def test_what_no_run_writes_leaves_the_others_drawn(runs, watch):
    path = runs / "fairnas-s0" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"watch": watch}))
    names = [curve["name"] for one in drawn(runs).data["anytime"] for curve in one["curves"]]
    assert "spos" in [name[:4] for name in names]
    (runs / "fairnas-s0" / "history.parquet").write_bytes(b"no parquet")
    assert [c["name"][:4] for s in drawn(runs).data["anytime"] for c in s["curves"]] == ["spos"]


def test_a_runs_own_curves_show_the_loss_and_tau_with_its_interval(runs):
    loss, tau = curves(load(runs / "spos-s0"))
    assert loss["y"] == "loss" and tau["y"] == "Kendall τ"
    assert tau["x"] == "training step"
    assert [series["value"] for series in tau["series"]] == [
        pytest.approx(np.array(TAUS["spos"][0]) + shift) for shift in (0, -0.07, 0.07)
    ]


def test_the_command_writes_the_page(runs, capsys):
    main(["page", str(runs)])
    assert "Any-time τ" in (runs / "report.html").read_text()


@pytest.mark.parametrize("width", [1000, 300])
def test_the_script_draws_every_curve_with_its_name_where_there_is_room(runs, width):
    [sample] = drawn(runs).data["anytime"]
    scripts = [(FOLDER / name).read_text() for name in ("axes.js", "curves.js", "anytime.js")]
    told = "JSON.stringify(document.getElementById(sample.host).all())"
    script = DOM.replace("WIDTH", str(width)) + "".join(scripts)
    script += f"const sample = {json.dumps(sample)}; anytime(sample); console.log({told});"
    elements = json.loads(node(script))
    for kind in ("band", "line"):
        shown = [e for e in elements if e["set"].get("class", "").split()[0:1] == [kind]]
        assert len([e for e in shown if e["tag"] == "path"]) == 4  # two curves over two things
        assert all("NaN" not in e["set"].get("d", "") for e in shown)
    names = [e["inside"][0] for e in elements if "name" in e["set"].get("class", "")]
    expected = ["fairnas (kd full, qp prin… 0.45", "spos 0.60", "parameters 0.41", "ceiling 0.88"]
    assert [name[:7] for name in names] == [name[:7] for name in expected * 2 * (width > 500)]
    lines = [e["inside"][1] for e in elements if e["tag"] == "div" and len(e["inside"]) == 2]
    bounds = [line for line in lines if line in (" parameters 0.41", " ceiling 0.88")]
    assert len(bounds) == 4 * (width < 500)  # else their names are in the picture


def test_names_keep_their_order_and_their_distance():
    rng = np.random.default_rng(0)
    several = [rng.uniform(-20, 330, size).round(rng.integers(3)).tolist()
               for size in rng.integers(1, 13, 300)]  # fmt: skip
    script = (FOLDER / "anytime.js").read_text()
    script += f"for (const wanted of {json.dumps(several)})"
    script += " console.log(JSON.stringify(spaced(wanted, 15, 10, 300)));"
    moved = 0
    for given, line in zip(several, node(script).splitlines(), strict=True):
        wanted, placed = np.array(given), np.array(json.loads(line))
        order = np.argsort(wanted, kind="stable")
        assert (np.diff(placed[order]) >= 15 - 1e-6).all()
        assert placed.min() >= 10 - 1e-6 and placed.max() <= 300 + 1e-6
        far = np.abs(wanted[:, None] - wanted) + 1e9 * np.eye(len(wanted))
        free = (far.min(axis=1) > 15 * len(wanted)) & (np.clip(wanted, 10, 300) == wanted)
        assert placed[free] == pytest.approx(wanted[free])
        moved += (placed != wanted).any()
    assert moved > 100
