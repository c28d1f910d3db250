"""``nas-harness bench tables``: opening and using ground truth, and the command line's help."""

from __future__ import annotations

from harness.benchmarks.answer import Result, answer, said
from harness.config.options import Parser, add_whole_numbers

NUMBERS = (
    ("--repeats", 1, 5, "measurements"),
    ("--seed", 0, 0, "of scores, and of tables that are made up"),
)


def main(arguments: list[str]) -> None:
    """Measure; print a line for each figure (or everything with ``--json``)."""
    parser = Parser(
        prog="nas-harness bench tables",
        description="Time what is done with ground truth: opening the tables of NAS-Bench-201 and "
        "101 in a process of its own, looking architectures up, Kendall's tau of all of "
        "NAS-Bench-101 and the intervals of NAS-Bench-201; and the command line's help. Where "
        "the published tables are not to be had, they are made up in the same size.",
    )
    parser.add_argument("--data", default="", help="folder of tables; empty: $NAS_HARNESS_DATA")
    parser.add_argument("--quick", action="store_true", help="small tables, for a trial")
    add_whole_numbers(parser, NUMBERS)
    answer(parser, arguments, "harness.benchmarks.tables_times", render)


def render(result: Result) -> str:
    """The result of :func:`~harness.benchmarks.tables_times.measure` for a terminal."""
    lines = [f"{result['device']}; repeats: {result['repeats']}; from the fastest to the slowest"]
    for table in result["open"]:
        lines.append(
            f"open {table['space']}, {table['rows']:,} rows, {table['origin']}, "
            f"{table['file_mb']:.1f} MB on disk: {_ms(table['wall'])} on the wall, "
            f"{_ms(table['cpu'])} of CPU; {table['mb']['mean']:.0f} MB stay, "
            f"{table['peak_mb']['mean']:.0f} MB at the peak"
        )
    rate = result["look_ups_per_s"]
    lines.append(f"look-ups: {rate['low'] / 1e6:.2f} to {rate['high'] / 1e6:.2f} million a second")
    lines.append(f"--help: {_ms(result['help']['wall'])} on the wall, {_ms(result['help']['cpu'])}"
                 " of CPU")  # fmt: skip
    tau, intervals = result["tau"], result["intervals"]
    lines.append(
        f"tau of {tau['pairs']:,} pairs: {_ms(tau['seconds'])}; scipy.stats.kendalltau: "
        f"{_ms(tau['scipy'])}; ratio {said(tau['ratio']).strip()}; difference {tau['difference']:g}"
    )
    lines.append(
        f"intervals at n = {intervals['n']:,}: tau by the jackknife {_ms(intervals['tau'])}; rho by "
        f"{intervals['folds']:,} resamples {_ms(intervals['rho'])}; tau by so many resamples with "
        f"scipy (extrapolated) {_ms(intervals['literal_tau'])}, "
        f"ratio {said(intervals['ratio']).strip()}"
    )
    return "\n".join(lines)


def _ms(spread: dict[str, float]) -> str:
    return f"{1e3 * spread['low']:,.1f} to {1e3 * spread['high']:,.1f} ms"
