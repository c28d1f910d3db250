/* Architectures: cells as graphs, chains as rows of blocks. Always on white. */

const INK = "#222222", GREY = "#6b6b6b", FONT = 13;
const SLOT = 34, BOX = 24, GAP = 22, ARROW = 8;
const SMALLEST = 0.62; // of its size; a picture that is wider even so scrolls

const measure = (() => {
  const context = document.createElement("canvas").getContext("2d");
  return (text, size = FONT) => {
    context.font = `${size}px system-ui, sans-serif`;
    return context.measureText(text).width;
  };
})();

/* The packed diagrams of an architecture into `host`, one under the other. */
function draw(host, shelf, packed) {
  const parts = packed.flatMap(([frame, ...rest]) => {
    const shape = shelf.frames[frame];
    const title = shape.title ? [html("p", {}, shape.title)] : [];
    const note = shape.note ? [html("p", {}, shape.note)] : [];
    const content = shape.edges ? graphPicture(shape, rest.map(part => shelf.labels[part]))
      : chainPicture(shape, rest.map(part => shelf.blocks[part]), host.clientWidth);
    return [...title, content, ...note];
  });
  const dead = packed.some(([frame]) =>
    (shelf.frames[frame].edges || []).some(edge => !edge[2]));
  if (dead) parts.push(html("p", {}, "dashed: on no path from input to output"));
  if (!parts.length) parts.push(html("p", {}, "no drawing: its space is not known here; " +
    "one in a file is found from the folder that its run was started in"));
  host.replaceChildren(...parts);
  for (const picture of host.querySelectorAll("svg")) {
    const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
    const shown = Math.min(width, Math.max(host.clientWidth, SMALLEST * width));
    picture.setAttribute("width", shown);
    picture.setAttribute("height", shown * height / width);
  }
}

function word(x, y, text, more = {}) {
  return svg("text", { x, y, "text-anchor": "middle", "dominant-baseline": "central",
    "font-size": FONT, fill: INK, ...more }, text);
}

function graphPicture({ ranks, operators, edges }, labels) {
  const nodes = labels.slice(0, ranks.length), names = labels.slice(ranks.length);
  const layout = arrange({ ranks, edges, labelled: names.map(([text]) => text !== "") });
  const boxes = nodes.map(([text]) => Math.max(measure(text) + 14, BOX));
  const widths = Array(layout.columns).fill(8);
  const widen = (column, width) => { widths[column] = Math.max(widths[column], width); };
  layout.nodes.forEach((place, node) => widen(place.column, boxes[node]));
  layout.routes.forEach((route, edge) => {
    const at = layout.labels[edge];
    if (at >= 0) widen(route[at].column, measure(names[edge][0]) + 10);
  });
  const starts = [];
  let width = 10;
  for (const wide of widths) {
    starts.push(width);
    width += wide + GAP;
  }
  width += 10 - GAP;
  const height = SLOT * (layout.slots + 1) + 8;
  const middle = place => starts[place.column] + widths[place.column] / 2;
  const level = place => height - 4 - SLOT * (place.height + 0.5);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": "drawing of the cell" });
  layout.routes.forEach((route, edge) => {
    const [source, target, live] = edges[edge];
    const paint = live ? (names[edge][0] ? names[edge][1] : INK) : GREY;
    let path = `M${middle(route[0]) + boxes[source] / 2} ${level(route[0])}`;
    for (let k = 1; k < route.length; k++) {
      const from = starts[route[k - 1].column] + widths[route[k - 1].column];
      const to = starts[route[k].column], bend = (from + to) / 2;
      const [low, high] = [level(route[k - 1]), level(route[k])];
      path += `L${from} ${low}C${bend} ${low} ${bend} ${high} ${to} ${high}`;
    }
    const last = route[route.length - 1];
    const tip = middle(last) - boxes[target] / 2, y = level(last);
    path += `L${tip - ARROW / 2} ${y}`;
    const dashes = live ? {} : { "stroke-dasharray": "4 3" };
    root.append(
      svg("path", { d: path, fill: "none", stroke: paint, "stroke-width": live ? 2 : 1.3,
        ...dashes }),
      svg("path", { d: `M${tip} ${y}l${-ARROW} ${-ARROW / 2.2}v${2 * ARROW / 2.2}z`,
        fill: paint }));
  });
  layout.routes.forEach((route, edge) => {
    if (layout.labels[edge] < 0) return;
    const place = route[layout.labels[edge]], text = names[edge][0];
    const wide = measure(text) + 6;
    root.append(
      svg("rect", { x: middle(place) - wide / 2, y: level(place) - 9, width: wide, height: 18,
        fill: "#fff" }),
      word(middle(place), level(place), text, { fill: edges[edge][2] ? INK : GREY }));
  });
  layout.nodes.forEach((place, node) => {
    const live = edges.some(([a, b, on]) => on && (a === node || b === node));
    const ink = live ? INK : GREY;
    root.append(
      svg("rect", { x: middle(place) - boxes[node] / 2, y: level(place) - BOX / 2, rx: 9,
        width: boxes[node], height: BOX, fill: "#fff", stroke: operators[node]
          ? nodes[node][1] : ink, "stroke-width": operators[node] ? 2.5 : 1.3 }),
      word(middle(place), level(place), nodes[node][0], { fill: ink }));
  });
  return root;
}

function chainPicture({ stages }, blocks, room) {
  const TALLEST = 72, LOWEST = 6, BREAK = 8, LINE = 18;
  const spare = Math.max(room, 280) - 20 - BREAK * (stages.length - 1);
  const pitch = Math.max(14, Math.min(56, spare / blocks.length));
  const size = Math.min(FONT, 0.85 * pitch);
  const longest = Math.max(...blocks.map(([text]) => measure(text, size)));
  const upright = longest > pitch - 4;
  const top = 4 + LINE, foot = top + TALLEST, words = upright ? longest + 10 : LINE;
  const titled = stages.some(([title]) => title);
  const height = foot + words + (titled ? LINE + 6 : 4);
  const width = 20 + pitch * blocks.length + BREAK * (stages.length - 1);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": "drawing of the chain" });
  root.append(svg("line", { x1: 10 + pitch / 2, x2: width - 10 - pitch / 2, y1: top + TALLEST / 2,
    y2: top + TALLEST / 2, stroke: GREY }));
  let x = 10, block = 0;
  for (const [title, count] of stages) {
    const wide = pitch * count;
    if (title) {
      root.append(
        svg("line", { x1: x + 2, x2: x + wide - 2, y1: foot + words, y2: foot + words,
          stroke: GREY }),
        word(x + wide / 2, foot + words + 11, title, { fill: GREY, "font-size": FONT - 1 }));
    }
    for (let k = 0; k < count; k++, block++, x += pitch) {
      const [text, paint, share, reduces] = blocks[block];
      const tall = LOWEST + (TALLEST - LOWEST) * share, centre = x + pitch / 2;
      root.append(svg("rect", { x: x + 0.11 * pitch, width: 0.78 * pitch,
        y: top + (TALLEST - tall) / 2, height: tall, fill: paint }));
      root.append(upright
        ? word(centre, foot + 5, text, { "font-size": size, "text-anchor": "end",
          transform: `rotate(-90 ${centre} ${foot + 5})` })
        : word(centre, foot + 10, text, { "font-size": size }));
      if (reduces) root.append(word(centre, top - 9, "÷2", { "font-size": size }));
    }
    x += BREAK;
  }
  return root;
}
