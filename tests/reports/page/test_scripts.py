"""What the page's scripts draw and tell, run on a document that only keeps what it is given."""

import json
import re
from pathlib import Path

import pytest
from browser import DOM, node

from reports import page

FOLDER = Path(page.__file__).parent
TRUTHS, SCORES = [90.0, 92.0, 91.0, 94.0, 80.0], [60.0, 63.0, 64.0, 61.0, 62.0]
SIZES = [100, 400, 250, 1300, 700]
RUN = {
    "name": "a",
    "row": {"split": "test", "by": "loss", "tau": 0.6125},
    "found": {"shelf": 0, "arch": 2, "score": 64.0, "truth": 91.5, "regret": 2.5},
    "points": {
        "shelf": 0, "of": 5, "columns": {"arch": 0, "score": 1, "truth": 2, "params": 3},
        "windows": {"truth": [89.0, 95.0], "score": [59.0, 65.0]},
    },
    "problems": {},
}  # fmt: skip
DATA = {
    "shades": 12,
    "columns": [[0, 1, 2, 3, 4], SCORES, TRUTHS, SIZES],
    "shelves": [{"archs": list("abcde"), "drawings": [[]] * 5}],
}


def told(script, *names):
    """What the body ``script`` returns, after the page's scripts of these names."""
    sources = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
    body = f"console.log(JSON.stringify((() => {{ {script} }})()));"
    return json.loads(node("\n".join([DOM.replace("WIDTH", "600"), sources, body])))


def test_numbers_and_ticks_are_round():
    script = """return [ticks(0, 1, 5), ticks(-3, 12, 4), powers(3, 300),
      [0, 1234, 123.456, 0.01236, -2.5].map(brief), [decimal(-0.126), decimal(2, 1)]];"""
    plain, wide, powers, brief, decimal = told(script, "axes.js")
    assert plain == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert wide == [0, 5, 10] and powers == [5, 10, 20, 50, 100, 200]
    assert brief == ["0", "1,234", "123.5", "0.01236", "−2.5"]
    assert decimal == ["−0.13", "2.0"]


@pytest.mark.parametrize("length", [5, 33, 50, 86, 120])
def test_titles_of_axes_stay_inside(length):
    script = f"""
      const title = "x".repeat({length});
      const plot = axes(new Element("div"), {{ height: 230, label: "it", right: 300,
        x: {{ low: 0, high: 1, title }}, y: {{ low: 0, high: 1, title }} }});
      const titles = plot.root.all().filter(one => one.set.class === "title").map(one => one.set);
      const long = one => one.textLength ?? 7 * {length};
      return [[titles[0].x, long(titles[0]), 600], [titles[1].y, long(titles[1]), 230],
        plot.left + plot.across / 2];"""
    *ends, middle = told(script, "axes.js")
    for at, long, end in ends:
        assert at - long / 2 >= 4 and at + long / 2 <= end - 4
    assert (ends[0][0] == middle) == (length <= 33)  # where there is room it stands below its axis


@pytest.mark.parametrize("log", [False, True])
def test_axes_go_from_corner_to_corner(log):
    script = f"""
      const plot = axes(new Element("div"), {{ height: 230, label: "it",
        x: {{ low: 10, high: 1000, title: "across", log: {json.dumps(log)} }},
        y: {{ low: -1, high: 3, title: "up" }} }});
      const words = plot.root.all().filter(one => one.set.class === "title");
      return [[10, 100, 1000].map(plot.x), [-1, 0, 3].map(plot.y), plot.left, plot.across, plot.top,
        plot.up, words.map(one => one.inside[0])];"""
    xs, ys, left, across, top, up, words = told(script, "axes.js")
    middle = 0.5 if log else 90 / 990
    assert xs == pytest.approx([left, left + across * middle, left + across])
    assert ys == pytest.approx([top + up, top + up * 0.75, top])
    assert left + across == 600 - 14 and top + up == 230 - 44
    assert words == ["across", "up"]


