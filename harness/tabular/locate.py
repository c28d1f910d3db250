"""Where tables are found: a data folder of the user's, the home folder, the package itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files.checksums import is_sealed, remembered_sha256
from harness.files.data_folders import fetched_folder, home, named_folder
from harness.tabular.importer import IMPORTERS, Cost, Importer
from harness.tabular.table import SCHEMA_VERSION, Table, TableMeta
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

EMBEDDED = Path(__file__).parent / "embedded"
_LEVELS = ("", "*/", "*/*/")
_IMPORTS = 2  # raised when importers make other tables of the same file


@dataclass(frozen=True)
class Listed:
    """A table that can be had: ``origin`` is ``data``, ``home``, ``package`` or ``source``.

    A ``source`` is a published file in the data folder that is imported on first use. ``meta``
    and ``rows`` are None for it and for a damaged table, whose ``problem`` is one sentence.
    """

    name: str
    origin: str
    path: Path
    rows: int | None = None
    meta: TableMeta | None = None
    problem: str = ""


class MissingTable(UsageError):
    """There is no ground truth table ``name`` in ``places``.

    ``commands`` bring it; they stand in backticks, so that they fit into a sentence. There are
    tables of the same space on the tasks ``beside``; ``nearly`` begins a sentence on another table.
    """

    def __init__(
        self, name: str, places: str, commands: str, beside: Sequence[str] = (), nearly: str = ""
    ):
        super().__init__(name, places, commands, beside, nearly)
        self.name, self.places, self.commands = name, places, commands
        self.beside, self.nearly = beside, nearly

    def __str__(self) -> str:
        others = f"; or --task is {' or '.join(self.beside)}, which there are tables of"
        nearly = f"{self.nearly} " if self.nearly else ""
        return (
            f"there is no ground truth table {self.name} in {self.places}; {nearly}{self.commands} "
            f"brings it{others if self.beside else ''}."
        )


def tables_folder() -> Path:
    """Where tables lie that were built or imported: ``tables`` in the harness's own home."""
    return home() / "tables"


def find_table(
    space: str,
    scale: str,
    task: str,
    data: Path | str | None = None,
    cost: Cost | None = None,
    truth: str = "",
    named: str = "",
) -> Table:
    """The ground truth of (space, scale, task).

    Looks in ``data`` (default ``$NAS_HARNESS_DATA``) and its subfolders down to two levels, for
    tables first, then for published files, which are imported and cached under the SHA-256 of
    their content; then in :func:`tables_folder`; then, as in ``data``, among the files that were
    fetched; then in the package. Within one place, a table whose test columns are of networks
    trained on all training images comes first; of what was fetched and what is in the package
    then the one with more columns. ``truth`` names the training whose test accuracies are asked
    for and passes over places without them; empty is each table's own. ``cost`` fills in what a
    published file does not tell; ``named`` is what commands call the space, where that is not its
    name. Raises :class:`MissingTable` if there is none,
    :class:`UsageError` for a damaged one, and where there are tables but none with ``truth``.
    """
    name, folder, fetched = f"{space}-{scale}-{task}", named_folder(data), fetched_folder()
    places: list[Iterable[Table]] = [
        _one(tables_folder(), name),
        _fullest(
            [_in_data(fetched, space, scale, task, cost), _packaged(space, scale, task, cost)]
        ),
    ]
    if folder is not None:
        places.insert(0, _in_data(folder, space, scale, task, cost))
    others: dict[str, int] = {}
    for place in places:
        table = _preferred(place, truth)
        if table is not None and (not truth or truth in table.meta.truths):
            return table.of_training(truth)
        if table is not None:
            others |= table.meta.truths
    if others:
        raise UsageError(
            f"there are tables {name} with test accuracies of the training {' and '.join(others)}, "
            f"none of '{truth}'{nearest(truth, others)}"
        )
    bring = f"nas-harness table build --space {named or space} --scale {scale} --task {task}"
    if space in IMPORTERS and _published(IMPORTERS[space], scale, task):
        bring = f"nas-harness table import {space} FILE"
    looked = (
        f"{folder or 'a data folder (none given)'}, {tables_folder()}, {fetched} or the package"
    )
    raise MissingTable(name, looked, f"`{bring}`")


def _published(importer: Importer, scale: str, task: str) -> bool:
    return scale == importer.scale and any(task in tasks for tasks in importer.files.values())


def import_tables(space: str, source: Path | str, cost: Cost | None = None) -> list[Path]:
    """Import published files of a benchmark into :func:`tables_folder`; returns what it wrote."""
    paths = []
    for table in IMPORTERS[space].read(source, cost):
        paths.append(tables_folder() / f"{table.meta.name}.parquet")
        table.save(paths[-1])
    return paths


