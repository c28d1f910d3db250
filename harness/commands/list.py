"""``nas-harness list``: what can be named on the command line."""

from __future__ import annotations

from pathlib import Path

from harness.options import Parser
from harness.presets import PRESETS
from harness.tasks.registry import TASKS
from methods.registry import METHODS
from searchspaces.registry import SPACES


def main(arguments: list[str]) -> None:
    parser = Parser(prog="nas-harness list", description="Show methods, spaces, tasks and tables.")
    parser.add_argument("--data", type=Path, help="folder with published tables")
    given = parser.parse_args(arguments)

    from harness.tabular.locate import list_tables

    tables = sorted({table.name for table in list_tables(given.data)})
    print("methods: ", ", ".join(METHODS))
    print("presets: ", ", ".join(PRESETS))
    print("tasks:   ", ", ".join(TASKS))
    print("spaces:")
    for space in SPACES:
        own = [name for name in tables if name.startswith(f"{space}-")]
        print(f"  {space:<12} tables: {', '.join(own) or 'none'}")
