"""``python docs/write_api.py``: write ``docs/api.md`` from the docstrings of the interface."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import api
from harness.metrics.results import Evaluation, Result, Transfer

FUNCTIONS = (
    api.evaluate,
    api.evaluate_transfer,
    api.open_table,
    api.run_method,
    api.read_runs,
    api.export,
)
HEAD = """# Python interface

<!-- Written by `python docs/write_api.py` from docstrings. -->

What the commands do, from Python. The names below are imported from `harness`, on first use, so
that `import harness` costs nothing. Whatever the caller can mend raises
`searchspaces.errors.UsageError` with one plain sentence.

A script finds the packages `harness`, `searchspaces`, `methods` and `reports` where no file or folder
beside it has one of these names; the command `nas-harness` finds them in any case.
"""
PRESET = """
## Config

`Config(method="spos", preset="smoke")` is the configuration that `nas-harness run --method spos
--preset smoke` starts from: what is not given has the preset's value. `with_values` changes options by
their names without dashes; a part that is given, such as `train=Recipe(steps=100)`, is taken whole.

```python
from harness import Config
from harness.config.config import with_values

config = Config(method="spos", preset="smoke", task="digits")
config = with_values(config, {"seed": 1, "train.steps": 100})
```
"""


def page() -> str:
    """The whole of ``docs/api.md``."""
    parts = [HEAD, *map(_function, FUNCTIONS), _class(Evaluation), _class(Transfer), PRESET]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _function(function: Callable[..., Any]) -> str:
    signature = _signature(function)
    return f"## {function.__name__}\n\n```text\n{signature}\n```\n\n{_markdown(function)}"


def _signature(function: Callable[..., Any]) -> str:
    """On one line, or a parameter on each."""
    signature = inspect.signature(function)
    parts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parts.append(f"{parameter.name}: {parameter.annotation}{default}")
    line = f"{function.__name__}({', '.join(parts)}) -> {signature.return_annotation}"
    if len(line) <= 96:
        return line
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{function.__name__}(\n{inner}) -> {signature.return_annotation}"


def _class(kind: type) -> str:
    """Its docstring, then a row for each property and public method."""
    rows = []
    members = vars(kind) | {k: v for k, v in vars(Result).items() if k not in vars(kind)}
    for name, member in members.items():
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            rows.append((f"`.{name}`", member))
        elif inspect.isfunction(member):
            rows.append((f"`.{name}()`", member))
    table = [f"| {name} | {' '.join(_markdown(member).split())} |" for name, member in rows]
    head = ["| part | what it is |", "|:--|:--|"]
    return "\n".join([f"## {kind.__name__}", "", _markdown(kind), "", *head, *table])


def _markdown(member: Any) -> str:
    """A docstring with its roles and literals as code, its indented blocks as Python."""
    text = inspect.getdoc(member) or ""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text).replace("``", "`")
    blocks = []
    for block in text.split("\n\n"):
        if block.startswith("    "):
            block = inspect.cleandoc(block)
            if blocks and blocks[-1].endswith("```"):
                blocks[-1] = blocks[-1].removesuffix("\n```") + f"\n\n{block}\n```"
                continue
            block = f"```python\n{block}\n```"
        blocks.append(block)
    return "\n\n".join(blocks)


if __name__ == "__main__":
    (Path(__file__).parent / "api.md").write_text(page(), encoding="utf-8")
