/* Score against truth of one run; the architecture pointed at is told and drawn beside it. */

const STARSHAPE = "M0-9 2.1-2.9 8.6-2.8 3.4 1.1 5.3 7.3 0 3.6-5.3 7.3-3.4 1.1-8.6-2.8-2.1-2.9z";
const BY = {
  accuracy: "predicted accuracy (%)",
  loss: "minus the loss on validation images",
  method: "as the method gives it",
};
const REACH = 40; // pixels from the pointer to the nearest architecture

function scatter(host, run, data) {
  const key = document.getElementById("scatter-key");
  if (!run.points) {
    host.replaceChildren(html("p", { class: "damaged" }, `No scatter plot: ${run.problems.points}`));
    key.textContent = "";
    tellFound();
    return;
  }
  const { windows, columns, of } = run.points, shelf = data.shelves[run.points.shelf];
  const column = name => columns[name] === null ? null : data.columns[columns[name]];
  const [archs, score, truth, params] = ["arch", "score", "truth", "params"].map(column);
  const clamp = (value, [low, high]) => Math.min(Math.max(value, low), high);
  const inside = (value, [low, high]) => value >= low && value <= high;
  const height = Math.max(280, Math.min(460, 0.72 * host.clientWidth));
  const plot = axes(host, {
    height,
    x: { low: windows.truth[0], high: windows.truth[1],
      title: `truth: ${run.row.split} accuracy, stand-alone (%)` },
    y: { low: windows.score[0], high: windows.score[1], title: `score: ${BY[run.row.by]}` },
    label: `score against truth of ${archs.length} architectures; arrow keys go from one to the `
      + "next by truth, Escape back to the found one",
  });
  const px = truth.map(value => plot.x(clamp(value, windows.truth)));
  const py = score.map(value => plot.y(clamp(value, windows.score)));
  const beyond = truth.map((value, k) =>
    !inside(value, windows.truth) || !inside(score[k], windows.score));
  const size = Math.max(2, Math.min(6.5, Math.sqrt(26000 / archs.length)));
  drawDots();
  const lost = beyond.filter(Boolean).length;
  beyond.forEach((out, k) => {
    if (out) plot.root.append(svg("path", { class: "beyond",
      d: `M${px[k]} ${py[k] - 4}l4 4-4 4-4-4z` }));
  });
  drawFound();
  const ring = svg("circle", { class: "ring", r: 7, visibility: "hidden" });
  plot.root.append(ring);
  key.textContent = words();

  const byTruth = truth.map((_, k) => k).sort((a, b) => truth[a] - truth[b] || a - b);
  const rank = [];
  byTruth.forEach((k, place) => { rank[k] = place; });
  let current = -1;
  plot.root.addEventListener("pointermove", event => point(event, REACH));
  plot.root.addEventListener("pointerdown", event => point(event, Infinity));
  plot.root.addEventListener("keydown", event => {
    if (event.key === "Escape") {
      current = -1;
      ring.setAttribute("visibility", "hidden");
      tellFound();
    }
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
      Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const place = current < 0 ? 0 : rank[current] + steps[event.key];
    tell(byTruth[Math.min(Math.max(place, 0), byTruth.length - 1)]);
  });
  tellFound();

  function drawDots() {
    const shades = params ? data.shades : 1;
    const low = params ? Math.min(...params) : 0, high = params ? Math.max(...params) : 1;
    const LAYERS = 6; // in turn, so that no colour hides the others by being drawn last
    for (let layer = 0; layer < LAYERS; layer++) {
      const paths = Array(shades).fill("");
      for (let k = layer; k < archs.length; k += LAYERS) {
        if (beyond[k]) continue;
        const share = params && high > low ? (params[k] - low) / (high - low) : 0;
        paths[Math.min(Math.floor(share * shades), shades - 1)]
          += `M${px[k].toFixed(1)} ${py[k].toFixed(1)}h0`;
      }
      paths.forEach((d, shade) => {
        if (d) plot.root.append(svg("path", { class: `dots shade${params ? shade : ""}`, d,
          "stroke-width": size }));
      });
    }
  }

  function drawFound() {
    if (!run.found || run.found.truth === null) return;
    const at = plot.x(clamp(run.found.truth, windows.truth));
    if (run.found.score === null) {
      plot.root.append(svg("line", { class: "found", x1: at, x2: at, y1: plot.top,
        y2: plot.top + plot.up }));
    } else {
      const level = plot.y(clamp(run.found.score, windows.score));
      plot.root.append(svg("path", { class: "star", d: STARSHAPE,
        transform: `translate(${at} ${level})` }));
    }
  }

  function words() {
    const told = [`Kendall τ ${decimal(run.row.tau ?? NaN, 3)} of ${of.toLocaleString("en-US")} `
      + "architectures."];
    if (run.row.tau === null) told[0] = "Kendall τ is undefined.";
    if (params) {
      told.push(`Colour: parameters, from ${brief(Math.min(...params))} (dark) to `
        + `${brief(Math.max(...params))} (light).`);
    }
    if (run.found && run.found.truth !== null) {
      told.push(run.found.score === null ? "Dashed line: truth of the found architecture, which "
        + "is not among the scored." : "Star: the found architecture.");
    }
    if (lost) told.push(`Diamonds: ${lost} beyond the axes, on their edge.`);
    if (of > archs.length) {
      told.push(`Thinned out: ${archs.length.toLocaleString("en-US")} of `
        + `${of.toLocaleString("en-US")} are drawn, evenly spaced in the order of truths.`);
    }
    return told.join(" ");
  }

  function point(event, reach) {
    const [x, y] = pointer(plot.root, event);
    let nearest = -1, least = reach ** 2;
    for (let k = 0; k < archs.length; k++) {
      const distance = (px[k] - x) ** 2 + (py[k] - y) ** 2;
      if (distance < least) [nearest, least] = [k, distance];
    }
    if (nearest >= 0 && nearest !== current) tell(nearest);
  }

  function tell(k) {
    current = k;
    ring.setAttribute("cx", px[k]);
    ring.setAttribute("cy", py[k]);
    ring.setAttribute("visibility", "visible");
    const place = archs.length === of
      ? [["rank by truth", `${byTruth.length - rank[k]} of ${byTruth.length}`]] : [];
    readout("Architecture", shelf, archs[k], [["score", decimal(score[k])],
      ["truth", `${decimal(truth[k])} %`],
      ...(params ? [["parameters", params[k].toLocaleString("en-US")]] : []), ...place]);
  }

  function tellFound() {
    if (!run.found) {
      document.getElementById("readout").hidden = !run.points;
      readout("Point at an architecture", { archs: [""], drawings: [[]] }, 0, []);
      document.getElementById("drawing").replaceChildren();
      return;
    }
    document.getElementById("readout").hidden = false;
    const { score, truth, regret, arch } = run.found;
    readout("Found by the search", data.shelves[run.found.shelf], arch, [
      ["score", score === null ? "not among the scored" : decimal(score)],
      ["truth", truth === null ? "not measured" : `${decimal(truth)} %`],
      ...(regret === null ? [] : [["regret", decimal(regret)]])]);
  }
}

function readout(title, shelf, arch, numbers) {
  document.getElementById("readout-title").textContent = title;
  document.getElementById("readout-arch").textContent = shelf.archs[arch];
  fill(document.getElementById("readout-numbers"), numbers);
  draw(document.getElementById("drawing"), shelf, shelf.drawings[arch]);
}
