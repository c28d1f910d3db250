"""``nas-harness bench scaling``: what grows with architectures, classes and students."""

from __future__ import annotations

from harness.benchmarks.answer import Result, answer
from harness.config.options import Parser, add_whole_numbers

NUMBERS = (
    ("--repeats", 1, 3, "measurements, of which the fastest counts"),
    ("--seed", 0, 0, "of everything made up"),
)
TITLES = {
    "architectures": {
        "number": "architectures",
        "open_ms": "open, ms",
        "open_mb": "open, MB",
        "tau_ms": "tau, ms",
        "interval_ms": "interval, ms",
    },
    "ranked": {
        "number": "ranked",
        "one_by_one_ms": "one by one, ms each",
        "together_ms": "together, ms each",
        "held_mb": "held, MB",
    },
    "classes": {"number": "classes", "weights_ms": "EnNAS weights, ms", "held_mb": "logits, MB"},
    "students": {"number": "students", "step_ms": "retraining step, ms", "held_mb": "held, MB"},
}


def main(arguments: list[str]) -> None:
    """Measure; print the tables (or everything with ``--json``)."""
    parser = Parser(
        prog="nas-harness bench scaling",
        description="Time and memory of tables, tau and its interval against the number of "
        "architectures (100 to 400,000), of ranking nb201 against how many are ranked, of EnNAS's "
        "weights against classes (10 to 1,000) and of MNGNAS's retraining against students (1 to "
        "100), in CPU time of one thread.",
    )
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, for a trial")
    add_whole_numbers(parser, NUMBERS)
    answer(parser, arguments, "harness.benchmarks.scaling_times", render)


def render(result: Result) -> str:
    """The result of :func:`~harness.benchmarks.scaling_times.measure` as Markdown tables."""
    lines = [f"{result['device']}, one thread; the fastest of {result['repeats']}"]
    for part, titles in TITLES.items():
        rows = [list(titles.values()), ["---:"] * len(titles)]
        rows += [[_shown(row[key]) for key in titles] for row in result[part]]
        lines += ["", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
