"""Layouts of JSON score files: which level of a tree names architectures, which names numbers.

Known are objects and lists of rows, every orientation of pandas' ``to_json``, tables of Weights &
Biases, lists side by side, and objects in objects such as dataset → architecture → proxy → score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.scores.data_sets import are_data_sets, place_of
from harness.scores.frame import SHAPES, Frame, Members, brief, is_number, listing, plain
from searchspaces.errors import UsageError
from searchspaces.nb101.specs import MATRICES, OPERATIONS

_LOOKED_AT = 20  # names of a level that are tried out


@dataclass(frozen=True)
class TreeReader:
    """``genuine`` tells architectures; ``task`` chooses among data sets, and ``notes`` tells where
    none is called so.
    """

    genuine: Callable[[Any], bool]
    task: str
    notes: list[str] = field(default_factory=list)

    def frame(self, tree: Any) -> Frame:
        """The rows of ``tree``; raises :class:`UsageError` for a layout that is not known."""
        if not isinstance(tree, list):
            raise UsageError(f"it holds '{brief(tree)}'; write {SHAPES}.")
        if not tree:
            raise UsageError("there are no scores in it.")
        if isinstance(tree, Members):
            return self._of_object(tree)
        kinds = {type(item) for item in tree}
        if kinds == {Members}:
            return self._of_records(tree)
        if kinds == {list}:
            return self._of_lists(tree)
        if all(item is None or _is_bare(item) for item in tree):
            return Frame(["score"], [[item] for item in tree], ordered=True)
        usual = Members if isinstance(tree[0], Members) else list
        position = next((n for n, item in enumerate(tree) if not isinstance(item, usual)), 0)
        raise UsageError(f"entry {position} is '{brief(tree[position])}'; write {SHAPES}.")

    def _of_lists(self, rows: list[list[Any]]) -> Frame:
        """Rows without names, or a list of architectures and one of scores."""
        if len(rows) == 2 and len(rows[0]) == len(rows[1]):
            for archs, scores in (rows, rows[::-1]):
                numbers = [item is None or _is_bare(item) for item in (*archs, *scores)]
                if all(numbers[len(archs) :]) and not any(numbers[: len(archs)]):
                    return Frame(
                        ["arch", "score"], [list(row) for row in zip(archs, scores, strict=True)]
                    )
        width = len(rows[0])
        for position, row in enumerate(rows):
            if len(row) != width or width < 2:
                raise UsageError(f"entry {position} is '{brief(row)}'; write {SHAPES}.")
        names = [str(number) for number in range(width)]
        return Frame(names, [[plain(cell) for cell in row] for row in rows], named=False)

    def _of_records(self, records: list[Members]) -> Frame:
        """A row per object, by its members; a member that is missing is None."""
        if all(record and self._all([name for name, _ in record]) for record in records):
            return self._of_object(Members(member for record in records for member in record))
        flat = [dict(_flat(record)) for record in records]
        names = list(dict.fromkeys(name for record in flat for name in record))
        return Frame(names, [[record.get(name) for name in names] for record in flat])

    def _of_object(self, members: Members) -> Frame:
        if special := _pandas(members):
            return self.frame(special) if isinstance(special, list) else special
        names = [name for name, _ in members]
        values = [value for _, value in members]
        nested = [isinstance(value, list) for value in values]
        if not any(nested):
            rows: list[list[Any]] = [[name, value] for name, value in members]
            return Frame(["arch", "score"], rows, named=False)
        if not all(nested):
            return self._within(members)
        if all(isinstance(value, Members) for value in values):
            return self._of_objects(names, values)
        if any(isinstance(value, Members) for value in values):
            return self._within(members)
        lengths = {len(value) for value in values}
        if len(lengths) > 1:
            raise UsageError(f"the lists {listing(names)} have different lengths; write {SHAPES}.")
        counted = all(str(name).isdecimal() for name in names)
        of_archs = any(self._any(value) for value in values)
        if self._any(names) or counted and not of_archs:
            columns = [str(number) for number in range(lengths.pop())]
            return Frame(["", *columns], [[name, *map(plain, v)] for name, v in members])
        members.distinct()
        rows = [[plain(cell) for cell in row] for row in zip(*values, strict=True)]
        return Frame([str(name) for name in names], rows)

    def _within(self, members: Members) -> Frame:
        """What scores have around them, as ``{"method": ..., "scores": {...}}``, is left out."""
        inner = [(name, value) for name, value in members if isinstance(value, list)]
        if self._any([name for name, _ in members]):
            bare = next(name for name, value in members if not isinstance(value, list))
            raise UsageError(
                f"'{brief(bare)}' has a single value where others have several; write {SHAPES}."
            )
        if len(inner) > 1 and any(isinstance(value, Members) for _, value in inner):
            raise UsageError(
                f"scores could be in {listing([name for name, _ in inner])}; write one of them "
                "to a file of its own."
            )
        if not inner:
            raise UsageError(f"there are no scores in it; write {SHAPES}.")
        return self.frame(inner[0][1]) if len(inner) == 1 else self._of_object(Members(inner))

    def _of_objects(self, names: list[Any], values: list[Members]) -> Frame:
        """Objects in an object: architectures outside, or inside, or data sets around them."""
        inner = [name for value in values[:_LOOKED_AT] for name, _ in value[:_LOOKED_AT]]
        outside, inside = self._any(names), self._any(inner)
        if outside and inside:
            raise UsageError(f"architectures are names on two levels; write {SHAPES}.")
        if not outside and not inside:
            if are_data_sets(names) or all(_nests(value) for value in values):
                return self.frame(self._chosen(names, values))
            outside = _are_counted(names) or not _are_counted(inner)
            if outside and _are_counted(inner):
                raise UsageError(f"numbers are names on two levels; write {SHAPES}.")
        if outside:
            flat = [
                Members([("", name), *_flat(value)]).distinct()
                for name, value in zip(names, values, strict=True)
            ]
            columns = list(dict.fromkeys(column for row in flat for column in row))
            return Frame(columns, [[row.get(column) for column in columns] for row in flat])
        if are_data_sets(names) or any(_nests(value) for value in values):
            return self.frame(self._chosen(names, values))
        columns = [str(name) for name in Members(zip(names, values, strict=True)).distinct()]
        by_name = [value.distinct() for value in values]
        keys = list(dict.fromkeys(key for column in by_name for key in column))
        rows = [[key, *(plain(column.get(key)) for column in by_name)] for key in keys]
        if not _are_counted(keys) or self._any(keys):
            return Frame(["", *columns], rows)
        numbered = [row[1:] for row in rows]
        archs = any(self._any([row[place] for row in numbered]) for place in range(len(columns)))
        return Frame(columns, numbered) if archs else Frame(["", *columns], rows)

    def _chosen(self, names: list[Any], values: list[Members]) -> Members:
        """The one that is of the task, or the only one."""
        place, note = place_of(names, self.task)
        self.notes.extend([note] if note else [])
        return values[place]

    def _all(self, names: list[Any]) -> bool:
        return all(self.genuine(plain(name)) for name in names[:_LOOKED_AT])

    def _any(self, names: list[Any]) -> bool:
        return any(self.genuine(plain(name)) for name in names[:_LOOKED_AT])


def _pandas(members: Members) -> Frame | list[Any] | None:
    """``orient="split"`` and ``"table"``, and tables of Weights & Biases; None for others."""
    content = dict(members)
    data, index = content.get("data"), content.get("index")
    if not isinstance(data, list) or isinstance(data, Members) or not data:
        return None
    if isinstance(content.get("schema"), Members):
        return data
    columns = content.get("columns", [content.get("name") or "score"])
    indexed = isinstance(index, list) and len(index) == len(data)
    if not isinstance(columns, list) or not ("columns" in content or indexed):
        return None
    rows = [
        plain(row) if isinstance(row, list) and "columns" in content else [plain(row)]
        for row in data
    ]
    for position, row in enumerate(rows):
        if len(row) != len(columns):
            raise UsageError(
                f"row {position} of its data has {len(row)} values for {len(columns)} columns."
            )
    names = [str(column) for column in columns]
    if len(set(names)) < len(names):
        raise UsageError(f"several columns have one name: {', '.join(names)}.")
    if not isinstance(index, list) or not indexed:
        return Frame(names, rows)
    return Frame(["", *names], [[plain(key), *row] for key, row in zip(index, rows, strict=True)])


def _flat(members: Members, before: str = "") -> Members:
    """Members of members under names such as ``synflow.score``; architectures stay whole."""
    found = Members()
    for name, value in members.distinct().items():
        if isinstance(value, Members) and not _is_architecture(value):
            found += _flat(value, f"{before}{name}.")
        else:
            found.append((f"{before}{name}", plain(value)))
    return found


def _is_architecture(value: Members) -> bool:
    names = {name for name, _ in value}
    return {"normal", "reduce"} <= names or not (
        names.isdisjoint(MATRICES) or names.isdisjoint(OPERATIONS)
    )


def _is_bare(value: Any) -> bool:
    return is_number(value) and not isinstance(value, str)


def _nests(value: Members) -> bool:
    return bool(value) and all(isinstance(member, Members) for _, member in value)


def _are_counted(names: list[Any]) -> bool:
    return all(str(name).isdecimal() for name in names)
