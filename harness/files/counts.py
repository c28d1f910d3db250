"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, things: str) -> str:
    """``1,200 epochs``, ``1 epoch``: ``things`` is their plural, ending in s."""
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"
