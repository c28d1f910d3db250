"""What people see in a terminal: tables that fit, words without marks; a pipe gets Markdown."""

import io
import sys

import pytest
from rich.console import Console

from reports.text.terminal import _text, draw, show

REPORT = r"""**macro on digits**: 150 architectures \[all\]

| method | kd | settings | seeds | Kendall τ | τ − τ of spos | never told |
| :-- | :-- | :-- | --: | --: | --: | --: |
| floor: parameters | – | – | – | 0.309 [0.211, 0.402] | – | – |
| spos | – | – | 3 | 0.493 [0.385, 0.600] | – | – |
| my\_method | full | options.base fairnas with\|pipes | 3 | **0.453 [0.275, 0.631]** | −0.040, *not shown* | – |

- Intervals are 95 %; see [more](docs/results.md).
"""


def drawn(width, report=REPORT):
    out = io.StringIO()
    draw(report, Console(file=out, width=width, highlight=False))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [64, 80, 100, 200])
def test_no_line_is_longer_than_the_terminal_is_wide(width):
    lines = drawn(width)
    assert max(map(len, lines)) <= width
    assert all(cell in "\n".join(lines) for cell in ("0.309 [0.211, 0.402]", "Kendall τ"))


def test_a_row_is_named_in_one_column_and_what_says_nothing_is_left_out():
    lines = drawn(100)
    assert lines[0] == "macro on digits: 150 architectures [all]"
    (title,) = [line for line in lines if "Kendall" in line]
    assert " ".join(title.split()) == "method seeds Kendall τ τ − τ of spos"
    (spos,) = [line for line in lines if line.startswith(" spos")]
    assert spos.split("  ")[0] == " spos" and "kd" not in title and "never" not in "".join(lines)
    at = next(n for n, line in enumerate(lines) if "my_method" in line)
    named = " ".join(line[:34].strip() for line in lines[at : at + 2])
    assert named == "my_method, full, options.base fairnas with|pipes"
    assert lines[at].endswith("−0.040, not shown")
    assert lines[-1] == "- Intervals are 95 %; see more."
    assert "Not shown" not in "".join(lines)


def test_columns_without_room_stand_below_with_the_rows_that_say_something():
    first, second = "\n".join(drawn(66)).split("τ − τ of spos")
    assert "0.309" in first and "−0.040" not in first and first.split()[-1] == "method"
    assert "−0.040, not shown" in second and "my_method" in second
    assert "parameters" not in second and "Kendall" not in second


def test_columns_below_say_to_which_group_their_rows_belong():
    wide = "a long name of a method in it"
    rows = ["| **ours** | | |", f"| {wide} | 1.2345 | |", "| **theirs** | | |"]
    rows += [f"| {wide} | 1.2345 | 6.7890 |", "| another | 5.4321 | |", "| **nobody's** | | |"]
    head = "| name | first in the table | second one of the table |\n| :-- | --: | --: |\n"
    first, second = "\n".join(drawn(44, head + "\n".join(rows))).split("second")
    assert [first.count(name) for name in ("ours", "theirs", "nobody's", wide)] == [1, 1, 1, 2]
    assert [second.count(name) for name in ("ours", "theirs", "nobody's", wide)] == [0, 1, 0, 1]


def test_beside_its_name_a_row_has_one_column_however_narrow_it_is():
    heads = [line.split()[1:] for line in drawn(41) if line.startswith(" method")]
    assert heads == [["seeds"], ["Kendall", "τ"], ["spos"]]  # τ − τ of, wrapped
    assert len([line for line in drawn(20) if line.startswith(" method")]) == 3


@pytest.mark.parametrize(("width", "tables"), [(83, 1), (82, 2)])
def test_no_cell_is_cut_where_columns_just_fit(width, tables):
    lines = drawn(width)
    assert sum(line.startswith(" method") for line in lines) == tables
    assert "…" not in "".join(lines) and "−0.040, not shown" in "\n".join(lines)


def test_one_column_of_words_stays_and_long_words_wrap_at_thirty():
    words = "a word and another word and more words than thirty characters have"
    table = f"# Head *line*\n\n| name | n |\n| :-- | --: |\n| {words} | 12345 |\n"
    lines = drawn(100, table)
    assert lines[:2] == ["Head line", ""]
    cells = [line.strip() for line in lines if "word" in line]
    assert cells[0] == "a word and another word and      12345" and len(cells) > 1
    assert all(len(cell.removesuffix("12345").strip()) <= 30 for cell in cells)


def test_bold_and_slanted_words_are_styled_and_links_are_their_words():
    text = _text(r"**much** *less* \*x\* ![a *b*](c.png)")
    assert text.plain == "much less *x* a b"
    spans = [(text.plain[span.start : span.end], span.style) for span in text.spans if span.style]
    assert spans == [("much", "bold"), ("less", "italic"), ("b", "italic")]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_pipe_gets_markdown_and_a_terminal_a_table(monkeypatch, capsys):
    show(REPORT)
    assert capsys.readouterr().out == REPORT
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(REPORT)
    seen = sys.stdout.getvalue()
    assert "|" not in seen.replace("with|pipes", "") and "───" in seen
