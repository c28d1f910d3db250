"""Markdown, LaTeX, HTML and CSV say the same, and no text of a file becomes markup."""

import csv
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.papers.forms import as_csv, as_html, as_latex, as_markdown
from reports.papers.forms.composing import compose
from reports.text.escaping import HTML, LATEX, MARKDOWN

EVIL = [
    "<script>alert(1)</script>", "[a](b) ![c](d)", "**b** _i_ ~~s~~ `c`", "| a | b |", "# h", "1. x",
    "- x", "&lt; &amp; &#60;", "$x$ \\input{y} %", "{}[]^~\"'", "a -- b --- c", "\u202e τ − µ ≥ é 中",
    "[x]: http://y", "<!-- ", "]]>", "\\", "a\\|b", "***", "+ x", "===",
]  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)


def evil(check):
    for text in EVIL:
        check = example(text)(check)
    return settings(max_examples=60)(given(TEXTS)(check))


def one_line(text):
    return " ".join(text.split())


def inline_text(tokens):
    """All text of inline tokens, none of which is markup."""
    found = ""
    for token in tokens:
        for child in token.children or []:
            assert child.type == "text", child
            found += child.content
    return found


@evil
def test_markdown_shows_any_text_as_it_is(text):
    escaped = MARKDOWN.escape(text)
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    tokens = parser.parse(escaped)
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert inline_text(tokens) == one_line(text)
    cells = parser.parse(f"| x | y |\n| :-- | --: |\n| {escaped} | 1 |")
    assert [token.type for token in cells].count("td_open") == 2
    assert inline_text(cells) == f"xy{one_line(text)}1"


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@evil
def test_html_shows_any_text_as_it_is(text):
    reader = _Reader()
    reader.feed(f'<p title="{HTML.escape(text)}">{HTML.escape(text)}</p>')
    reader.close()
    assert (reader.tags, reader.text) == (["p"], one_line(text))


# What LaTeX may be made of: plain characters, known commands, groups, and whole formulas.
PLAIN_LATEX = re.compile(
    r"(?:[A-Za-z0-9À-ÿ .,:;()!?*/+=@'-]|\\text[a-z]+\{\}|\\[{}$&#%_]|\\d?dag\{\}|\\ldots\{\}"
    r"|\{\[\}|\{\]\}|\{\}|\$(?:\\[A-Za-z]+|-|\^\{[0-9]\})\$)*"
)


@evil
def test_latex_has_nothing_but_known_commands(text):
    escaped = LATEX.escape(text)
    assert PLAIN_LATEX.fullmatch(escaped), escaped
    assert "--" not in escaped


def test_code_is_code_in_every_form():
    text = "run `nas-harness a_b <c>` *now*"
    assert MARKDOWN.sentences(text) == r"run `nas-harness a_b <c>` \*now\*"
    assert HTML.sentences(text) == "run <code>nas-harness a_b &lt;c&gt;</code> *now*"
    code = r"\texttt{nas-harness a\_b \textless{}c\textgreater{}}"
    assert LATEX.sentences(text) == f"run {code} *now*"


@pytest.fixture
def evil_results(make_item, measured):
    """Results of an item whose every text is markup."""
    marks = r"<b>&amp;|$\\input{x}$ [a](b) _c_ `d` %"
    item = make_item(
        {
            "Table XI": f"T {marks}", "How arms rank.": f"C {marks}", "ours": f"G {marks}",
            "The mean is above its own best.": f"D {marks}", "× 100": f"U {marks}",
            "Someone": f"R {marks}", "A published table.": f"N {marks}",
        }
    )  # fmt: skip
    return measured(item)


def test_a_whole_page_of_markdown_has_no_markup_of_the_items(evil_results):
    text = as_markdown.render(compose(evil_results))
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(text)
    kinds = {c.type for token in tokens for c in token.children or []}
    assert kinds == {"text", "code_inline", "strong_open", "strong_close"}
    assert not any(token.type.startswith("html") for token in tokens)
    rows = [token.map for token in tokens if token.type == "tr_open"]
    assert len(rows) == 1 + 3 + 2 + (1 + 2)  # rows, groups begun and ended, places


def test_a_whole_page_of_html_is_well_formed_and_needs_nothing_else(evil_results):
    text = as_html.render(compose(evil_results))
    opened = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "br", "img"):
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Balance().feed(text)
    assert opened == []
    assert "<b>&amp;amp;" not in text and "&lt;b&gt;&amp;amp;|" in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    width = re.search(r"<thead><tr>.*?</tr><tr>(.*?)</tr>", text)[1].count("<th")
    rows = re.findall(r'<tr><th scope="row">.*?</th>(.*?)</tr>', text)
    assert {row.count("<td") for row in rows} == {width - 1}


