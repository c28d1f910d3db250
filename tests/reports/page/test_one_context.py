"""Rankings and facts of few runs: every number under its name, on one axis."""

import re

import numpy as np
import pytest
from browser import Page

from reports.page.compose import compose
from reports.page.folders import gather
from reports.page.row import COLUMNS
from reports.runs.scatter_points import Window


def page(*folders):
    return Page(compose(*gather(folders)))


@pytest.mark.parametrize(
    ("passes", "told"),
    [(1_070_000, "equal in image passes, within 5 %"), (1_080_000, "not equal: see the image")],
)
def test_the_ranking_says_whether_costs_are_equal(write_run, make_record, passes, told):
    for method, own in (("spos", 1_000_000), ("gdas", passes)):
        folder = write_run(f"runs/{method}", make_record(method, costs__image_passes=own))
    assert f"Costs are {told}" in compose(*gather([folder.parent]))


def test_the_ranking_says_what_it_lacks_to_be_one(write_run, make_record):
    """Enough architectures, and a method at the cost that it declares."""
    costs = {"equalise": "compute", "compute": 2100.0, "declared": 1000.0}
    write_run("runs/spos", make_record("spos", n=19))
    folder = write_run("runs/gdas", make_record("gdas", n=19, training=costs))
    found = page(folder.parent)
    rows = [row.text for row in found.all("tr", **{"class": "method"})]
    [marked] = [row for row in rows if "cost 2.1 times what it declares" in row]
    assert len(rows) == 2 and marked.startswith("gdas")
    [ranking] = found.all("section", **{"class": "context"})
    assert "gdas (full, printed) cost 2.1 times the compute that its method" in ranking.text
    assert "19 architectures are few and have wide intervals" in ranking.text


def test_axes_of_all_rankings_stand_in_line(write_run, make_record):
    """Every column but the chart's has a width of its own, whatever its texts."""
    html = compose(*gather([write_run("runs/spos", make_record("spos"))]))
    [head] = re.findall(r'<table class="ranking"><thead><tr>(.*?)</tr>', html)
    columns = range(1, 1 + len(re.findall(r"<t[hd]\b", head)))
    assert ".ranking { width: 100%; table-layout: fixed; }" in html
    rules = re.findall(r"(\.ranking thead [^{}]*) \{ width: [\d.]+(?:rem|%); \}", html)
    widths = [int(place) for rule in rules for place in re.findall(r":nth-child\((\d)\)", rule)]
    assert widths == [place for place in columns if place != 2]


def test_a_row_of_the_table_and_its_facts_have_every_number_under_its_name(
    write_run, make_record, make_interval, make_scores
):
    content = make_record("mngnas", 3, 0.62, n=500, n_table=1700)
    content["metrics"]["top10"]["kendall_tau"] = make_interval(0.23)
    content["found"] |= {"truth": 91.25, "regret": 1.75}
    content["costs"] |= {"image_passes": 2_500_000, "scoring_image_passes": 750_000}
    content["costs"] |= {"seconds": 90.4, "device": "GPU"}
    content["ground_truth"]["version"] = "v7"
    content |= {"versions": {"numpy": "2.0"}, "notes": ["a note"]}
    html = compose(*gather([write_run("runs/a", content, make_scores(30))]))
    [row] = re.findall(r'<tr data-run="0">(.*?)</tr>', html)
    cells = re.findall(r'<td class="[\w ]+"( data-value="(.*?)")?>(.*?)</td>', row)
    texts = [re.sub("<.*?>", "", text) for _, _, text in cells]
    shown = dict(zip((column.head for column in COLUMNS), texts, strict=True))
    assert shown == {
        "status": "finished", "options that differ": "kd full, qp printed", "space": "nb201",
        "task": "digits", "preset": "laptop", "seed": "3", "Kendall τ": "0.620 [0.580, 0.660]",
        "floor (params)": "0.450", "ceiling": "0.900", "over floor": "+0.160",
        "τ top 10 %": "0.23", "regret": "1.75", "found (%)": "91.25",
        "image passes": "2.50 M + 0.75 M", "seconds": "90", "truth of": "digits",
        "truth split": "test", "scored on": "val", "scored by": "accuracy", "BN": "recalibrate",
        "protocol": "all", "n": "500 of 1,700",
    }  # fmt: skip
    values = {c.head: float(v) for c, (_, v, _) in zip(COLUMNS, cells, strict=True) if v}
    assert values == pytest.approx({
        "seed": 3, "Kendall τ": 0.62, "floor (params)": 0.45, "ceiling": 0.9, "over floor": 0.16,
        "τ top 10 %": 0.23, "regret": 1.75, "found (%)": 91.25, "image passes": 3_250_000,
        "seconds": 90.4, "n": 500,
    })  # fmt: skip
    [run] = Page(html).data["runs"]
    assert run["facts"] == [
        ["Kendall τ", "0.620 [0.580, 0.660]"], ["over floor", "+0.160"], ["τ top 10 %", "0.23"],
        ["floor: parameters", "0.450 [0.410, 0.490]"], ["best floor: FLOPs", "0.460 [0.420, 0.500]"],
        ["floor: random", "0.000 [−0.050, 0.050]"], ["ceiling", "0.900 [0.890, 0.910]"],
        ["image passes", "2.50 M + 0.75 M"], ["seconds", "90"],
        ["options", "base spos, kd full, qp printed"], ["device", "GPU"],
        ["found", "read from the table"], ["truth", "v7"], ["ceiling measured", "between seeds"],
        ["versions", "numpy 2.0"], ["note", "a note"],
    ]  # fmt: skip
    windows = run["points"]["windows"]
    frame = make_scores(30)
    for name in ("truth", "score"):
        window = Window.around(np.array([*frame[name], *[91.25] * (name == "truth")]))
        assert windows[name] == pytest.approx([window.low, window.high], rel=1e-6)
    assert run["found"] | {"shelf": 0, "arch": 0} == {
        "shelf": 0, "arch": 0, "truth": 91.25, "regret": 1.75,
        "score": pytest.approx(frame.set_index("arch")["score"]["a7"], rel=1e-6),
    }  # fmt: skip


