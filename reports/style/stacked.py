"""Tables that are wider than the screen, as blocks: the style and the script of both pages."""

from __future__ import annotations

from pathlib import Path

STYLE, SCRIPT = (
    (Path(__file__).parent / f"stacked.{kind}").read_text(encoding="utf-8")
    for kind in ("css", "js")
)
