"""Sentences in which `backticks` mark what is typed."""

from __future__ import annotations

import re
from collections.abc import Callable

_CODE = re.compile(r"`([^`\n]+)`")


def prose(text: str, escape: Callable[[str], str], code: Callable[[str], str]) -> str:
    """``text`` with its words through ``escape`` and what stands in backticks through ``code``."""
    parts = _CODE.split(text)
    return "".join(code(part) if i % 2 else escape(part) for i, part in enumerate(parts))
