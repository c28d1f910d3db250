"""``nas-harness draw``: a picture of one architecture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.config import digest
from harness.config.options import Parser, whole_number
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, stem

if TYPE_CHECKING:
    from searchspaces.base import Arch, SearchSpace


def main(arguments: list[str]) -> None:
    """Draw, print the path of each file written on standard output."""
    parser = Parser(
        prog="nas-harness draw",
        description="Draw an architecture: cells as graphs, chains as rows of blocks.",
    )
    parser.add_argument(
        "arch", nargs="?", default="", metavar="ARCH", help="as its space writes it"
    )
    parser.add_argument("--space", default="nb201", help="search space; or FILE.py:CLASS")
    parser.add_argument("--scale", default="", help="its scale; empty: the space's usual one")
    parser.add_argument(
        "--random", type=whole_number(0), metavar="SEED", help="a sampled architecture, not ARCH"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="file ending in .png, .svg or .pdf, or a folder for all three; "
        "left out: a PNG in the current folder",
    )
    parser.add_argument("--title", default="", help="headline; empty: space and scale")
    parser.add_argument("--json", action="store_true", help="print what is drawn as JSON")
    given = parser.parse_args(arguments)
    if bool(given.arch) == (given.random is not None):
        raise UsageError("give either one architecture, or --random SEED for a sampled one.")
    space_class = SPACES[given.space]

    import numpy as np

    from reports.architectures.architecture import save

    if given.random is None:
        space, arch = _read(
            given.arch, space_class, [given.scale] if given.scale else space_class.scales
        )
    else:
        space = space_class(given.scale) if given.scale else space_class()
        arch = space.sample(np.random.default_rng(given.random))
    name, diagrams = space.encode(arch), space.diagrams(arch)
    called = stem(given.space)
    paths = _paths(given.output, f"{called}-{digest(name)}")
    save(diagrams, given.title or f"{called}, {space.scale}", [name], paths)
    if given.json:
        drawn = [{"kind": type(diagram).__name__.lower()} | asdict(diagram) for diagram in diagrams]
        about = {"space": given.space, "scale": space.scale, "arch": name, "diagrams": drawn}
        print(json.dumps(about | {"files": [str(path) for path in paths]}, indent=2))
    else:
        print(*paths, sep="\n")


def _read(text: str, make: type[SearchSpace], scales: Sequence[str]) -> tuple[SearchSpace, Arch]:
    """The space at the first of ``scales`` that has the architecture, and that; or its refusal."""
    spaces = [make(scale) for scale in scales]  # type: ignore[call-arg]
    for space in spaces:
        with suppress(UsageError):
            return space, space.read(text)
    return spaces[0], spaces[0].read(text)


def _paths(output: Path | None, name: str) -> list[Path]:
    """The files to write; raises :class:`UsageError` for a format that is not known."""
    from reports.style.image_files import FORMATS

    if output is None:
        return [Path(f"{name}.png")]
    if output.is_dir() or not output.suffix:
        return [output / f"{name}{suffix}" for suffix in FORMATS]
    if output.suffix.lower() not in FORMATS:
        raise UsageError(
            f"a picture cannot be a '{output.suffix}' file; end --output in "
            f"{', '.join(FORMATS)}, or give a folder."
        )
    return [output]