def test_a_whole_float_of_latex_is_balanced(evil_results):
    text = as_latex.render(compose(evil_results))
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    begun = re.findall(r"\\begin\{(\w+\*?)\}", text)
    assert sorted(begun) == sorted(re.findall(r"\\end\{(\w+\*?)\}", text))
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    lines = [line for line in body.splitlines() if " & " in line and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {4}
    assert r"\input" not in text


def test_numbers_and_tags_are_in_every_form(full_results):
    document = compose(full_results)
    for render in (as_markdown.render, as_html.render, as_latex.render):
        text = render(document).replace(r"$\pm$", "±")
        for part in ("56.4", "51.0 ± 1.4", "61.5 ± 2.1", "trained-reduced, digits, n=2"):
            assert part in text, (render.__module__, part)
        assert "task digits, preset laptop, n = 2" in text
        assert "n=2: shown" in text


def plain_cells(text):
    """The words of a table cell of any form, without its marks."""
    text = re.sub(r"<sup.*?</sup>|\\textsuperscript\{.*?\}| \[[\w, ]+\]$", "", text)
    text = re.sub(r"\\text(?:bf|it)\{(.*?)\}$", r"\1", re.sub(r"<[^>]+>|\*\*", "", text))
    for mark, sign in (("\\textendash{}", "–"), ("$\\pm$", "±"), ("&nbsp;", "")):
        text = text.replace(mark, sign)
    return text.strip()


def test_every_form_has_the_same_cells_in_the_same_places(bold_results, full_results):
    for document in (compose(bold_results), compose(full_results)):
        expected = [(x.label, *(text.text for text in x.texts)) for x in document.lines]
        lines = [line for line in as_markdown.render(document).splitlines() if line[:2] == "| "]
        shown = [tuple(map(plain_cells, line[2:-2].split(" | "))) for line in lines]
        heads = [f"{head.title}, {part}" for head in document.heads for part in head.parts]
        assert shown[0] == ("", *heads)
        assert [row for row in shown if row in expected] == expected
        assert [row[0] for row in shown].index("ours") == [row[0] for row in shown].index(
            "MNGNAS (S)"
        ) - 1
        html = as_html.render(document)
        rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', html)
        lines = []
        for label, *texts in expected:
            left = iter(texts)
            cells = [[next(left) for _ in head.parts] for head in document.heads if head.parts]
            lines.append((label, [list(filter(None, cell)) for cell in cells]))
        assert [
            (plain_cells(label), [
                list(map(plain_cells, re.findall(r"<div>(.*?)</div>", cell)))
                for cell in re.findall(r"<td>(.*?)</td>", rest)
            ])
            for label, rest in rows
        ] == lines  # fmt: skip
        shown = [head for head in document.heads if head.parts]
        assert re.findall(r'<th scope="col">(.*?)</th>', html) == [
            *(head.title for head in shown), *(" / ".join(head.parts) for head in shown)
        ]  # fmt: skip
        latex = as_latex.render(document).partition(r"\midrule")[2].partition(r"\bottomrule")[0]
        lines = [line.removesuffix(r" \\") for line in latex.splitlines() if " & " in line]
        assert [tuple(map(plain_cells, line.split(" & "))) for line in lines] == expected


def test_claims_are_a_table_and_those_not_tested_are_folded_away(make_item, record_run, measured):
    claim = '\n[[claims]]\ntext = "{0}"\nbetter = "mngnas"\nworse = "{1}"\ncolumn = "error"\n'
    item = make_item(more=claim.format("A & B", "spos") + claim.format("C", "quoted"))
    for _, config in item.configs():
        record_run(config)
    html = as_html.render(compose(measured(item)))
    table, folded = html.split("<h2>Claims of the paper, on our runs</h2>")[1].split("<details>")
    assert table.count("<tr>") == table.count('class="verdict ') + 1 == 3
    assert "A &amp; B<br>" in table and "not tested" not in table
    assert "<summary>1 claim is not tested on our runs</summary><ul><li>C<br>" in folded


def test_html_marks_tags_and_verdicts_by_their_names(full_results):
    html = as_html.render(compose(full_results))
    assert '<span class="tag trained-reduced">51.0 ± 1.4</span>' in html
    assert '<span class="tag trained-reduced">trained-reduced</span> our runs at the' in html
    assert '<span class="verdict shown">shown</span>' in html
    assert '<a href="#note-1">1</a>' in html and '<li id="note-1"><b>1</b> The mean is' in html


@pytest.fixture
def bold_results(make_item, measured):
    """τ 57.3 in bold and 58.4 not, errors 6.50±0.10 (6.45) in bold and the best."""
    return measured(
        make_item(
            {
                'class = "N"': 'class = "N"\nbold = {source = "marks", among = "column"}',
                'printed = {tau = "57.3"}': 'printed = {tau = "57.3"}\nbold = ["tau"]',
                'tau = "56.4"': 'tau = "58.4"',
                "flags = {error = [1]}": 'flags = {error = [1]}\nbold = ["error"]',
            }
        )
    )


def test_bold_and_its_flaw_are_in_every_form(bold_results):
    document = compose(bold_results)
    sentence = "In bold, but not the best: 58.4 (SPOS) is better than 57.3."
    (mark,) = (mark for mark, note in document.notes if note == sentence)
    markdown = as_markdown.render(document)
    assert f"| **57.3** [{mark}] |" in markdown and "| **6.50±0.10 (6.45)** [1] |" in markdown
    assert "| 58.4 |" in markdown
    assert f'<strong>57.3</strong><sup><a href="#note-{mark}">' in as_html.render(document)
    assert rf"\textbf{{57.3}}\textsuperscript{{{mark}}}" in as_latex.render(document)
    for render in (as_markdown.render, as_html.render, as_latex.render):
        text = render(document)
        assert sentence in text and "set in bold in print, known from marks; a letter says" in text
    rows = list(csv.DictReader(io.StringIO(as_csv.render(bold_results))))
    assert [row["bold"] for row in rows] == ["", "best", "beaten", "", "", ""]
    notes = [cell["bold_note"] for cell in as_csv.as_json(bold_results)["cells"]]
    assert notes == [None, "", sentence, None, None, None]


def test_without_bold_nothing_is_said_of_it(full_results):
    document = compose(full_results)
    assert not any(text.startswith("bold") for text in document.legend)
    assert not any(text.strong for line in document.lines for text in line.texts)


def test_csv_has_a_row_per_cell(full_results):
    rows = list(csv.DictReader(io.StringIO(as_csv.render(full_results))))
    assert tuple(rows[0]) == as_csv.COLUMNS
    assert [(row["row"], row["column"]) for row in rows] == [
        ("spos", "tau"), ("spos", "error"), ("mngnas", "tau"), ("mngnas", "error"),
        ("quoted", "tau"), ("quoted", "error"),
    ]  # fmt: skip
    assert (rows[2]["printed"], rows[2]["n"], rows[2]["tag"]) == ("57.3", "2", "trained-reduced")
    assert float(rows[2]["mean"]) == pytest.approx(61.5)
    assert float(rows[2]["sd"]) == pytest.approx(2.12132)
    assert (rows[5]["mean"], rows[5]["tag"]) == ("", "printed")
    assert [row["task"] for row in rows] == ["digits"] * 4 + ["", ""]
    assert [row["note"] for row in rows] == [""] * 4 + ["only quoted from the paper"] * 2


def test_json_tells_all_of_it(full_results):
    found = json.loads(json.dumps(as_csv.as_json(full_results), allow_nan=False))
    assert (found["item"], found["preset"], found["seeds"]) == ("table-1", "laptop", [0, 1])
    assert found["cells"][1]["defects"] == ["The mean is above its own best."]
    assert found["cells"][1]["place"]["architectures"] == 64
    assert found["cells"][2]["by_seed"] == pytest.approx({"0": 60, "1": 63})
    assert found["cells"][2]["shortfalls"][:2] == ["the embedded task", "preset laptop"]
    assert (found["paper"], found["task"]) == ("toy", "digits")
    (claim,) = found["claims"]
    assert (claim["verdict"], claim["text"]) == ("shown", "MNGNAS ranks better.")
    # Differences 10 and 11: t(1) = 12.706, deviation 0.7071.
    ends = {"low": 10.5 - 12.706205 * 0.5, "high": 10.5 + 12.706205 * 0.5}
    assert claim["difference"] == pytest.approx({"value": 10.5, "n": 2} | ends)
    assert claim["printed"] == pytest.approx(57.3 - 56.4)
    assert claim["sentence"].startswith("MNGNAS (S) > SPOS: +10.5 τ × 100, 95 % [+4.1, +16.9]")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_latex_compiles(evil_results, tmp_path):
    (tmp_path / "item.tex").write_text(as_latex.render(compose(evil_results)), encoding="utf-8")
    packages = r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,graphicx}"
    body = rf"\documentclass{{article}}{packages}\begin{{document}}\input{{item}}\end{{document}}"
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", body]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
