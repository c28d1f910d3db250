/* A table that is wider than its box: every cell below its head, aligned down the rows. */

for (const box of document.querySelectorAll(".scroll")) stack(box);

function stack(box) {
  const table = box.querySelector("table");
  const heads = columnHeads(table.tHead.rows);
  for (const row of table.tBodies[0].rows) {
    const cells = [...row.cells];
    if (cells.some(cell => cell.colSpan > 1)) continue;
    cells.slice(1).forEach((cell, place) => { cell.dataset.head = heads[place + 1]; });
  }
  const fit = () => {
    box.classList.remove("stacked");
    box.classList.toggle("stacked", box.scrollWidth > box.clientWidth);
  };
  addEventListener("resize", fit);
  document.addEventListener("change", fit);  // of which columns are shown
  fit();
}

/* Of every column what all rows of the head say above it. */
function columnHeads(lines) {
  const heads = [];
  for (const line of lines) {
    let column = 0;
    for (const cell of line.cells) {
      for (let span = 0; span < cell.colSpan; span++, column++) {
        (heads[column] ??= []).push(cell.textContent.trim());
      }
    }
  }
  return heads.map(texts => texts.filter(Boolean).join(", "));
}
