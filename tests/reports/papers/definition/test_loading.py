"""Items are read strictly, and their runs are those of the command line."""

import pytest

from harness.commands.run import parse
from reports.papers.definition.loading import item_names, load_item, load_paper, paper_names
from reports.papers.definition.printed import Printed
from searchspaces.errors import UsageError

BOLD = 'bold = {source = "its print", among = "column", without = []}'
COLUMN = """
[[columns]]
id = "tau"
head = "τ"
unit = "× 100"
measure = "tau"
scale = 100
digits = 1
better = "higher"
"""
IN_BOLD = {
    'class = "N"': f'class = "N"\n{BOLD}',
    'printed = {tau = "57.3"}': 'printed = {tau = "57.3"}\nbold = ["tau"]',
}


def test_what_is_in_bold_is_what_the_file_says(make_item):
    item = make_item(IN_BOLD)
    assert (item.bold.source, item.bold.among, item.bold.without) == ("its print", "column", ())
    assert [row.bold for row in item.rows] == [(), ("tau",), ()]


def test_an_item_is_what_its_file_says(make_item):
    item = make_item()
    assert (item.title, item.kind, item.demand) == ("Table XI", "table", "N")
    assert [column.id for column in item.columns] == ["tau", "error"]
    assert item.column("tau").scale == 100.0
    assert item.row("spos").printed["error"] == Printed("6.50±0.10 (6.45)", 6.5, 0.1, 6.45)
    assert item.row("spos").flags == {"error": (1,)}
    assert item.row("mngnas").run == {"method": "mngnas", "options.kd": "full"}
    assert item.row("quoted").run is None
    claim = item.claims[0]
    assert (claim.better, claim.worse, claim.column, claim.by) == ("mngnas", "spos", "tau", None)
    assert (item.preset, item.task, item.seeds) == ("laptop", "digits", (0, 1))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({'kind = "table"': 'kind = "tabel"'}, r"toy/table-1.toml: kind: .*did you mean 'table'"),
        ({'class = "N"': 'class = "X"'}, "class: unknown 'X'"),
        ({'title = "Table XI"': ""}, "title: is missing"),
        ({'title = "Table XI"': "title = 11"}, "title: is not text"),
        ({'caption = "How': 'colour = "red"\ncaption = "How'}, "colour: unknown key"),
        ({'reduced = "A compact supernet stands for the full one."': ""}, "reduced: is missing"),
        ({"seeds = [0, 1]": "seeds = [0, 0]"}, "study.seeds: .*twice"),
        ({"seeds = [0, 1]": 'seeds = "all"'}, "study.seeds: is not a list"),
        ({"seeds = [0, 1]": "seed = 1"}, "study.seed: give seeds"),
        ({"seeds = [0, 1]": "train.stpes = 4"}, "rows.spos.run.*'train.stpes'.*'train.steps'"),
        ({"seeds = [0, 1]": "train.steps = 0"}, "rows.spos.run.*train.steps takes"),
        ({"seeds = [0, 1]": 'train.steps = "4"'}, "rows.spos.run.*takes a whole number"),
        ({"seeds = [0, 1]": 'score.bn = "none"'}, "rows.spos.run.*score.bn: unknown 'none'"),
        ({'id = "error"': 'id = "tau"'}, "columns.tau: is there 2 times"),
        ({'id = "error"': 'id = "a b"'}, "other characters than"),
        ({'measure = "tau"': 'measure = "tua"'}, "columns.tau.measure: .*did you mean 'tau'"),
        ({"scale = 100": "scale = true"}, "columns.tau.scale: is not a number"),
        ({"digits = 1": "digits = -1"}, "columns.tau.digits: -1 is less than 0"),
        ({'better = "lower"': 'better = "less"'}, "columns.error.better: unknown 'less'"),
        ({'task = "digits"}': 'task = "digts"}'}, "columns.error.truth.task: .*'digits'"),
        ({'{space = "nb201", task': '{space = "nb200", task'}, "columns.error.truth.space"),
        ({'printed = {tau = "57.3"}': 'printed = {tua = "57.3"}'}, "rows.mngnas.printed.tua: .*no"),
        ({'printed = {tau = "57.3"}': 'printed = {tau = "high"}'}, "rows.mngnas.printed.tau: 'high'"),
        ({'printed = {tau = "57.3"}': "printed = {tau = 57.3}"}, "rows.mngnas.printed.tau: .*text"),
        ({"flags = {error = [1]}": "flags = {error = [2]}"}, "rows.spos.flags.error: .*no defect 2"),
        ({"flags = {error = [1]}": "flags = {error = [0]}"}, "rows.spos.flags.error: .*no defect 0"),
        ({'method = "spos"': 'method = "sops"'}, "rows.spos.run.*'sops'.*did you mean 'spos'"),
        ({'method = "spos"': 'method = "spos", seed = 1'}, "rows.spos.run.seed: belongs to"),
        ({'worse = "spos"': 'worse = "psos"'}, r"claims\[1\].worse: .*did you mean 'spos'"),
        ({'worse = "spos"': 'worse = "mngnas"'}, r"claims\[1\].worse: is the better row itself"),
        ({'better = "higher"\n': ""}, r"claims\[1\].column: .*does not say what is better"),
        ({'printed = {tau = "57.3"}': 'printed = {tau = "57.3"}\nbold = ["tau"]'}, "bold: belongs"),
        ({'class = "N"': f'class = "N"\n{BOLD}'}, "bold: belongs to rows"),
        ({**IN_BOLD, 'among = "column"': 'among = "colum"'}, "bold.among: .*did you mean 'column'"),
        ({**IN_BOLD, 'without = []': 'without = ["mngna"]'}, "bold.without: .*did you mean 'mngnas'"),
        ({**IN_BOLD, 'bold = ["tau"]': 'bold = ["error"]'}, "rows.mngnas.bold: no number.*'error'"),
        ({**IN_BOLD, 'better = "higher"\n': ""}, "rows.mngnas.bold: columns.tau does not say"),
        ({'worse = "spos"': 'worse = "spos"\nby = "0.9"'}, r"claims\[1\].by: is not a number"),
        ({'method = "spos"}': 'method = "spos"}\nreason = "No."'}, "rows.spos.reason: belongs to"),
        ({'kind = "table"': 'kind = "curves"'}, "rows.spos.x: is missing"),
        ({'kind = "table"': 'kind = "history"'}, "series: belongs to"),
        ({'kind = "table"': 'kind = "diagram"'}, "steps: are missing"),
        ({'kind = "table"': 'series = "far"\nkind = "table"'}, "series: belongs to"),
        ({'kind = "table"': 'kind = "points"', COLUMN: "", 'column = "tau"': 'column = "error"',
          'printed = {tau = "56.4", error': "printed = {error", 'printed = {tau = "57.3"}': "",
          'tau = "-", ': ""}, "columns: points need two"),
        ({'kind = "table"': 'kind = '}, "is no TOML"),
    ],
)  # fmt: skip
def test_mistakes_name_the_file_and_the_key(make_item, changes, message):
    with pytest.raises(UsageError, match=message) as error:
        make_item(changes)
    assert "toy/table-1.toml" in str(error.value)


