/* Learning curves of one run: a panel per unit, with the values under the pointer. */

const LINES = ["var(--mark)", "var(--found)", "var(--soft)", "#0f9d76", "#b06ab3"];
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 2"];

function curves(host, run) {
  host.replaceChildren();
  if (run.problems.curves) {
    host.append(html("p", { class: "damaged" }, `No curves: ${run.problems.curves}`));
  } else if (!run.curves.length) {
    host.append(html("p", { class: "soft" }, "No history was kept."));
  } else {
    const drawn = run.curves.filter(panel => panel.series.length);
    const cells = drawn.map(() => html("div", {}));
    host.append(html("div", { class: "panels" }, ...cells));
    drawn.forEach((panel, number) => curve(cells[number], panel));
    const words = run.curves.flatMap(panel => panel.constant);
    if (words.length) host.append(html("p", { class: "soft" }, `Not drawn: ${words.join("; ")}.`));
  }
}

function curve(host, panel) {
  const plotted = html("div", { class: "plot" }), value = html("div", { class: "value" });
  host.append(plotted, value);
  const steps = panel.series.flatMap(series => series.step);
  const values = panel.series.flatMap(series => series.value);
  const plot = axes(plotted, {
    height: 230,
    x: { ...around(steps, 0), title: panel.x, whole: true },
    y: { ...around(values, 0.05), title: panel.y },
    label: `${panel.series.map(series => series.name).join(", ")} by ${panel.x}; arrow keys go `
      + "from value to value",
  });
  panel.series.forEach((series, number) => {
    const path = series.step.map((step, k) =>
      `${k ? "L" : "M"}${plot.x(step).toFixed(1)} ${plot.y(series.value[k]).toFixed(1)}`);
    plot.root.append(svg("path", { class: "line", d: path.join(""),
      stroke: LINES[number % LINES.length], "stroke-dasharray": DASHES[number % DASHES.length] }));
  });
  reading(plot, steps, step => {
    const parts = panel.series.map((series, number) => {
      const at = series.step.indexOf(step);
      const look = { stroke: LINES[number % LINES.length],
        "stroke-dasharray": DASHES[number % DASHES.length] };
      return told(look, series.name, at < 0 ? null : series.value[at]);
    });
    const place = `${panel.x} ${step.toLocaleString("en-US")}`;
    value.replaceChildren(place, ...parts, ...thinned(panel));
  });
}

/* A piece of a line, what it is and its value. */
function told(look, name, value) {
  const swatch = svg("svg", { width: 26, height: 8 }, svg("line", { x1: 0, x2: 26, y1: 4,
    y2: 4, "stroke-width": 2.5, ...look }));
  return html("div", {}, swatch, ` ${name} ${value === null ? "–" : brief(value)}`);
}

/* Calls `tell` with the last of `places`, then with the one next to the pointer or by arrow keys. */
function reading(plot, places, tell) {
  const cursor = svg("line", { class: "cursor", y1: plot.top, y2: plot.top + plot.up,
    visibility: "hidden" });
  plot.root.append(cursor);
  const all = [...new Set(places)].sort((a, b) => a - b);
  let current = all.length - 1;
  tell(all[current]);
  const show = () => {
    cursor.setAttribute("x1", plot.x(all[current]));
    cursor.setAttribute("x2", plot.x(all[current]));
    cursor.setAttribute("visibility", "visible");
    tell(all[current]);
  };
  const follow = event => {
    const [x] = pointer(plot.root, event);
    const distance = place => Math.abs(plot.x(all[place]) - x);
    current = all.reduce((best, _, place) => distance(place) < distance(best) ? place : best, 0);
    show();
  };
  plot.root.addEventListener("pointermove", follow);
  plot.root.addEventListener("pointerdown", follow);
  plot.root.addEventListener("keydown", event => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    current = Math.min(Math.max(current + by, 0), all.length - 1);
    show();
  });
}

/* What is said of the series that are drawn with fewer values than there are. */
function thinned(panel) {
  const thin = panel.series.filter(series => series.of > series.step.length);
  const drawn = thin.map(series => `${series.name}, ${series.step.length} of ${series.of} values`);
  return thin.length ? [html("div", { class: "soft" }, `Thinned out: ${drawn.join("; ")}.`)] : [];
}

function around(values, share) {
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  const margin = high > low ? share * (high - low) : 0.5;
  return { low: low - margin, high: high + margin };
}
