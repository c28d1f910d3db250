"""What a browser would make of a page: its elements, and its scripts run by node."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

VOID = {"meta", "input", "br", "wbr"}
# As much of a document as the scripts touch; elements are ``WIDTH`` pixels wide, letters seven.
DOM = """
class Element {
  constructor(tag) {
    Object.assign(this, { tag, set: {}, inside: [], heard: {}, clientWidth: WIDTH });
  }
  setAttribute(name, value) { this.set[name] = value; }
  getAttribute(name) { return this.set[name]; }
  append(...more) { this.inside.push(...more); }
  replaceChildren(...more) { this.inside = more; }
  addEventListener(kind, answer) { this.heard[kind] = answer; }
  press(key) { this.heard.keydown({ key, preventDefault() {} }); }
  getContext() { return { measureText: text => ({ width: 7 * text.length }) }; }
  getBoundingClientRect() { return { left: 0, top: 0 }; }
  querySelectorAll(tag) { return this.all().filter(one => one.tag === tag); }
  all() { return this.inside.flatMap(one => one.all ? [one, ...one.all()] : []); }
}
const hosts = {}, contexts = [];
const document = { createElementNS: (_, tag) => new Element(tag), createElement:
  tag => new Element(tag), getElementById: id => hosts[id] ??= new Element("div"),
  querySelectorAll: () => contexts };
"""


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, that of inner elements too."""
        return "".join(self.parts)


class Page(HTMLParser):
    """``elements`` in the order of their start tags; every start tag has its end tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if element.tag == tag and attributes.items() <= element.attributes.items()
        ]

    @property
    def data(self) -> dict[str, Any]:
        """The JSON that the page's script reads."""
        [script] = self.all("script", type="application/json")
        return json.loads(script.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)


def node(script: str, *more: str) -> str:
    """What node prints of ``script``; the test is skipped where there is no node."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: the page's scripts are not checked")
    done = subprocess.run(
        [program, *more, "-"], input=script, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
