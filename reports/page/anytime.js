/* Any-time τ: a chart over compute and one over seconds, names beside the ends of their curves. */

const NAME_GAP = 15; // pixels between names

function anytime(sample) {
  const hosts = sample.panels.map(() => html("div", {}));
  document.getElementById(sample.host).replaceChildren(...hosts);
  sample.panels.forEach((panel, number) => over(hosts[number], sample, panel));
}

function over(host, sample, panel) {
  const plotted = html("div", { class: "plot" }), value = html("div", { class: "value" });
  host.append(plotted, value);
  const names = [...sample.curves.map(({ name, tau }) => brieflyNamed(name, tau.at(-1))),
    ...sample.bounds.map(({ name, tau }) => brieflyNamed(name, tau))];
  const beside = host.clientWidth >= 480; // else the values below name the curves
  const right = beside ? 34 + 6.5 * Math.max(...names.map(name => name.length)) : 14;
  const plot = axes(plotted, { height: 330, right, x: panel.x, y: sample.y,
    label: `Kendall τ by ${panel.x.title}; arrow keys go from value to value` });
  const edge = plot.left + plot.across;
  for (const { tau } of sample.bounds)
    plot.root.append(svg("line", { class: "bound", x1: plot.left, x2: edge, y1: plot.y(tau),
      y2: plot.y(tau) }));
  const point = (k, values) => place =>
    `${plot.x(panel.spent[k][place]).toFixed(1)} ${plot.y(values[place]).toFixed(1)}`;
  sample.curves.forEach((curve, k) => {
    const places = [...curve.tau.keys()];
    const around = [...places.map(point(k, curve.most)),
      ...places.map(point(k, curve.least)).reverse()];
    const end = plot.y(curve.tau.at(-1));
    plot.root.append(
      svg("path", { class: `band look${curve.look}`, d: `M${around.join("L")}Z` }),
      svg("line", { class: `tie look${curve.look}`, x1: plot.x(panel.spent[k].at(-1)), x2: edge,
        y1: end, y2: end, "stroke-dasharray": "1 3" }),
      svg("path", { class: `line look${curve.look}`, "stroke-dasharray": curve.dashes,
        d: `M${places.map(point(k, curve.tau)).join("L")}` }));
  });
  const ends = [...sample.curves.map(({ tau }) => tau.at(-1)),
    ...sample.bounds.map(({ tau }) => tau)].map(plot.y);
  if (beside) spaced(ends, NAME_GAP, plot.top + 4, plot.top + plot.up).forEach((level, k) => {
    const look = k < sample.curves.length ? `look${sample.curves[k].look}` : "bounded";
    plot.root.append(
      svg("path", { class: `tie ${look}`, d: `M${edge} ${ends[k]}h6L${edge + 20} ${level}` }),
      svg("text", { class: `name ${look}`, x: edge + 24, y: level + 4 }, names[k]));
  });
  const bounds = beside ? [] : sample.bounds.map(({ name, tau }) =>
    told({ stroke: "var(--soft)", "stroke-width": 1.2 }, name, tau));
  reading(plot, panel.spent.flat(), spent => {
    const parts = sample.curves.map((curve, k) => {
      const before = panel.spent[k].filter(other => other <= spent).length;
      const look = { class: `line look${curve.look}`, "stroke-dasharray": curve.dashes };
      return told(look, curve.name, before ? curve.tau[before - 1] : null);
    });
    value.replaceChildren(`${panel.x.title} ${brief(spent)}`, ...parts, ...bounds);
  });
}

function brieflyNamed(name, tau) {
  return `${name.length > 24 ? `${name.slice(0, 23)}…` : name} ${decimal(tau)}`;
}

/* Heights near those `wanted`, in their order, `gap` apart at least, between `low` and `high` as
   far as there is room: those that would meet stand together around their mean. */
function spaced(wanted, gap, low, high) {
  const groups = [];
  for (const k of [...wanted.keys()].sort((a, b) => wanted[a] - wanted[b] || a - b)) {
    let own = gathered([k]);
    while (groups.length && groups.at(-1).middle + gap * (groups.at(-1).of.length + own.of.length) / 2
        > own.middle) own = gathered([...groups.pop().of, ...own.of]);
    groups.push(own);
  }
  const placed = [];
  for (const { of, middle } of groups)
    of.forEach((k, place) => placed[k] = middle + gap * (place - (of.length - 1) / 2));
  return placed;

  function gathered(of) {
    const half = gap * (of.length - 1) / 2;
    const mean = of.reduce((sum, k) => sum + wanted[k], 0) / of.length;
    return { of, middle: Math.max(low + half, Math.min(mean, high - half)) };
  }
}