@pytest.mark.parametrize(
    "row, message",
    [
        ('table = {tau = {space = "nb201", task = "digits", statistic = "sum"}}', "unknown 'sum'"),
        ('table = {tau = "max"}', "rows.more.table.tau: is not a table"),
        ('search = {method = "rae"}', "rows.more.search.method: .*did you mean 'rea'"),
        ('search = {method = "rea", task = "cifar10"}', "no column has a truth"),
        ('search = {method = "rea", repeats = 1}', "search.repeats: 1 is less than 2"),
        ('search = {method = "rea", signal = "val.12"}', "signal: belongs to budgets"),
        ('search = {method = "rea", budgets = {digits = 9}}', "signal: belongs to budgets"),
        ('search = {method = "rea", budgets = {digit = 9}}', "did you mean 'digits'"),
        ('search = {method = "rea", budgets = {digits = 0}}', "digits: 0 is less than 1"),
    ],
)
def test_cells_from_tables_are_checked(make_item, row, message):
    more = f'\n[[rows]]\nid = "more"\nlabel = "More"\n{row}\n'
    with pytest.raises(UsageError, match=message):
        make_item(more=more)


def test_runs_are_those_of_the_command_line(make_item):
    item = make_item({"seeds = [0, 1]": "train.lr = 1\nseeds = [0, 1]"})
    found = item.configs(preset="smoke", task="cifar10", seeds=[7], changes={"train.steps": 9})
    assert [row.id for row, _ in found] == ["spos", "mngnas"]
    arguments = ["--preset", "smoke", "--task", "cifar10", "--seed", "7", "--train.steps", "9"]
    arguments += ["--space", "nb201", "--train.lr", "1"]
    for (_, config), own in zip(
        found, (["--method", "spos"], ["--method", "mngnas", "--options.kd", "full"]), strict=True
    ):
        typed = parse(arguments + own)[0]
        assert config == typed
        assert config.run_name("truth") == typed.run_name("truth")


