"""``nas-harness list``: what can be named on the command line."""

from __future__ import annotations

from pathlib import Path

from harness.config.options import Parser
from harness.config.presets import PRESETS
from harness.tasks import TASKS
from methods.registry import METHODS, SCORERS
from searchspaces.registry import SPACES


def main(arguments: list[str]) -> None:
    parser = Parser(prog="nas-harness list", description="Show what can be named.")
    parser.add_argument("--data", type=Path, help="folder with published tables")
    given = parser.parse_args(arguments)

    from harness.tabular.locate import list_tables

    tables = {table.name: _space(table.name) for table in list_tables(given.data)}
    print("methods: ", ", ".join(METHODS))
    print("scorers: ", ", ".join(SCORERS))
    print("presets: ", ", ".join(PRESETS))
    print("tasks:   ", ", ".join(TASKS))
    print("spaces:")
    width = max(map(len, SPACES))
    for space in SPACES:
        own = sorted(name for name, of in tables.items() if of == space)
        print(f"  {space:<{width}}  tables: {', '.join(own) or 'none'}")
    if others := sorted(name for name, of in tables.items() if not of):
        print(f"tables of spaces without networks here: {', '.join(others)}")


def _space(table: str) -> str:
    """Of the spaces whose name a table's begins with, the one with the longest."""
    return max((space for space in SPACES if table.startswith(f"{space}-")), key=len, default="")
