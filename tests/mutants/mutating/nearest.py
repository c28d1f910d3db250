"""The tests nearest to a file: those of the mirrored room, then those that import it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

SLOW = ("tests/reliability/", "tests/mutants/", "tests/harness/grid/", "tests/harness/jobs/")
MOST = 12  # files of tests
# Suites that run whatever is registered, without importing it.
EVERY = {
    "searchspaces": (
        "tests/searchspaces/test_reference.py",
        "tests/searchspaces/test_scales.py",
        "tests/searchspaces/test_supernet.py",
        "tests/conformance/test_spaces.py",
    ),
    "methods": (
        "tests/methods/test_optimisers.py",
        "tests/methods/test_compute.py",
        "tests/conformance/test_methods.py",
    ),
}


def nearest(root: Path, file: str) -> list[str]:
    """Paths of test files, the nearest first; those of :data:`EVERY` however many others are."""
    source = PurePosixPath(file)
    room, module = f"tests/{source.parent}", ".".join(source.with_suffix("").parts)
    folder = f"tests/{source.parent.parent}/test_{source.parent.name}.py"  # all of it
    parent, name = module.rpartition(".")[::2]
    imports = re.compile(
        rf"^\s*(from {re.escape(module)} import|import {re.escape(module)}\b"
        rf"|from {re.escape(parent)} import .*\b{name}\b)",
        re.MULTILINE,
    )
    named, inside, direct, outside = [], [], [], []
    for path in sorted((root / "tests").rglob("test_*.py")):
        test = path.relative_to(root).as_posix()
        if test.startswith(SLOW):
            continue
        imported = imports.search(path.read_text(encoding="utf-8")) is not None
        if test == f"{room}/test_{source.stem}.py":
            named.append(test)
        elif test == folder or PurePosixPath(test).parent.as_posix() == room:
            (direct if imported else inside).append(test)
        elif imported:
            outside.append(test)
    every = [test for test in EVERY.get(source.parts[0], ()) if (root / test).exists()]
    near = [*named, *direct, *inside, *outside][: MOST - len(every)]
    return list(dict.fromkeys([*near, *every]))
