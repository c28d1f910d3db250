"""Figures as files: the same picture gives the same bytes, and nobody sees a part of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files.store import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, DPI = 9.0, 200  # inches; twice the pixels of a README column
# Suffixes, with the metadata that keep the date of writing out.
FORMATS: dict[str, dict[str, Any]] = {
    ".png": {},
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
}
SETTINGS = {"svg.hashsalt": "nas-harness", "pdf.fonttype": 42}  # fonts that publishers take


def write(make: Callable[[], Figure], paths: Sequence[Path], of: str = "") -> None:
    """Write the figure that ``make`` draws to each of ``paths``, whose suffixes are ``FORMATS``.

    It is drawn and written with matplotlib's own parameters and ``SETTINGS``, whatever the user's
    are. ``of`` identifies what it shows, in a PNG or SVG: files that say so are left as they are.
    Raises :class:`UsageError` where it cannot be written.
    """
    if of and all(_says(path, of) for path in paths):
        return
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = make()
        for path in paths:
            suffix = path.suffix.lower()
            about = FORMATS[suffix] | ({"Source": of} if of else {})
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=suffix[1:], dpi=DPI, metadata=about)


def _says(path: Path, of: str) -> bool:
    try:
        return of.encode() in path.read_bytes()
    except OSError:
        return False


def write_all(make: Callable[[], Figure], stem: Path | str) -> list[Path]:
    """Write the figure that ``make`` draws as ``stem`` .png, .pdf and .svg; returns their paths.

    Raises :class:`UsageError` where it cannot be written.
    """
    paths = [Path(f"{stem}{suffix}") for suffix in FORMATS]
    write(make, paths)
    return paths
