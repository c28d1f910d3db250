/* Ties the parts together: which run is shown, and drawing anew when the width changes. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const anchor = place => `#${encodeURIComponent(data.runs[place].name)}`;
  readyTable(place => open(place, true));
  const watched = () => data.anytime.forEach(anytime);
  watched();
  document.getElementById("filter").addEventListener("input", watched); // they may have been hidden
  if (!data.runs.length) return;
  const pick = document.getElementById("pick");
  pick.append(...data.runs.map(({ name, row }, place) => {
    return html("option", { value: place }, [name, row.options].filter(Boolean).join(" · "));
  }));
  pick.addEventListener("change", () => open(Number(pick.value), false));
  let shown = -1;
  const named = data.runs.findIndex((_, place) => anchor(place) === location.hash);
  open(Math.max(named, 0), named >= 0);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    watched();
    paint();
  });

  function open(place, go) {
    shown = place;
    pick.value = place;
    for (const row of document.querySelectorAll("#runs tr[data-run]")) {
      const own = Number(row.dataset.run) === place;
      row.classList.toggle("open", own);
      row.toggleAttribute("aria-current", own);
    }
    paint();
    if (go) {
      history.replaceState(null, "", anchor(place));
      document.getElementById("run").scrollIntoView();
    }
  }

  function paint() {
    const run = data.runs[shown];
    document.getElementById("run-title").textContent = run.title;
    document.getElementById("run-lines").textContent = [...run.lines, run.name].join(" · ");
    fill(document.getElementById("facts"), run.facts);
    scatter(document.getElementById("scatter"), run, data);
    curves(document.getElementById("curves"), run);
  }
})();
