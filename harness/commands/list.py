"""``nas-harness list``: what can be named on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.config.options import Parser
from harness.config.presets import PRESETS
from harness.tasks import TASKS
from harness.tasks.own.place import FORMS
from methods.registry import METHODS, SCORERS
from methods.search.table_search import SEARCHES
from searchspaces.registry import SPACES, Registry

WIRED = ("nb101", "nb101-1shot1-1", "nb101-1shot1-2", "nb101-1shot1-3")
EDGELESS = (
    *(*WIRED, "nb101-mixpath", "ennas-s1", "ennas-s2", "ennas-s3", "macro"),
    *("mobilenet", "mobilenet-proxyless", "shufflenet", "shufflenet-channels"),
)
# Operators cannot be mixed where widths follow the wiring; without nodes no edges are weighed.
NOT_ON = dict.fromkeys(
    ("darts", "gdas", "snas", "darts-", "fairdarts", "p-darts", "proxylessnas", "fbnet", "setn"),
    WIRED,
)
NOT_ON |= {"pc-darts": EDGELESS}


def main(arguments: list[str]) -> None:
    parser = Parser(prog="nas-harness list", description="Show what can be named, and what it is.")
    parser.add_argument("kind", nargs="?", choices=tuple(KINDS), help="of these alone")
    parser.add_argument("--data", type=Path, help="folder with published tables")
    given = parser.parse_args(arguments)
    for kind in [given.kind] if given.kind else KINDS:
        KINDS[kind](given.data)


def _methods(data: Path | None) -> None:
    _show("methods, each trains a supernet", METHODS)
    print("  All go with all spaces, but")
    for spaces in dict.fromkeys(NOT_ON.values()):
        methods = (method for method, refused in NOT_ON.items() if refused == spaces)
        print(f"    {', '.join(methods)} not with {', '.join(spaces)}.")


def _scorers(data: Path | None) -> None:
    _show("scorers, which train none, on all spaces", SCORERS)


def _searches(data: Path | None) -> None:
    _show("searches on a table, beside which any sampler of Optuna's runs", SEARCHES)


def _spaces(data: Path | None) -> None:
    from harness.tabular.locate import list_tables

    tables = {table.name: _space(table.name) for table in list_tables(data)}
    own = {space: sorted(name for name, of in tables.items() if of == space) for space in SPACES}
    _show("spaces, and their tables of ground truth", SPACES, own)
    if others := sorted(name for name, of in tables.items() if not of):
        print(f"tables of spaces without networks here: {', '.join(others)}")


def _presets(data: Path | None) -> None:
    print("presets:", ", ".join(PRESETS))


def _tasks(data: Path | None) -> None:
    print("tasks:", ", ".join(TASKS))
    print(f"images of your own, as --task: {FORMS}")


KINDS: dict[str, Callable[[Path | None], None]] = {
    "methods": _methods,
    "scorers": _scorers,
    "searches": _searches,
    "spaces": _spaces,
    "presets": _presets,
    "tasks": _tasks,
}


def _show(head: str, registry: Registry, tables: Mapping[str, list[str]] | None = None) -> None:
    print(f"{head}:")
    width = max(map(len, registry))
    for name in registry:
        print(f"  {name:<{width}}  {registry.summary(name)}".rstrip())
        if tables is not None:
            print(f"  {'':<{width}}  tables: {', '.join(tables[name]) or 'none'}")


def _space(table: str) -> str:
    """Of the spaces whose name a table's begins with, the one with the longest."""
    return max((space for space in SPACES if table.startswith(f"{space}-")), key=len, default="")
