"""``nas-harness bench NAME``: measures two ways of doing the same, and compares their results."""

from __future__ import annotations

from searchspaces.registry import Registry

BENCHMARKS = {"ranking": "score architectures of a chain: shared beginnings against one by one"}
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
