"""Parameters of tests of which a quick run takes a part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from methods.registry import METHODS, RIVALS

# The methods that all tests of every method are of; of the others, conformance is enough.
EVALUATED = [name for name in METHODS if name not in RIVALS]


def slow_but(fast: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """``values``, of which all but ``fast`` are for a whole run."""
    chosen = list(fast)
    return [v if v in chosen else pytest.param(v, marks=pytest.mark.slow) for v in values]