def test_what_a_record_lacks_is_missing(write_run, make_record, make_interval):
    content = make_record(metrics__all__kendall_tau=make_interval(None), floors={}, ceiling=None)
    del content["costs"], content["found"], content["notes"], content["versions"]
    [run] = page(write_run("a", content).parent).data["runs"]
    assert run["row"]["tau"] is run["row"]["floor"] is run["row"]["over_floor"] is None
    assert run["found"] is None and run["curves"] == []


def test_every_ranking_has_the_same_axis(write_run, make_record):
    write_run("runs/a", make_record("spos", 0, 0.5, config__space="nb201"))
    folder = write_run("runs/b", make_record("spos", 0, -0.3, config__space="macro"))
    html = compose(*gather([folder.parent]))
    axes = re.findall(r'<tr class="axis">.*?</tr>', html)
    assert len(axes) == 2 and axes[0] == axes[1] and "−0.3" in axes[0].replace("-", "−")
    words = re.findall(r'<tr class="method" data-words="(.*?)">', html)
    assert sorted(words) == ["spos macro digits", "spos nb201 digits"]


def test_how_far_over_the_floor_has_its_interval_and_whether_that_is_shown(
    write_run, make_record, make_interval
):
    for method, gap in (("spos", 0.03), ("mngnas", 0.06)):
        over = {"flops": make_interval(gap, 0.04), "params": make_interval(0.9, 0.01)}
        folder = write_run(
            f"runs/{method}", make_record(method, 0, 0.46 + gap) | {"over_floors": over}
        )
    found = page(folder.parent)
    [ranking] = found.all("table", **{"class": "ranking"})
    assert "+0.030 [−0.010, +0.070], not shown" in ranking.text
    assert "+0.060 [+0.020, +0.100]" in ranking.text
    assert "+0.060 [+0.020, +0.100], not" not in ranking.text
    [run] = [
        row.text for row in found.all("tr") if "data-run" in row.attributes and "spos" in row.text
    ]
    assert "+0.030 [−0.010, +0.070]" in run
    facts = {run["row"]["method"]: dict(run["facts"]) for run in found.data["runs"]}
    assert facts["mngnas"]["over floor"] == "+0.060 [+0.020, +0.100]"
    ends = [element.text for element in found.all("span", **{"class": "ends"})]
    assert {"[−0.010, +0.070]", "[+0.020, +0.100]"} <= set(ends)
    assert {span.text for span in found.all("span", **{"class": "below"})} == {"not shown"}


@pytest.mark.parametrize("params", [None, [1.5, float("nan")], ["few", "many"]])
def test_scatter_plots_need_no_sizes(write_run, make_record, make_scores, params):
    frame = make_scores(40).drop(columns="params")
    if params:
        frame["params"] = params * 20
    [run] = page(write_run("a", make_record(), frame).parent).data["runs"]
    assert run["points"]["columns"]["params"] is None and run["problems"] == {}