@pytest.fixture(scope="module")
def scatter():
    """The elements of a scatter plot, the words below it, and what is told after each key."""
    script = f"""
      const host = document.getElementById("scatter");
      scatter(host, {json.dumps(RUN)}, {json.dumps(DATA)});
      const [root] = host.inside;
      const says = () => [hosts["readout-title"].textContent, hosts["readout-arch"].textContent,
        ...hosts["readout-numbers"].inside.map(one => one.inside[0])];
      const told = [says()];
      for (const key of ["Home", "ArrowRight", "End", "ArrowLeft", "Escape"]) {{
        root.press(key);
        told.push(says());
      }}
      const plot = axes(new Element("div"), {{ height: 432, x: {{ low: 89, high: 95, title: "" }},
        y: {{ low: 59, high: 65, title: "" }} }});
      const at = (x, y) => [plot.x(x), plot.y(y)];
      const shown = {json.dumps([*zip(TRUTHS, SCORES, strict=True)])}.map(([x, y]) => at(x, y));
      root.heard.pointermove({{ clientX: shown[0][0] + 5, clientY: shown[0][1] - 5 }});
      told.push(says());
      return {{ elements: root.all(), words: hosts["scatter-key"].textContent, told, shown,
        found: at(91.5, 64), edge: plot.left }};"""
    return told(script, "axes.js", "drawing.js", "scatter.js")


def paths(elements, kind):
    """The ``d`` of the paths whose class begins with ``kind``, by class."""
    own = [e["set"] for e in elements if e["set"].get("class", "").split()[0:1] == [kind]]
    return {look["class"]: look for look in own}


def test_a_scatter_plot_has_its_dots_at_truth_and_score_in_the_shade_of_their_size(scatter):
    drawn = paths(scatter["elements"], "dots")
    at = [f"M{x:.1f} {y:.1f}h0" for x, y in scatter["shown"]]
    # Shares (size - 100) / 1200 of twelve shades; the fifth lies beyond the axis of truths.
    assert {look: one["d"] for look, one in drawn.items()} == {
        "dots shade0": at[0], "dots shade3": at[1], "dots shade1": at[2], "dots shade11": at[3],
    }  # fmt: skip
    (beyond,) = paths(scatter["elements"], "beyond").values()
    x, y = map(float, re.match(r"M([\d.]+) ([\d.]+)l", beyond["d"]).groups())
    assert (x, y + 4) == pytest.approx((scatter["edge"], scatter["shown"][4][1]))
    (star,) = paths(scatter["elements"], "star").values()
    place = re.match(r"translate\(([\d.]+) ([\d.]+)\)", star["transform"]).groups()
    assert list(map(float, place)) == pytest.approx(scatter["found"])
    titles = [e["inside"][0] for e in scatter["elements"] if e["set"].get("class") == "title"]
    assert titles == [
        "truth: test accuracy, stand-alone (%)", "score: minus the loss on validation images",
    ]  # fmt: skip
    assert scatter["words"] == (
        "Kendall τ 0.613 of 5 architectures. Colour: parameters, from 100 (dark) to 1,300 (light). "
        "Star: the found architecture. Diamonds: 1 beyond the axes, on their edge."
    )


def test_keys_go_through_the_architectures_by_truth(scatter):
    first, *told, last, pointed = scatter["told"]
    assert first == last == [
        "Found by the search", "c", "score", "64.00", "truth", "91.50 %", "regret", "2.50",
    ]  # fmt: skip
    assert pointed[:2] == ["Architecture", "a"]
    by_truth = sorted(zip(TRUTHS, SCORES, SIZES, "abcde", strict=True))
    for place, said in zip((0, 1, 4, 3), told, strict=True):
        truth, score, size, arch = by_truth[place]
        assert said == [
            "Architecture", arch, "score", f"{score:.2f}", "truth", f"{truth:.2f} %", "parameters",
            f"{size:,}", "rank by truth", f"{5 - place} of 5",
        ]  # fmt: skip