def test_a_row_wins_over_the_study_and_changes_over_both(make_item):
    study = {"seeds = [0, 1]": "train.lr = 1\ntrain.steps = 5\ntrain.clip = 3.0\nseeds = [0]"}
    row = {'method = "spos"': 'method = "spos", train.lr = 2, train.steps = 6'}
    item = make_item(study | row)
    (_, config), (_, other) = item.configs(changes={"train.steps": 7})
    assert (config.train.clip, config.train.lr, config.train.steps) == (3, 2, 7)
    assert (other.train.clip, other.train.lr, other.train.steps) == (3, 1, 7)


def test_what_a_file_leaves_out_is_as_usual(make_item):
    more = '\n[[rows]]\nid = "rea"\nlabel = "REA"\nsearch = {method = "rea"}\n'
    item = make_item({"seeds = [0, 1]": ""}, more)
    assert item.seeds == (0, 1, 2)
    error, search = item.column("error"), item.row("rea").search
    assert (error.digits, error.scale, error.task, error.words) == (2, 1.0, "", False)
    assert (error.truth.split, error.truth.scale) == ("test", "")
    assert (search.queries, search.repeats, search.signal, search.budgets) == (300, 100, "", ())
    assert (search.seconds("digits"), item.row("spos").x) == (0, None)


def test_every_row_with_a_run_has_one_per_seed(make_item):
    found = make_item().configs()
    assert [(row.id, config.seed) for row, config in found] == [
        ("spos", 0), ("spos", 1), ("mngnas", 0), ("mngnas", 1),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="unknown option 'options.kd'"):
        make_item().configs(changes={"options.kd": "none"})


def test_a_row_may_have_a_space_of_its_own(make_item):
    item = make_item({'label = "SPOS"': 'label = "SPOS"\nspace = "darts"'})
    assert {config.space for _, config in item.configs()} == {"darts", "nb201"}


def test_papers_and_items_are_listed_in_print_order(papers, make_item):
    for name in ("fig-2", "table-10", "table-2", "fig-10"):
        make_item(name=name)
    assert paper_names() == ["toy"]
    assert item_names("toy") == ["table-2", "table-10", "fig-2", "fig-10"]
    assert load_paper("toy").title == "A toy paper"
    with pytest.raises(UsageError, match="unknown paper 'yot'.*toy"):
        item_names("yot")
    with pytest.raises(UsageError, match="toy has no item 'table-3'.*'table-2'"):
        load_item("toy", "table-3")


def test_diagrams_have_steps_and_arrows(papers):
    text = (
        'title = "Fig. 1"\nkind = "diagram"\nclass = "N"\ncaption = "Steps."\n'
        'steps = [{id = "a", text = "one", at = [0, 0]}, {id = "b", text = "two", at = [1, 0]}]\n'
        'arrows = [{from = "a", to = "B"}]\n'
    )
    path = papers / "toy" / "fig-1.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"arrows\[1\].to: unknown 'B'; did you mean 'b'"):
        load_item("toy", "fig-1")
    path.write_text(text.replace('"B"', '"b"'))
    (arrow,) = load_item("toy", "fig-1").arrows
    assert (arrow.start, arrow.end, arrow.bend) == ("a", "b", "level")
