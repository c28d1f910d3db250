"""Any text as Markdown that shows it: nothing in it is markup."""

from __future__ import annotations

import re
from typing import Any

from reports.text.prose import prose


def escape(text: Any) -> str:
    """``text`` on one line with all that Markdown would read as markup made plain."""
    return _start(_inline(" ".join(str(text).split())))


def sentences(text: str) -> str:
    """As :func:`escape`, with what stands in backticks as code."""
    return _start(prose(" ".join(text.split()), _inline, lambda code: f"`{code}`"))


def _inline(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~$]|&(?=#?\w+;))", r"\\\1", text)


def _start(text: str) -> str:
    """Nothing that makes a line a heading, a list or a rule."""
    text = re.sub(r"^([#+=-])", r"\\\1", text)
    return re.sub(r"^(\d+)([.)])(?= |$)", r"\1\\\2", text)
