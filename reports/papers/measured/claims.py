"""Whether what a paper claims is seen in the recorded runs, paired by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import sub

from harness.metrics.intervals import Interval
from reports.papers.definition.item import Claim
from reports.papers.measured.results import NOT_MEASURED, Cell, Results
from reports.runs.paired import is_shown, mean_interval, paired_difference
from reports.style.formatting import bracketed, decimal

SHOWN, NOT_SHOWN, CONTRADICTED, NOT_TESTED = "shown", "not shown", "contradicted", "not tested"
VERDICTS = (SHOWN, NOT_SHOWN, CONTRADICTED, NOT_TESTED)


@dataclass(frozen=True)
class Outcome:
    """A claim, the ``difference`` better row minus worse row over common seeds, and a verdict.

    Without a worse row the difference is the better row's own value. ``contradicted``: the 95 %
    interval lies wholly on the other side of zero. ``sentence`` says it all. ``printed`` is what
    the text claims, or else the difference of the printed values; None where one is not printed.
    """

    claim: Claim
    difference: Interval
    verdict: str
    sentence: str
    printed: float | None


def outcomes(results: Results) -> list[Outcome]:
    return [_outcome(claim, results) for claim in results.item.claims]


def _outcome(claim: Claim, results: Results) -> Outcome:
    column = results.item.column(claim.column)
    cells = _cells(claim, results)
    difference = (
        paired_difference(*(cell.by_seed for cell in cells))
        if claim.worse
        else mean_interval(list(cells[0].by_seed.values()))
    )
    alike = cells[0].trained and len({cell.tag for cell in cells}) == 1
    if not alike or not difference["n"]:
        verdict = NOT_TESTED
    elif not is_shown(difference):
        verdict = NOT_SHOWN
    else:
        favoured = (difference["value"] > 0) == (column.better == "higher")
        verdict = SHOWN if favoured else CONTRADICTED
    printed = _printed(cells) if claim.by is None else claim.by
    return Outcome(
        claim, difference, verdict, _sentence(claim, results, difference, verdict, printed), printed
    )


def _rows(claim: Claim) -> list[str]:
    return [claim.better, claim.worse] if claim.worse else [claim.better]


def _cells(claim: Claim, results: Results) -> list[Cell]:
    return [results.cell(row, claim.column) for row in _rows(claim)]


def _printed(cells: Sequence[Cell]) -> float | None:
    numbers = [cell.printed.number if cell.printed else None for cell in cells]
    return None if None in numbers else reduce(sub, numbers)


def _sentence(
    claim: Claim, results: Results, difference: Interval, verdict: str, printed: float | None
) -> str:
    """``MNGNAS > SPOS: +0.021 τ, 95 % [−0.004, 0.047], n=3: not shown``, with what it is of."""
    column = results.item.column(claim.column)
    cells = _cells(claim, results)
    sign = ">" if column.better == "higher" else "<"
    other = results.item.label(claim.worse) if claim.worse else "0"
    head = f"{results.item.label(claim.better)} {sign} {other}"
    if verdict == NOT_TESTED:
        text = f"{head}, {column.name}: not tested ({_obstacle(claim, results)})"
    else:
        form = f"+.{column.digits}f"
        interval = bracketed(difference, form).partition(" ")
        bounds = f", 95 % {interval[2]}" if interval[2] else ""
        text = (
            f"{head}: {interval[0]} {column.name}{bounds}, n={difference['n']}: {verdict} "
            f"({cells[0].tag}, {cells[0].task})"
        )
        if difference["low"] is None:
            text += f"; one {'pair of runs' if claim.worse else 'run'} allows no interval"
    if printed is not None:
        decimals = [cell.printed.decimals for cell in cells if cell.printed]
        text += f"; in print {decimal(printed, f'+.{max(decimals, default=column.digits)}f')}"
        if claim.by is not None and verdict != NOT_TESTED and difference["low"] is not None:
            inside = difference["low"] <= claim.by <= difference["high"]
            text += f", {'inside' if inside else 'outside'} this interval"
    return f"{text}."


def _obstacle(claim: Claim, results: Results) -> str:
    cells = dict(zip(_rows(claim), _cells(claim, results), strict=True))
    lacking: dict[str, list[str]] = {}
    for row, cell in cells.items():
        if not cell.trained:
            why = "not measured in runs of" if cell.tag == NOT_MEASURED else "no runs of"
            lacking.setdefault(why, []).append(results.item.label(row))
    if lacking:
        return ", ".join(f"{why} {' and '.join(rows)}" for why, rows in lacking.items())
    if len({cell.tag for cell in cells.values()}) > 1:
        return "one is trained-full, the other trained-reduced"
    return "no seeds in common"