def test_curves_run_through_their_values_and_tell_them():
    panel = {
        "x": "training step", "y": "loss", "constant": ["scored 20"],
        "series": [
            {"name": "own", "of": 3, "step": [10, 20, 30], "value": [1.0, 3.0, 2.0]},
            {"name": "other", "of": 2, "step": [20, 40], "value": [5.0, 4.0]},
        ],
    }  # fmt: skip
    script = f"""
      const host = new Element("div");
      curves(host, {{ problems: {{}}, curves: [{json.dumps(panel)}] }});
      const plotted = host.all().find(one => one.set.class === "plot").inside[0];
      const value = host.all().find(one => one.set.class === "value");
      const says = () => [value.inside[0], ...value.inside.slice(1).map(one => one.inside[1])];
      const told = [says()];
      for (const key of ["ArrowLeft", "ArrowLeft"]) {{ plotted.press(key); told.push(says()); }}
      const plot = axes(new Element("div"), {{ height: 230, x: {{ low: 10, high: 40, title: "" }},
        y: {{ low: 0.8, high: 5.2, title: "" }} }});
      const way = pairs => pairs.map(([x, y]) => `${{plot.x(x).toFixed(1)}} ${{plot.y(y).toFixed(1)}}`);
      return [host.all().filter(one => one.set.class === "line" && one.tag === "path"),
        [way([[10, 1], [20, 3], [30, 2]]), way([[20, 5], [40, 4]])], told,
        host.all().filter(one => one.set.class === "soft").map(one => one.inside[0])];"""
    lines, ways, said, soft = told(script, "axes.js", "curves.js")
    assert [line["set"]["d"] for line in lines] == [f"M{'L'.join(way)}" for way in ways]
    assert said == [
        ["training step 40", " own –", " other 4"],
        ["training step 30", " own 2", " other –"],
        ["training step 20", " own 3", " other 5"],
    ]
    assert soft == ["Not drawn: scored 20."]


def test_any_time_curves_run_through_their_values_with_bands_and_bounds():
    sample = {
        "host": "anytime-0", "y": {"low": 0, "high": 1, "title": "Kendall τ"},
        "bounds": [{"name": "ceiling", "tau": 0.9}],
        "curves": [
            {"name": "spos", "look": 3, "dashes": "5 2", "tau": [0.2, 0.5], "least": [0.1, 0.4],
             "most": [0.3, 0.7]},
            {"name": "gdas", "look": 1, "dashes": "", "tau": [0.3, 0.6, 0.65], "least": [0.3, 0.6, 0.65],
             "most": [0.3, 0.6, 0.65]},
        ],
        "panels": [{"x": {"low": 0, "high": 8, "title": "compute", "log": False},
                    "spent": [[2, 4], [1, 3, 6]]}],
    }  # fmt: skip
    script = f"""
      anytime({json.dumps(sample)});
      const all = hosts["anytime-0"].all();
      const root = all.find(one => one.tag === "svg");
      const value = all.find(one => one.set.class === "value");
      const says = () => [value.inside[0], ...value.inside.slice(1).map(one => one.inside[1])];
      const said = [says()];
      root.press("ArrowLeft");
      root.press("ArrowLeft");
      said.push(says());
      const names = root.all().filter(one => (one.set.class || "").startsWith("name"));
      const right = 34 + 6.5 * Math.max(...names.map(one => one.inside[0].length));
      const plot = axes(new Element("div"), {{ height: 330, right, x: {{ low: 0, high: 8, title: "" }},
        y: {{ low: 0, high: 1, title: "" }} }});
      const way = pairs => "M" + pairs.map(([x, y]) =>
        `${{plot.x(x).toFixed(1)}} ${{plot.y(y).toFixed(1)}}`).join("L");
      return [root.all().map(one => one.set), names.map(one => one.inside[0]), said,
        way([[2, 0.2], [4, 0.5]]), way([[2, 0.3], [4, 0.7], [4, 0.4], [2, 0.1]]), plot.y(0.9)];"""
    drawn, names, said, line, band, level = told(script, "axes.js", "curves.js", "anytime.js")
    own = {one["class"]: one for one in drawn if "look3" in one.get("class", "")}
    assert (own["line look3"]["d"], own["band look3"]["d"]) == (line, f"{band}Z")
    assert own["line look3"]["stroke-dasharray"] == "5 2"
    (bound,) = (one for one in drawn if one.get("class") == "bound")
    assert bound["y1"] == bound["y2"] == level
    assert names == ["spos 0.50", "gdas 0.65", "ceiling 0.90"]
    assert said == [
        ["compute 6", " spos 0.5", " gdas 0.65"],
        ["compute 3", " spos 0.2", " gdas 0.6"],
    ]


