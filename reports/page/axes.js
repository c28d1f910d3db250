/* Elements, numbers as text, and the axes that scatter plots and curves stand in. */

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, ...content) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

function html(name, attributes, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

function decimal(value, digits = 2) {
  return value.toFixed(digits).replace("-", "−");
}

/* Up to four digits that count, no more than the value has. */
function brief(value) {
  const size = Math.abs(value);
  const digits = size >= 1000 || size === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(size)));
  return Number(value.toFixed(Math.min(digits, 8))).toLocaleString("en-US",
    { maximumFractionDigits: 8 }).replace("-", "−");
}

function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(by => by * power).find(wide => wide >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-12); k++) found.push(k * step);
  return found;
}

/* As `ticks` on a logarithmic axis: 1, 2 and 5 times the powers of ten. */
function powers(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++)
    found.push(...[1, 2, 5].map(by => by * 10 ** power));
  return found.filter(tick => tick >= low && tick <= high);
}

/* Axes as wide as `host`: their svg, and from data to pixels `x` and `y`.

`x` and `y` have `low`, `high` and `title`; `x.whole`: only whole numbers are written; `x.log`: the
axis is logarithmic. `right`: pixels beside them. */
function axes(host, { height, x, y, label, right = 14 }) {
  const width = Math.max(host.clientWidth, 240);
  const yTicks = ticks(y.low, y.high, height / 50);
  const longest = Math.max(...yTicks.map(tick => brief(tick).length));
  const left = 30 + 7 * longest, top = 10, bottom = 44;
  const across = width - left - right, up = height - top - bottom;
  const along = x.log ? Math.log : value => value;
  const toX = value =>
    left + across * (along(value) - along(x.low)) / (along(x.high) - along(x.low));
  const toY = value => top + up * (1 - (value - y.low) / (y.high - y.low));
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    tabindex: 0, "aria-label": label });
  for (const tick of x.log ? powers(x.low, x.high) : ticks(x.low, x.high, across / 65)) {
    if (x.whole && !Number.isInteger(tick)) continue;
    const at = toX(tick), text = brief(tick);
    const inside = Math.min(at, width - 3.6 * text.length - 2);
    root.append(svg("line", { class: "grid", x1: at, x2: at, y1: top, y2: top + up }),
      svg("text", { x: inside, y: top + up + 16, "text-anchor": "middle" }, text));
  }
  for (const tick of yTicks) {
    const at = toY(tick);
    root.append(svg("line", { class: "grid", x1: left, x2: left + across, y1: at, y2: at }),
      svg("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, brief(tick)));
  }
  const below = fitting(x.title, left + across / 2, width);
  const beside = fitting(y.title, top + up / 2, height);
  root.append(
    svg("path", { class: "edge", fill: "none", d: `M${left} ${top}v${up}h${across}` }),
    svg("text", { class: "title", x: below.middle, y: height - 8, "text-anchor": "middle",
      ...below.squeezed }, x.title),
    svg("text", { class: "title", x: 13, y: beside.middle, "text-anchor": "middle",
      transform: `rotate(-90 13 ${beside.middle})`, ...beside.squeezed }, y.title));
  host.replaceChildren(root);
  return { root, x: toX, y: toY, left, top, across, up };
}

/* Where the middle of a title stands between 0 and `end`: at `wanted` where there is room, squeezed where
   there is none. */
function fitting(title, wanted, end) {
  const half = Math.min(3.5 * title.length, end / 2 - 4);
  const squeezed = half === end / 2 - 4
    ? { textLength: 2 * half, lengthAdjust: "spacingAndGlyphs" } : {};
  return { middle: Math.min(Math.max(wanted, half + 4), end - half - 4), squeezed };
}

/* The place of the pointer in the units of the svg. */
function pointer(root, event) {
  const box = root.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function fill(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, text]) =>
    [html("dt", {}, name), html("dd", {}, text)]));
}
