"""Which columns of a score file hold the architectures and their scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from harness.scores.frame import Frame, is_number
from harness.scores.naming import Naming
from searchspaces.errors import UsageError
from searchspaces.nb101.specs import MATRICES, OPERATIONS
from searchspaces.registry import nearest

_ARCHS = {"arch", "architecture", "arch_str", "arch_string", "archs", "architectures", "genotype"}
_ARCHS |= {"encoding", "cell", "hash", "module_hash", "network", "net", "choice", "choices", "key"}
_COUNTERS = {"", "index", "level_0", "#", "idx", "id", "no", "row", "number"}
_ROWS = re.compile(
    r"(?:.*[_ .-])?(?:id|idx|index|no|nr|row|number)|arch(?:id|idx|index)|#|level_0|unnamed: \d+"
)
_SCORE = re.compile(r"scores?(?:\.\d+)?")
_EITHER = "both columns hold whole numbers, and either may name architectures"
_SEEDS = {"seed", "run", "trial", "repeat", "repetition", "replicate"}
_LOOKED_AT = 20  # values of a column that are tried out


@dataclass(frozen=True)
class Chosen:
    """Architectures and scores, a row each; ``seeds`` where a column of the file has them."""

    archs: list[Any]
    scores: list[Any]
    seeds: list[Any] | None = None
    notes: list[str] = field(default_factory=list)
    ordered: bool = False


OPTIONS = ("--arch-column", "--score-column")


def choose(
    frame: Frame,
    naming: Naming,
    arch_column: str = "",
    score_column: str = "",
    options: tuple[str, ...] = OPTIONS,
) -> Chosen:
    """The columns named, or else the only ones that can be meant.

    Those are ``arch`` and ``score``, else the column that holds architectures and the only other
    one of numbers that does not count the rows. Raises :class:`UsageError`, with the columns that
    the file has and the ``options`` that name them, where there is none or more than one.
    """
    try:
        return _chosen(frame, naming, arch_column, score_column)
    except _Undecided as error:
        raise UsageError(
            f"{error.args[0]}; name it by {' or '.join(options)}{error.args[1]}"
        ) from None


class _Undecided(Exception):
    """What is wrong, and the columns that there are."""


def _chosen(frame: Frame, naming: Naming, arch_column: str, score_column: str) -> Chosen:
    if not frame.rows:
        raise UsageError("there are no scores in it.")
    frame = _with_whole_architectures(_numbered(frame))
    if len(frame.names) == 1 and not arch_column:
        only = frame.names[0]
        if frame.ordered or (is_number(frame.rows[0][0]) and not naming.genuine(frame.rows[0][0])):
            return Chosen([], frame.column(_exact(frame, score_column) or only), ordered=True)
    named = _exact(frame, score_column)
    other = [name for name in frame.names if named not in ("", name)]
    whole = len(other) == 1 and all(_are_whole(frame.column(name)) for name in frame.names)
    arch = _exact(frame, arch_column) or (other[0] if whole else _arch_column(frame, naming))
    score = named or _score_column(frame, arch)
    if arch == score:
        raise _Undecided(f"'{arch}' cannot be both architecture and score", _found(frame))
    seeds = [name for name in frame.names if name.lower() in _SEEDS and name not in (arch, score)]
    notes = []
    if len(frame.names) > 2 and score.lower() != "score" and not score_column:
        notes.append(f"Scores are the column '{score}', the only one of numbers beside '{arch}'.")
    return Chosen(
        frame.column(arch), frame.column(score), frame.column(seeds[0]) if seeds else None, notes
    )


def _numbered(frame: Frame) -> Frame:
    """With numbers for the names of columns that have none in a file without names."""
    if frame.named or any(frame.names):
        return frame
    return Frame([str(number) for number in range(len(frame.names))], frame.rows, named=False)


def _with_whole_architectures(frame: Frame) -> Frame:
    """Matrix and operators, or the two cells of a genotype, that lie in two columns, as one."""
    matrix = next((name for name in MATRICES if name in frame.names), None)
    operators = next((name for name in OPERATIONS if name in frame.names), None)
    parts = ["normal", "reduce"] if {"normal", "reduce"} <= set(frame.names) else []
    if matrix and operators:
        parts = [matrix, operators]
    if not parts or "arch" in frame.names:
        return frame
    concats = [f"{part}_concat" for part in parts if f"{part}_concat" in frame.names]
    return frame.joined([*parts, *concats], "arch")


def _exact(frame: Frame, name: str) -> str:
    """The column that the user named, also by the last part of its name; "" if none was."""
    if not name:
        return ""
    if name in frame.names:
        return name
    alike = [known for known in frame.names if known.lower() == name.lower()]
    alike = alike or [f"{name}.score"] * (f"{name}.score" in frame.names)
    alike = alike or [known for known in frame.names if known.endswith(f".{name}")]
    if len(alike) != 1:
        raise UsageError(f"there is no column '{name}'{_found(frame, name)}")
    return alike[0]


def _arch_column(frame: Frame, naming: Naming) -> str:
    names = frame.names
    if "arch" in names:
        return "arch"
    if not frame.named and len(names) == 2:
        first, second = ([row[place] for row in frame.rows[:_LOOKED_AT]] for place in (0, 1))
        genuine = [any(map(naming.genuine, values)) for values in (first, second)]
        whole = all(_are_whole(frame.column(name)) for name in names)
        if len(frame.rows) > 1 and whole and genuine[0] == genuine[1]:
            raise _Undecided(_EITHER, _found(frame))
        swapped = genuine[1] and not genuine[0] and all(map(is_number, first))
        return names[1] if swapped else names[0]
    holding = [name for name in names if any(map(naming.genuine, frame.column(name)[:_LOOKED_AT]))]
    called = [name for name in holding or names if name.lower() in _ARCHS]
    if len(called) == 1:
        return called[0]
    if len(holding) == 1:
        return holding[0]
    if not holding and "" in names:
        return ""
    if not holding and len(names) == 2:
        return _row_column(frame)
    problem = "several columns hold" if holding else "no column holds"
    raise _Undecided(f"{problem} architectures of the space", _found(frame))


def _row_column(frame: Frame) -> str:
    """Which of two columns without architectures has row numbers: by its numbers or its name."""
    first, second = frame.names
    decimal = [n for n in frame.names if all(str(v).isdecimal() for v in frame.column(n))]
    if len(decimal) < 2:
        return second if decimal == [second] and _holds_numbers(frame, first) else first
    called = [name for name in frame.names if _ROWS.fullmatch(name.lower())]
    scores = [name for name in frame.names if _SCORE.fullmatch(name.lower())]
    if len(called) == 1:
        return called[0]
    if len(scores) == 1:
        return second if scores == [first] else first
    distinct = [name for name in frame.names if _are_whole(frame.column(name))]
    if len(distinct) > 1 and len(frame.rows) > 1:
        raise _Undecided(_EITHER, _found(frame))
    return distinct[0] if len(distinct) == 1 else first


def _are_whole(values: list[Any]) -> bool:
    """Whether these may be row numbers: different whole numbers."""
    texts = [str(value) for value in values]
    return len(set(texts)) == len(texts) and all(t.isascii() and t.isdecimal() for t in texts)


def _score_column(frame: Frame, arch: str) -> str:
    others = [name for name in frame.names if name != arch]
    alike = [name for name in others if _SCORE.fullmatch(name.lower())]
    if len(alike) > 1:
        raise _Undecided("several columns are called score", _found(frame))
    if "score" in others:
        return "score"
    if len(others) == 1:
        if frame.named and len(frame.rows) > 1 and _counts(frame, others[0]):
            raise _Undecided(
                "beside architectures there is only a count of the rows", _found(frame)
            )
        return others[0]
    numbers = [
        name
        for name in others
        if name.lower() not in _SEEDS and _holds_numbers(frame, name) and not _counts(frame, name)
    ]
    if len(numbers) == 1:
        return numbers[0]
    scores = [name for name in numbers if name.lower().endswith(".score")]
    if len(scores) == 1:
        return scores[0]
    problem = "several columns hold" if numbers else "no column holds"
    raise _Undecided(f"{problem} numbers", _found(frame))


def _holds_numbers(frame: Frame, name: str) -> bool:
    values = [value for value in frame.column(name) if value not in (None, "")]
    return any(map(is_number, values[:_LOOKED_AT]))


def _counts(frame: Frame, name: str) -> bool:
    """Whether a column is what pandas puts before the others: 0, 1, 2, ... or 1, 2, 3, ..."""
    usual = name.lower() in _COUNTERS or name.lower().startswith("unnamed: ")
    values = [str(value) for value in frame.column(name)]
    return usual and any(
        values == [str(number + start) for number in range(len(values))] for start in (0, 1)
    )


def _found(frame: Frame, name: str = "") -> str:
    shown = [known or "(without a name)" for known in frame.names[:30]]
    close = nearest(name, [known for known in frame.names if known]) if name else ""
    listed = f"; the columns are {', '.join(shown)}."
    return close if close.startswith("; did") and len(shown) > 8 else listed
