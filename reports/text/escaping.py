"""Any text in a notation that shows it word for word: nothing in it is markup or a command."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as _as_html
from typing import Any

_CODE = re.compile(r"`([^`\n]+)`")


def prose(text: str, escape: Callable[[str], str], code: Callable[[str], str]) -> str:
    """``text`` with its words through ``escape`` and what stands in backticks through ``code``."""
    parts = _CODE.split(text)
    return "".join(code(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _itself(text: str) -> str:
    return text


@dataclass(frozen=True)
class Notation:
    """``characters`` makes text plain, ``code`` sets what is typed, ``line`` guards a line's start."""

    characters: Callable[[str], str]
    code: Callable[[str], str]
    line: Callable[[str], str] = _itself

    def escape(self, text: Any) -> str:
        """``text`` on one line with nothing in it that the notation would read."""
        return self.line(self.characters(" ".join(str(text).split())))

    def sentences(self, text: str) -> str:
        """As :meth:`escape`, with what stands in backticks as code."""
        return self.line(prose(" ".join(text.split()), self.characters, self.code))


def _as_markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~$]|&(?=#?\w+;))", r"\\\1", text)


def _markdown_line(text: str) -> str:
    """Nothing that makes a line a heading, a list or a rule."""
    text = re.sub(r"^([#+=-])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])(?= |$)", r"\1\\\2", text)


_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", "[": "{[}", "]": "{]}",
    "±": r"$\pm$", "×": r"$\times$", "−": r"$-$", "–": r"\textendash{}", "—": r"\textemdash{}",
    "…": r"\ldots{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$",
    "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "∞": r"$\infty$", "·": r"$\cdot$", "°": r"\textdegree{}",
    "²": r"$^{2}$", "³": r"$^{3}$", "†": r"\dag{}", "‡": r"\ddag{}",
    "’": r"\textquoteright{}", "‘": r"\textquoteleft{}", "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}", "µ": r"$\mu$",
}  # fmt: skip
_GREEK = "ALPHA BETA GAMMA DELTA EPSILON ZETA ETA THETA IOTA KAPPA LAMDA MU NU XI PI RHO"
_SMALL = {*_GREEK.split(), "SIGMA", "TAU", "UPSILON", "PHI", "CHI", "PSI", "OMEGA"}
_CAPITAL = {"GAMMA", "DELTA", "THETA", "LAMDA", "XI", "PI", "SIGMA", "PHI", "PSI", "OMEGA"}


def _as_latex(text: str) -> str:
    return re.sub("-(?=-)", "-{}", "".join(map(_latex_character, text)))


def _latex_character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii():
        return character if character.isprintable() else ""
    size, _, letter = unicodedata.name(character, "").removeprefix("GREEK ").partition(" LETTER ")
    if (size == "SMALL" and letter in _SMALL) or (size == "CAPITAL" and letter in _CAPITAL):
        command = letter.replace("LAMDA", "LAMBDA")
        return rf"$\{command.lower() if size == 'SMALL' else command.capitalize()}$"
    if "À" <= character <= "ÿ":
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(part, part) for part in plain if part.isprintable()) or "?"


MARKDOWN = Notation(_as_markdown, lambda code: f"`{code}`", _markdown_line)
HTML = Notation(_as_html, lambda code: f"<code>{_as_html(code)}</code>")
# What LaTeX's usual fonts lack becomes its nearest ASCII, or ``?``.
LATEX = Notation(_as_latex, lambda code: rf"\texttt{{{_as_latex(code)}}}")


def unbroken(text: str) -> str:
    """``text`` as HTML in which intervals, as ``[0.57, 0.65]``, and millions stay on one line."""
    return re.sub(r"\[[^\]]*\]|\S+ M\b", r'<span class="ends">\g<0></span>', HTML.escape(text))


def named(name: str) -> str:
    """A name such as ``./my_method.py:MyMethod`` as HTML that breaks between its words."""
    between = r"(?<=[/:_-])(?=\w)|(?<=\.)(?=[^\W\d])|(?<=[a-z])(?=[A-Z])"
    return re.sub(between, "<wbr>", HTML.escape(name))
