/* The table of runs: sorted by its heads, columns folded. Words filter it, the rankings and any-time τ. */

function readyTable(open) {
  const table = document.getElementById("runs");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.forEach((row, place) => { row.place = place; });
  for (const head of table.tHead.rows[0].cells) {
    head.firstChild.addEventListener("click", () => sortBy(head));
  }
  body.addEventListener("click", event => {
    const row = event.target.closest("tr[data-run]");
    if (row && !String(getSelection())) open(Number(row.dataset.run));
  });
  const filter = document.getElementById("filter");
  filter.addEventListener("input", show);
  const all = document.getElementById("all");
  if (all) {
    all.checked = false;
    all.addEventListener("change", () => {
      table.classList.toggle("folded", !all.checked);
      document.getElementById("common").hidden = all.checked;
    });
  }
  filter.value = "";

  function sortBy(head) {
    const numeric = head.classList.contains("number");
    const before = head.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const order = before === first ? other : first;
    for (const cell of head.parentNode.cells) cell.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => compare(key(a, head, numeric), key(b, head, numeric), sign)
      || a.place - b.place);
    body.append(...rows);
  }

  function key(row, head, numeric) {
    const cell = row.dataset.run === undefined && head.cellIndex > 2 ? null
      : row.cells[head.cellIndex];
    if (!cell) return null;
    if (numeric) return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    const text = cell.textContent;
    return text === "–" ? null : text;
  }

  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = text => words.every(word => text.toLowerCase().includes(word));
    let shown = 0;
    for (const row of rows) {
      const name = row.cells[0].firstChild.title || "";
      row.hidden = !fits(`${name} ${row.textContent}`);
      shown += !row.hidden;
    }
    for (const section of document.querySelectorAll(".context")) {
      const methods = [...section.querySelectorAll("tr.method")];
      for (const row of methods) row.hidden = !fits(row.dataset.words);
      section.hidden = methods.length ? methods.every(row => row.hidden) : !fits(section.textContent);
    }
    const told = words.length ? `${shown} of ${rows.length} shown` : "";
    document.getElementById("shown").textContent = told;
  }
}

/* What is missing comes last in either order. */
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
}
