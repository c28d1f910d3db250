"""Papers and their items, read from TOML files; every mistake names the file and the key.

``papers/PAPER/paper.toml`` describes a paper, each other TOML of the folder one of its tables or
figures. Adding a paper is adding a folder. ``kind`` decides what an item shows beside its table:
nothing (``table``); the last column against each other one (``points``); per column what the
seeds of each row gave (``boxes``); score against truth in each row's runs (``scatter``); columns
over the rows' ``x``, a line per group, ``axis`` naming x (``curves``); the column ``series`` of
the runs' histories (``history``); what was found (``drawing``); ``steps`` and ``arrows``
(``diagram``).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files.sizes import read_bytes
from reports.papers.definition.fields import Fields
from reports.papers.definition.item import Item
from reports.papers.definition.parsing import parse_item
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

PAPERS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Paper:
    """What ``paper.toml`` says."""

    name: str
    title: str
    authors: str
    venue: str
    note: str


def paper_names() -> list[str]:
    return sorted(path.parent.name for path in PAPERS.glob("*/paper.toml"))


def item_names(paper: str) -> list[str]:
    """The items of a paper, tables first, each kind in the order of its numbers."""
    names = [path.stem for path in _folder(paper).glob("*.toml") if path.stem != "paper"]
    return sorted(names, key=_print_order)


def load_paper(paper: str) -> Paper:
    fields = _read(_folder(paper) / "paper.toml")
    content = {key: fields.text(key) for key in ("title", "authors", "venue")}
    note = fields.text("note", "")
    fields.close()
    return Paper(name=paper, **content, note=note)


def load_item(paper: str, name: str) -> Item:
    """Raises :class:`UsageError` for an unknown paper or item, and for any mistake in the file."""
    if name not in item_names(paper):
        raise UsageError(f"{paper} has no item '{name}'{nearest(name, item_names(paper))}")
    return parse_item(paper, name, _read(_folder(paper) / f"{name}.toml"))


def _read(path: Path) -> Fields:
    name = f"{path.parent.name}/{path.name}"
    try:
        return Fields(name, tomllib.loads(read_bytes(path, "description of an item").decode()))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is no TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}.") from error


def _folder(paper: str) -> Path:
    if paper not in paper_names():
        raise UsageError(f"unknown paper '{paper}'{nearest(paper, paper_names())}")
    return PAPERS / paper


def _print_order(name: str) -> tuple[Any, ...]:
    parts = re.split(r"(\d+)", name)
    order = [int(part) if part.isdigit() else part for part in parts]
    return (not name.startswith("table"), *order)
