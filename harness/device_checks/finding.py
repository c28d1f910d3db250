"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Finding:
    """What was found, in a sentence and in ``figures``; ``wrong``: sentences, if anything is."""

    said: str
    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