def test_the_table_is_sorted_with_what_is_missing_last_and_filtered_by_words():
    script = """
      const cell = (textContent, value) => ({ textContent, dataset: { value },
        firstChild: { title: "" } });
      const row = (method, tau, run) => ({ dataset: { run }, hidden: false,
        textContent: `${method} ${tau}`, cells: [cell(method), cell("x"),
        cell(tau === null ? "–" : String(tau), tau === null ? undefined : String(tau))] });
      const rows = [row("b", 0.5, "0"), row("a", 0.7, "1"), row("c", null, "2"), row("d", -1, "3"),
        row("left", null, undefined)];
      const head = (kind, cellIndex) => ({ cellIndex, set: { "aria-sort": "none" },
        firstChild: new Element("button"), classList: { contains: own => own === kind },
        getAttribute(name) { return this.set[name]; },
        setAttribute(name, value) { this.set[name] = value; } });
      const heads = [head("words", 0), head("words", 1), head("number", 2)];
      for (const one of heads) one.parentNode = { cells: heads };
      let order = rows;
      const body = Object.assign(new Element("tbody"), { rows,
        append: (...more) => { order = more; } });
      hosts.runs = { tBodies: [body], tHead: { rows: [{ cells: heads }] } };
      document.getElementById("all").addEventListener("change", () => {});
      const ranked = words => ({ dataset: { words }, hidden: false });
      const section = (...rows) => ({ hidden: false, rows, querySelectorAll: () => rows });
      const curves = Object.assign(section(), { textContent: "NB201: Full 0.70" });
      contexts.push(section(ranked("a kd full 0.7 nb201"), ranked("b 0.7 nb201")),
        section(ranked("b 0.7 macro")), curves);
      let opened = null;
      readyTable(place => { opened = place; });
      const names = () => order.map(one => one.cells[0].textContent);
      const found = [2, 2, 0].map(k => { heads[k].firstChild.heard.click(); return names(); });
      hosts.filter.value = "A 0.7";
      hosts.filter.heard.input();
      globalThis.getSelection = () => "";
      body.heard.click({ target: { closest: () => rows[1] } });
      const shown = rows.filter(one => !one.hidden).length;
      const said = hosts.shown.textContent;
      hosts.filter.value = "0.7 FULL";
      hosts.filter.heard.input();
      const left = contexts.map(one => [one.hidden, ...one.rows.map(row => row.hidden)]);
      hosts.filter.value = "";
      hosts.filter.heard.input();
      const back = contexts.map(one => [one.hidden, ...one.rows.map(row => row.hidden)]);
      hosts.filter.value = "nowhere";
      hosts.filter.heard.input();
      const none = contexts.map(one => one.hidden);
      return [found, shown, said, opened, left, back, none];"""
    orders, shown, said, opened, left, back, none = told(script, "table.js")
    assert left == [[False, False, True], [True, True], [False]]
    assert back == [[False, False, False], [False, False], [False]]
    assert none == [True, True, True]
    falling, rising, words = orders
    assert falling == ["a", "b", "d", "c", "left"] and rising == ["d", "b", "a", "c", "left"]
    assert words == ["a", "b", "c", "d", "left"]
    assert (shown, said) == (1, "1 of 5 shown") and opened == 1


