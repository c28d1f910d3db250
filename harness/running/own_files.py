"""Errors in the files that a run's method and space are named by, in a sentence."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from methods.lazy import torch
from searchspaces.errors import UsageError, first_line
from searchspaces.registry import file_of

_FRAME = re.compile(r'File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<function>\S+)')


@contextmanager
def errors_located(*names: str) -> Iterator[None]:
    """Within, an error that comes through a file of ``names`` is a :class:`UsageError`.

    It names the innermost function there, whose traceback stays its cause; also where another
    process met the error. Memory that does not suffice is no error of a file.
    """
    files = {str(path) for path in map(file_of, names) if path is not None}
    try:
        yield
    except (UsageError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        frames = [frame for frame in _FRAME.finditer(told) if _resolved(frame) in files]
        if not frames:
            raise
        where = frames[-1]
        raise UsageError(
            f"{where['function']} in {Path(where['file']).name}, line {where['line']}, raises "
            f"{type(error).__name__}: {first_line(error) or 'without a message'}."
        ) from error


def _resolved(frame: re.Match[str]) -> str:
    return str(Path(frame["file"]).resolve())
