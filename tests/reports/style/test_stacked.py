"""Tables that are wider than their box become blocks that say each cell's head."""

import json

from browser import DOM, node

from reports.style import stacked

TABLE = """
  const cell = (textContent, colSpan = 1) => ({ textContent, colSpan, dataset: {} });
  const row = (...cells) => ({ cells });
  const told = {};
  const addEventListener = (kind, answer) => { told[kind] = answer; };
  document.addEventListener = addEventListener;
  const table = {
    tHead: { rows: [row(cell(""), cell("CIFAR-10 %", 2), cell("digits %")),
                    row(cell(""), cell("printed"), cell("measured"), cell(" "))] },
    tBodies: [{ rows: [row(cell("SPOS"), cell("91.2"), cell("88.3"), cell("70.1")),
                       row(cell("our searches", 4))] }],
  };
  const seen = [];
  const classes = new Set();
  const box = { scrollWidth: 900, clientWidth: 386, querySelector: () => table, classList: {
    remove: name => classes.delete(name),
    toggle: (name, on) => { on ? classes.add(name) : classes.delete(name); seen.push(on); } } };
"""


def told(script):
    body = f"console.log(JSON.stringify((() => {{ {script} }})()));"
    return json.loads(node("\n".join([DOM.replace("WIDTH", "386"), TABLE, stacked.SCRIPT, body])))


def test_cells_have_what_all_rows_of_the_head_say_above_them():
    names, whole = told("""stack(box); const [line, group] = table.tBodies[0].rows;
      return [line.cells.map(cell => cell.dataset.head ?? null), group.cells[0].dataset];""")
    assert names == [None, "CIFAR-10 %, printed", "CIFAR-10 %, measured", "digits %"]
    assert whole == {}


def test_a_table_is_stacked_while_it_is_wider_than_its_box():
    seen = told("""stack(box); box.clientWidth = 900; told.resize(); box.scrollWidth = 1400;
      told.change(); return seen;""")
    assert seen == [True, False, True]
