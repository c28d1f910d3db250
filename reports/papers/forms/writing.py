"""All forms of an item as files, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.files.store import atomic_path
from reports.papers.forms import as_csv, as_html, as_latex, as_markdown
from reports.papers.forms.composing import compose
from reports.papers.forms.document import Document
from reports.papers.measured.results import Results


def write_item(results: Results, folder: Path) -> Document:
    """``folder/NAME`` .md, .tex, .csv and .html, and for figures .png, .pdf, .svg and numbers."""
    stem = folder / results.item.name
    pictures = draw_item(results, stem)
    document = compose(results, {path.suffix: path for path in pictures})
    forms = {
        ".md": as_markdown.render(document),
        ".tex": as_latex.render(document),
        ".csv": as_csv.render(results),
        ".html": as_html.render(document),
    }
    write_forms(forms, stem)
    return document


def draw_item(results: Results, stem: Path) -> list[Path]:
    """The item's figure in its formats; nothing for a table."""
    if results.item.kind == "table":
        return []
    from reports.papers.figures import draw

    return draw(results.item, results, stem)


def write_forms(forms: Mapping[str, str], stem: Path) -> None:
    """Each text into ``stem`` with its suffix."""
    for suffix, text in forms.items():
        with atomic_path(f"{stem}{suffix}") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