def test_cells_and_chains_are_drawn_in_their_colours_and_sizes():
    graph = {
        "ranks": [0, 1, 2], "operators": [0, 1, 0], "title": "", "note": "",
        "edges": [[0, 1, 1], [1, 2, 1], [0, 2, 0]],
    }  # fmt: skip
    labels = [["in", "#1"], ["conv", "#2"], ["out", "#3"], ["", "#4"], ["skip", "#5"], ["", "#6"]]
    chain = {"title": "", "note": "", "stages": [["first", 2], ["", 1]]}
    blocks = [["k3", "#7", 1.0, 0], ["k5", "#8", 0.5, 1], ["s", "#9", 0.0, 0]]
    shelf = {"frames": [graph, chain], "labels": labels, "blocks": blocks}
    script = f"""
      const host = new Element("div");
      draw(host, {json.dumps(shelf)}, [[0, 0, 1, 2, 3, 4, 5], [1, 0, 1, 2]]);
      return host.inside.map(one => one.tag === "svg" ? one.all() : one.inside[0]);"""
    cell, row, dashed = told(script, "axes.js", "drawing.js", "layout.js")
    assert dashed == "dashed: on no path from input to output"
    ways = [e["set"] for e in cell if e["tag"] == "path" and e["set"]["fill"] == "none"]
    assert [(w["stroke"], "stroke-dasharray" in w) for w in ways] == [
        ("#222222", False), ("#5", False), ("#6b6b6b", True),
    ]  # fmt: skip
    boxes = [e["set"] for e in cell if e["tag"] == "rect" and "rx" in e["set"]]
    assert [box["stroke"] for box in boxes] == ["#222222", "#2", "#222222"]
    lefts = [box["x"] for box in boxes]
    assert lefts == sorted(lefts) and boxes[1]["width"] == 7 * 4 + 14
    bars = [e["set"] for e in row if e["tag"] == "rect"]
    assert [bar["height"] for bar in bars] == [72, 6 + 66 / 2, 6]
    assert [bar["fill"] for bar in bars] == ["#7", "#8", "#9"]
    assert [bar["x"] - bars[0]["x"] for bar in bars] == pytest.approx([0, 56, 112 + 8])
    said = [e["inside"][0] for e in row if e["tag"] == "text"]
    assert said == ["first", "k3", "k5", "÷2", "s"]


@pytest.mark.parametrize(
    ("address", "first", "scrolled"), [("#b%20c", 1, 1), ("#none", 0, 0), ("", 0, 0)]
)
def test_the_run_of_the_address_is_shown_and_any_can_be_picked(address, first, scrolled):
    row = {"method": "spos", "options": "", "space": "nb201", "task": "digits", "seed": 3}
    runs = [
        {"name": name, "title": f"T {name}", "lines": ["one", "two"], "facts": [["n", "6"]],
         "row": row | {"options": options}}
        for name, options in (("a", ""), ("b c", "kd full"))
    ]  # fmt: skip
    data = {"runs": runs, "anytime": ["a sample"]}
    script = f"""
      const shown = [], samples = [], rows = ["0", "1"].map(run => Object.assign(new Element("tr"), {{
        dataset: {{ run }}, classList: {{ toggle(_, on) {{ this.on = on; }} }},
        toggleAttribute() {{}} }}));
      let opened, scrolls = 0, replaced = [];
      globalThis.readyTable = open => {{ opened = open; }};
      globalThis.anytime = sample => samples.push(sample);
      globalThis.scatter = (_, run) => shown.push(run.name);
      globalThis.curves = () => {{}};
      globalThis.location = {{ hash: {json.dumps(address)} }};
      globalThis.history = {{ replaceState: (...given) => replaced.push(given[2]) }};
      globalThis.addEventListener = () => {{}};
      globalThis.innerWidth = 600;
      document.querySelectorAll = () => rows;
      document.getElementById("data").textContent = {json.dumps(json.dumps(data))};
      document.getElementById("run").scrollIntoView = () => {{ scrolls += 1; }};
      MAIN
      const says = () => [hosts.pick.value, hosts["run-title"].textContent,
        hosts["run-lines"].textContent, rows.map(one => one.classList.on)];
      const told = [says()], before = scrolls;
      hosts.pick.value = "1";
      hosts.pick.heard.change();
      told.push(says());
      opened(0);
      told.push(says());
      return [told, before, scrolls, replaced, shown, samples,
        hosts.pick.inside.map(one => one.inside[0])];"""
    main = (FOLDER / "main.js").read_text(encoding="utf-8")
    told_of, before, scrolls, replaced, shown, samples, options = told(
        script.replace("MAIN", main), "axes.js"
    )
    named = [
        [0, "T a", "one · two · a", [True, False]], [1, "T b c", "one · two · b c", [False, True]],
    ]  # fmt: skip
    assert told_of == [named[first], named[1], named[0]]
    assert (before, scrolls) == (scrolled, scrolled + 1)
    assert replaced == ["#b%20c"] * scrolled + ["#a"]
    assert shown == [["a", "b c"][first], "b c", "a"] and samples == ["a sample"]
    assert options == ["a", "b c · kd full"]  # the folder first: a narrow screen cuts the end
