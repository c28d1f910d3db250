"""Whether what a paper claims is seen in the recorded runs, paired by seed."""

from __future__ import annotations

from dataclasses import dataclass

from harness.metrics.intervals import Interval
from reports.papers.definition.item import Claim
from reports.papers.measured.results import Cell, Results
from reports.runs.paired import is_shown, paired_difference
from reports.style.words import bracketed, decimal

SHOWN, NOT_SHOWN, CONTRADICTED, NOT_TESTED = "shown", "not shown", "contradicted", "not tested"
VERDICTS = (SHOWN, NOT_SHOWN, CONTRADICTED, NOT_TESTED)


@dataclass(frozen=True)
class Outcome:
    """A claim, the ``difference`` better row minus worse row over common seeds, and a verdict.

    ``contradicted``: the 95 % interval lies wholly on the other side of zero. ``sentence`` says
    it all. ``printed`` is the difference of the printed values; None where one is not printed.
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
    own, other = (results.cell(row, claim.column) for row in (claim.better, claim.worse))
    difference = paired_difference(own.by_seed, other.by_seed)
    alike = own.trained and own.tag == other.tag
    if not alike or not difference["n"]:
        verdict = NOT_TESTED
    elif not is_shown(difference):
        verdict = NOT_SHOWN
    else:
        favoured = (difference["value"] > 0) == (column.better == "higher")
        verdict = SHOWN if favoured else CONTRADICTED
    printed = _printed(own, other)
    return Outcome(
        claim, difference, verdict, _sentence(claim, results, difference, verdict, printed), printed
    )


def _printed(own: Cell, other: Cell) -> float | None:
    numbers = [cell.printed.number if cell.printed else None for cell in (own, other)]
    return None if None in numbers else numbers[0] - numbers[1]


def _sentence(
    claim: Claim, results: Results, difference: Interval, verdict: str, printed: float | None
) -> str:
    """``MNGNAS > SPOS: +0.021 τ, 95 % [−0.004, 0.047], n=3: not shown``, with what it is of."""
    column = results.item.column(claim.column)
    own, other = (results.cell(row, claim.column) for row in (claim.better, claim.worse))
    sign = ">" if column.better == "higher" else "<"
    head = f"{results.label(claim.better)} {sign} {results.label(claim.worse)}"
    if verdict == NOT_TESTED:
        text = f"{head}, {column.name}: not tested ({_obstacle(claim, results)})"
    else:
        form = f"+.{column.digits}f"
        interval = bracketed(difference, form).partition(" ")
        bounds = f", 95 % {interval[2]}" if interval[2] else ""
        text = (
            f"{head}: {interval[0]} {column.name}{bounds}, n={difference['n']}: {verdict} "
            f"({own.tag}, {own.task})"
        )
        if difference["low"] is None:
            text += "; one pair of runs allows no interval"
    if printed is not None:
        decimals = max(cell.printed.decimals for cell in (own, other))
        text += f"; in print {decimal(printed, f'+.{decimals}f')}"
    return f"{text}."


def _obstacle(claim: Claim, results: Results) -> str:
    cells = {row: results.cell(row, claim.column) for row in (claim.better, claim.worse)}
    lacking = [results.label(row) for row, cell in cells.items() if not cell.trained]
    if lacking:
        return f"no runs of {' and '.join(lacking)}"
    if len({cell.tag for cell in cells.values()}) > 1:
        return "one is trained-full, the other trained-reduced"
    return "no seeds in common"
