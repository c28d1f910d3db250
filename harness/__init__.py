"""The pipeline around a method: tasks, ground truth, training, ranking, records.

The names in ``__all__`` are the Python interface (``docs/api.md``); they are imported on first use,
and ``dir`` lists nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import evaluate, evaluate_transfer, export, open_table, read_runs, run_method
    from harness.config.config import Config
    from harness.metrics.results import Evaluation, Transfer

__all__ = [
    "Config",
    "Evaluation",
    "Transfer",
    "evaluate",
    "evaluate_transfer",
    "export",
    "open_table",
    "read_runs",
    "run_method",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from harness.own_packages import clashes_told

        with clashes_told():
            from harness.config.python_interface import called_from_python

            found = getattr(import_module("harness.api"), name)
        return globals().setdefault(
            name, found if isinstance(found, type) else called_from_python(found)
        )
    raise AttributeError(f"module 'harness' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
