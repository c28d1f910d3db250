"""``nas-harness report``, from its arguments to its files."""

import json
import re

import pytest

from reports.commands.report import main
from searchspaces.errors import UsageError


@pytest.fixture
def report(tmp_path, data, capsys):
    """``report(ITEM, ...)``: what is printed; files go to ``out``."""

    def call(*arguments):
        folders = ("--runs", tmp_path / "runs", "--data", data, "--output", tmp_path / "out")
        main(["toy", *map(str, (*arguments, *folders))])
        return capsys.readouterr()

    return call


def test_one_item_is_printed_and_written_in_all_forms(report, full_results, tmp_path):
    printed = report("table-1")
    names = ["table-1.csv", "table-1.html", "table-1.md", "table-1.tex"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert printed.out == (tmp_path / "out" / "table-1.md").read_text(encoding="utf-8")
    assert "61.5 ± 2.1" in printed.out
    assert printed.err.startswith("written: ")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    report("table-1")
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_json_is_printed_instead(report, full_results):
    found = json.loads(report("table-1", "--json", "--seeds", "1").out)
    assert found["seeds"] == [1]
    assert found["cells"][0]["mean"] == pytest.approx(52)


def test_all_items_have_an_overview(report, make_item, full_results, tmp_path):
    make_item({"Table XI": "Table II"}, name="table-2")
    printed = report("--all").out
    assert printed == (tmp_path / "out" / "index.md").read_text(encoding="utf-8")
    assert "[Table II](table-2.md) | How arms rank. |  |  | 4 |  |  |  | 1 |  |  |  |" in printed
    assert 'href="table-1.html"' in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    heads = re.findall(r"<th(?: class=words)?>(.*?)</th>", html)
    row = html.partition("table-2.html")[2].partition("</tr>")[0]
    counts = dict(zip(heads[1:], re.findall(r"<td.*?>(.*?)</td>", row), strict=True))
    assert {head: count for head, count in counts.items() if count} == {
        "shows": "How arms rank.", "trained-reduced": "4", "claims shown": "1",
    }  # fmt: skip
    assert len(json.loads(report("--all", "--json").out)) == 2


def test_preset_and_task_choose_the_runs(report, make_item, record_run):
    item = make_item()
    for preset, task, tau in (("smoke", "cifar10", 0.3), ("laptop", "digits", 0.5)):
        record_run(item.configs(preset, task, [1])[0][1], tau)
    found = json.loads(report("table-1", "--json", "--preset", "smoke", "--task", "cifar10").out)
    assert (found["preset"], found["task"], found["seeds"]) == ("smoke", "cifar10", [0, 1])
    assert found["cells"][0]["by_seed"] == {"1": 30.0}


def test_without_an_item_all_are_listed_by_what_they_show(report, make_item):
    item = make_item()
    first = item.caption.partition(". ")[0].rstrip(".")
    assert report().out.splitlines() == [
        f"  table-1  {item.title}: {first}.",
        "",
        "nas-harness report toy table-1, or --all of them",
    ]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["table-1", "--all"], "name items of toy, or give --all"),
        (["table-2"], "toy has no item 'table-2'.*'table-1'"),
        (["table-1", "--preset", "lptop"], "unknown preset 'lptop'.*'laptop'"),
        (["table-1", "--task", "cifar11"], "unknown task 'cifar11'.*cifar10"),
        (["table-1", "--seeds", "-1"], "whole number|unknown option"),
        (["table-1", "--preste", "smoke"], "unknown option '--preste'.*'--preset'"),
    ],
)
def test_mistakes_are_one_sentence(report, make_item, arguments, message):
    make_item()
    with pytest.raises(UsageError, match=message):
        report(*arguments)


@pytest.mark.slow
def test_a_figure_is_in_the_page_and_beside_it(report, make_item, record_run, tmp_path):
    item = make_item({'kind = "table"': 'kind = "boxes"'}, name="fig-1")
    for number, (_, config) in enumerate(item.configs()):
        record_run(config, 0.5 + number / 50)
    assert "](fig-1.png)" in report("fig-1").out
    out = tmp_path / "out"
    assert {".png", ".pdf", ".svg"} <= {path.suffix for path in out.iterdir()}
    assert "{fig-1.pdf}" in (out / "fig-1.tex").read_text()
    assert 'src="data:image/svg+xml;base64,' in (out / "fig-1.html").read_text(encoding="utf-8")
