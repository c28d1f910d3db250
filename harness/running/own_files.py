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
# What Python raises where a value is of another kind than is due.
OF_VALUES = (TypeError, ValueError, AttributeError, LookupError, RuntimeError)


@contextmanager
def errors_located(method: str, space: str) -> Iterator[None]:
    """Within, an error that comes through the file of ``method`` or ``space`` is a UsageError.

    It names the innermost function there, whose traceback stays its cause; also where another
    process met the error. Where a value from such a file is no good elsewhere, it names the command
    that finds out. Memory that does not suffice is no error of a file. Who ends the program in the
    middle of it has not done what was asked for, whatever status he gives. ``method`` may be empty.
    """
    files = {str(path) for path in map(file_of, (method, space)) if path is not None}
    try:
        yield
    except (UsageError, MemoryError, torch.OutOfMemoryError):
        raise
    except (Exception, SystemExit) as error:
        told = "".join(traceback.format_exception(error))
        frames = [frame for frame in _FRAME.finditer(told) if _resolved(frame) in files]
        said = f"raises {type(error).__name__}: {first_line(error) or 'without a message'}"
        if frames:
            where = frames[-1]
            place = f"{where['function']} in {Path(where['file']).name}, line {where['line']},"
            raise UsageError(f"{place} {said}.") from error
        if isinstance(error, SystemExit):
            raise UsageError(f"a method or space {said}.") from error
        if not files or not isinstance(error, OF_VALUES):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(
            "a function of the files given seems to be called or to answer otherwise than is due, for "
            f"{Path(last.filename).name}, line {last.lineno}, {said}; `nas-harness conformance "
            f"{f'--method {method} ' if method else ''}--space {space}` says which."
        ) from error


def _resolved(frame: re.Match[str]) -> str:
    return str(Path(frame["file"]).resolve())
