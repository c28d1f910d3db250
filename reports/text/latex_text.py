"""Any text as LaTeX that prints it: nothing in it is a command."""

from __future__ import annotations

import re
import unicodedata

from reports.text.prose import prose

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


def escape(text: str) -> str:
    """``text`` on one line; what LaTeX's usual fonts lack becomes its nearest ASCII, or ``?``."""
    return _characters(" ".join(text.split()))


def sentences(text: str) -> str:
    """As :func:`escape`, with what stands in backticks in a typewriter's letters."""
    return prose(
        " ".join(text.split()), _characters, lambda code: rf"\texttt{{{_characters(code)}}}"
    )


def _characters(text: str) -> str:
    return re.sub("-(?=-)", "-{}", "".join(map(_character, text)))


def _character(character: str) -> str:
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