def list_tables(data: Path | str | None = None) -> list[Listed]:
    """Every table and importable file, in the order in which :func:`find_table` looks."""
    folder = named_folder(data)
    listed = [] if folder is None else _list_data(folder)
    listed += _list_folder(tables_folder(), "home")
    listed += _list_data(fetched_folder())
    return listed + _list_folder(EMBEDDED, "package") + _list_sources(EMBEDDED)


def _list_folder(folder: Path, origin: str) -> list[Listed]:
    return [_describe(path, origin) for path in sorted(folder.glob("*.parquet"))]


def _list_data(folder: Path) -> list[Listed]:
    return [_describe(path, "data") for path in _parquets(folder, "")] + _list_sources(folder)


def _list_sources(folder: Path) -> list[Listed]:
    listed = []
    for space in IMPORTERS:
        importer: Importer = IMPORTERS[space]
        for path, tasks in _sources(folder, importer):
            names = [f"{space}-{importer.scale}-{task}" for task in tasks]
            listed += [Listed(name, "source", path) for name in names]
    return listed


def _describe(path: Path, origin: str) -> Listed:
    try:
        table = Table.load(path)
    except UsageError as error:
        return Listed(path.stem, origin, path, problem=str(error))
    return Listed(table.meta.name, origin, path, len(table), table.meta)


def _preferred(tables: Iterable[Table], truth: str = "") -> Table | None:
    """The first with ``truth``, or else the first.

    Without ``truth`` the first whose test networks were trained on all training images.
    """
    first = None
    for table in tables:
        if truth in table.meta.truths if truth else _trained_on_all(table):
            return table
        if first is None:
            first = table
    return first


def _trained_on_all(table: Table) -> bool:
    return table.meta.training.get("test_trained_on_all", True)


def _fullest(places: Iterable[Iterable[Table]]) -> Iterator[Table]:
    """The preferred tables of ``places``, those with more columns of accuracies first."""
    tables = [table for table in map(_preferred, places) if table is not None]
    yield from sorted(tables, key=lambda table: -len(table.accuracies))


def _packaged(space: str, scale: str, task: str, cost: Cost | None) -> Iterator[Table]:
    """The table of the package, or the one made of the packaged table of a larger space."""
    name = f"{space}-{scale}-{task}"
    if (EMBEDDED / f"{name}.parquet").exists() or space not in IMPORTERS:
        yield from _one(EMBEDDED, name)
    else:
        yield from _from_sources(EMBEDDED, space, scale, task, cost)


def _one(folder: Path, name: str) -> Iterator[Table]:
    path = folder / f"{name}.parquet"
    if path.exists():
        table = Table.load(path)
        if table.meta.name != name:
            raise UsageError(f"{path} holds the table {table.meta.name}; rename it.")
        yield table


def _in_data(folder: Path, space: str, scale: str, task: str, cost: Cost | None) -> Iterator[Table]:
    name = f"{space}-{scale}-{task}"
    for path in _parquets(folder, name):
        table = Table.load(path)
        if table.meta.name == name:
            yield table
    yield from _from_sources(folder, space, scale, task, cost)


def _from_sources(
    folder: Path, space: str, scale: str, task: str, cost: Cost | None
) -> Iterator[Table]:
    if space in IMPORTERS and scale == IMPORTERS[space].scale:
        for path, tasks in _sources(folder, IMPORTERS[space]):
            if task in tasks:
                yield _imported(path, IMPORTERS[space], f"{space}-{scale}-{task}", cost)


def _parquets(folder: Path, name: str) -> list[Path]:
    """Tables of this harness in ``folder``; one called ``name`` comes first, damaged or not."""
    paths = sorted(path for level in _LEVELS for path in folder.glob(f"{level}*.parquet"))
    named = [path for path in paths if path.stem == name]
    return named + [path for path in paths if path.stem != name and _ends_in_seal(path)]


def _ends_in_seal(path: Path) -> bool:
    """Whether ``path`` is a file whose last kilobytes, a parquet footer, carry a seal."""
    if not path.is_file() or not os.access(path, os.R_OK):
        return False
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 65_536))
        return is_sealed(stream.read())


def _sources(folder: Path, importer: Importer) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for name, tasks in importer.files.items():
        for path in sorted(path for level in _LEVELS for path in folder.glob(level + name)):
            yield path, tasks


def _imported(path: Path, importer: Importer, name: str, cost: Cost | None) -> Table:
    """The table ``name`` made from the published file ``path``, from the cache if it is there."""
    folder = tables_folder() / "imported"
    cache = folder / f"{remembered_sha256(path, folder / 'sha256')}-v{SCHEMA_VERSION}.{_IMPORTS}"
    for table in _one(cache, name):
        if table.params is not None or cost is None:
            return table
    tables = {table.meta.name: table for table in importer.read(path, cost)}
    for made, table in tables.items():
        table.save(cache / f"{made}.parquet")
    return tables[name]
