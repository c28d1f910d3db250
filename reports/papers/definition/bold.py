"""Whether what a paper sets in bold is the best of what it competes with."""

from __future__ import annotations

from dataclasses import dataclass

from reports.papers.definition.item import Column, Item, Row
from reports.papers.definition.printed import Printed

BEST, SHARED, BEATEN = "best", "shared", "beaten"
MOST_NAMED = 3  # better rows that a sentence names


@dataclass(frozen=True)
class Verdict:
    """``word``: ``beaten`` where another printed number is better, ``shared`` where one that is
    not in bold is as good, else ``best``. ``sentence`` says which those are; empty for the best.
    """

    word: str
    sentence: str = ""


def judge(item: Item, row: Row, column: Column) -> Verdict | None:
    """Of a printed cell in bold, by :class:`item.Bold`; None of any other cell.

    Means compete with means and numbers in brackets with numbers in brackets, as printed.
    """
    if item.bold is None or column.id not in row.bold:
        return None
    printed = row.printed[column.id]
    better, equal = [], []
    for kind in ("mean", "best"):
        own = getattr(printed, kind)
        if own is None:
            continue
        rivals = _rivals(item, row, column, kind)
        sign = 1 if column.better == "higher" else -1
        ahead = [(number, name) for number, name, _ in rivals if sign * (number - own) > 0]
        ahead.sort(key=lambda pair: -sign * pair[0])
        level = [(number, name) for number, name, bold in rivals if number == own and not bold]
        if ahead:
            verb = "is" if len(ahead) == 1 else "are"
            named = _named(item, ahead, printed)
            better.append(f"{named} {verb} better than {own:.{printed.decimals}f}")
        elif level:
            verb = "is" if len(level) == 1 else "are"
            equal.append(f"{_named(item, level, printed)} {verb} as good and not in bold")
    if better:
        return Verdict(BEATEN, f"In bold, but not the best: {'; '.join(better + equal)}.")
    if equal:
        return Verdict(SHARED, f"In bold, but not alone the best: {'; '.join(equal)}.")
    return Verdict(BEST)


def _rivals(item: Item, row: Row, column: Column, kind: str) -> list[tuple[float, str, bool]]:
    """The number of each other row that competes, the row's id, and whether that is in bold."""
    found = []
    for other in item.rows:
        printed = other.printed.get(column.id, Printed(""))
        number = getattr(printed, kind)
        apart = item.bold.among == "group" and other.group != row.group
        if other is row or number is None or apart or other.id in item.bold.without:
            continue
        found.append((number, other.id, column.id in other.bold))
    return found


def _named(item: Item, rows: list[tuple[float, str]], printed: Printed) -> str:
    """``91.35 (MNGNAS (F)), 91.33 (FairNAS) and 2 more``; no group where all are of one."""
    label = item.label if item.bold.among == "column" else lambda name: item.row(name).label
    named = [f"{number:.{printed.decimals}f} ({label(name)})" for number, name in rows[:MOST_NAMED]]
    if len(rows) > MOST_NAMED:
        named.append(f"{len(rows) - MOST_NAMED} more")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
