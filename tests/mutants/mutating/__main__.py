"""The command: mistakes are chosen, tried, and those that no test saw written as a table."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mutating.mistake import Mistake, equivalents, own
from mutating.mutation_operators import is_module, mistakes_in, modules
from mutating.nearest import nearest
from mutating.trying import KILLED, Verdict, copied, first_failure, run

ROOT = Path(__file__).parents[3]
# What decides about the numbers that the harness prints.
SCIENCE = (
    "harness/metrics/*",
    "methods/**/*",
    "searchspaces/**/*",
    "reports/runs/*",
    "reports/papers/measured/*",
    "harness/tabular/table.py",
    "harness/tasks/base.py",
    "harness/tasks/order.py",
    "harness/tasks/augment.py",
    "harness/standalone/*",
    "harness/simulation/*",
    "harness/running/*",
    "harness/distributed/training.py",
)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mutating", description="Puts mistakes into a copy and runs the nearest tests."
    )
    parser.add_argument("files", nargs="*", default=SCIENCE, help="patterns of files")
    parser.add_argument("--own", action="store_true", help="the project's list, and no others")
    parser.add_argument("--count", type=int, default=60, metavar="N", help="mistakes (60)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which of them (0)")
    parser.add_argument("--limit", type=float, default=300, metavar="S", help="seconds each (300)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="survivors as Markdown")
    return parser.parse_args(arguments)


def chosen(root: Path, patterns: Sequence[str], count: int, seed: int) -> list[Mistake]:
    """``count`` mistakes: drawn from all that are possible, at most one a line."""
    rng = random.Random(seed)
    texts = {file: (root / file).read_text(encoding="utf-8") for file in modules(root, patterns)}
    everything = [mistake for file in texts for mistake in mistakes_in(root, file)]
    rng.shuffle(everything)
    found: dict[tuple[str, int], Mistake] = {}
    for mistake in everything:
        text = texts[mistake.file]
        line = mistake.file, mistake.number(text)
        if len(found) < count and line not in found and is_module(mistake.applied(text)):
            found[line] = mistake
    return list(found.values())


def table(verdicts: Sequence[Verdict], root: Path, known: dict[tuple[str, str, str], str]) -> str:
    """Survivors as a Markdown table, those that are known to be equivalent with the reason."""
    lines = ["| where | is | would be | what became of it |", "|:--|:--|:--|:--|"]
    for verdict in verdicts:
        if verdict.outcome != KILLED:
            mistake = verdict.mistake
            text = (root / mistake.file).read_text(encoding="utf-8")
            old, new = mistake.lines(text)
            told = known.get((mistake.file, old, new))
            told = f"equivalent: {told}" if told else verdict.outcome
            code = " | ".join(f"`{line.replace('|', chr(92) + '|')}`" for line in (old, new))
            lines.append(f"| {mistake.file}:{mistake.number(text)} | {code} | {told} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a mistake survived that is not known to be equivalent, 2 where a test fails without."""
    options, known = parse(arguments), equivalents()
    mistakes = own(ROOT) if options.own else None
    mistakes = mistakes or chosen(ROOT, options.files, options.count, options.seed)
    verdicts: list[Verdict] = []
    os.environ["OMP_NUM_THREADS"] = "1"
    with TemporaryDirectory(prefix="mutants-") as folder:
        copy = copied(ROOT, Path(folder))
        for number, mistake in enumerate(mistakes, start=1):
            tests = mistake.tests or nearest(copy, mistake.file)
            verdicts.append(run(copy, mistake, tests, options.limit))
            text = (copy / mistake.file).read_text(encoding="utf-8")
            print(_line(number, len(mistakes), verdicts[-1], text), flush=True)
        seeing = sorted({v.by for v in verdicts if (copy / v.by.partition("::")[0]).is_file()})
        if seeing and (failed := first_failure(copy, seeing, options.limit * len(seeing))):
            print(f"{failed} fails without any mistake", file=sys.stderr)
            return 2
        written = table(verdicts, copy, known)
        survivors = [v for v in verdicts if v.outcome != KILLED and not _is_known(v, copy, known)]
    if options.output:
        options.output.write_text(written + "\n", encoding="utf-8")
    equal = sum(v.outcome != KILLED for v in verdicts) - len(survivors)
    print(f"\n{written}\n\n{len(survivors)} of {len(verdicts)} survived; {equal} more are equal.")
    return min(len(survivors), 1)


def _is_known(verdict: Verdict, root: Path, known: dict[tuple[str, str, str], str]) -> bool:
    text = (root / verdict.mistake.file).read_text(encoding="utf-8")
    return (verdict.mistake.file, *verdict.mistake.lines(text)) in known


def _line(number: int, count: int, verdict: Verdict, text: str) -> str:
    mistake = verdict.mistake
    old, new = mistake.lines(text)
    head = f"{number}/{count} {verdict.outcome} ({verdict.seconds:.0f} s)"
    return f"{head} {mistake.file}:{mistake.number(text)}: {old} → {new}  {verdict.by}"


if __name__ == "__main__":
    sys.exit(main())
