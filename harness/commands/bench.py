"""``nas-harness bench NAME``: measures two ways of doing the same, and compares their results."""

from __future__ import annotations

from searchspaces.registry import Registry

BENCHMARKS = {
    "ranking": "score architectures: shared beginnings against one by one",
    "solvers": "EnNAS's weights and MNGNAS's coefficients against cvxpy",
    "students": "MNGNAS's retraining of all students together against one after the other",
    "training": "a supernet's training against a bare loop of the same steps",
    "tables": "opening tables, looking up, tau and its interval; the command line's help",
    "scaling": "time and memory against the numbers of architectures, classes and students",
}
_REGISTRY = Registry(
    "benchmark",
    "nas_harness.benchmarks",
    {name: f"harness.benchmarks.{name}:main" for name in BENCHMARKS},
)


def main(arguments: list[str]) -> None:
    """Run the benchmark named first; without a name, or with ``--help``, list them."""
    if not arguments or arguments[0] in ("-h", "--help"):
        rows = [f"  {name:<10}{text}" for name, text in BENCHMARKS.items()]
        print("\n".join(["usage: nas-harness bench NAME [options]", "", *rows]))
        print("\nnas-harness bench NAME --help")
        return
    _REGISTRY[arguments[0]](arguments[1:])
