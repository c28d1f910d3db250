"""Calls from Python: arguments of the right kinds, and errors that name them as Python does."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from harness.own_packages import clashes_told
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

P = ParamSpec("P")
R = TypeVar("R")
_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {  # by annotation, without "| None"
    "str": (str, "a text"),
    "int": (int, "a whole number"),
    "bool": (bool, "True or False"),
    "Path | str": ((str, os.PathLike), "a path"),
    "Mapping[str, Any]": (Mapping, "a dict"),
    "Sequence[str]": (Sequence, "a list of texts"),
}
# Either a command, which stays as it is, or a flag, perhaps with what stands for its value.
_FLAGS = re.compile(
    r"nas-harness [^`'\";,]*"
    r"|(?<![\w-])--(?P<name>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*)(?P<value> [A-Z]{2,}\b)?"
)


def in_python(message: str, switches: Collection[str] = ()) -> str:
    """``message`` with the Python names of flags: ``--train.batch-size`` is ``train.batch_size``.

    ``--data DIR`` is ``data=DIR``, and a flag of ``switches`` is ``drop_nan=True``.
    """

    def named(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0]
        name = found["name"].replace("-", "_")
        value = "True" if name in switches else (found["value"] or "").strip()
        return f"{name}={value}" if value else name

    return _FLAGS.sub(named, message)


def called_from_python(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, of whose :class:`UsageError` the message is :func:`in_python`.

    It also raises one for an argument that is not of the kind that its annotation names.
    """
    signature = inspect.signature(function)
    parameters = signature.parameters
    switches = [name for name, parameter in parameters.items() if parameter.default is False]

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs.keys() - parameters.keys():
            raise UsageError(_unknown(name, function.__name__, parameters))
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            _check_kind(parameters[name], value)
        try:
            with clashes_told():
                return function(*args, **kwargs)
        except UsageError as error:
            if (told := in_python(str(error), switches)) != str(error):
                error.args = (told,)
            raise

    return call


def _unknown(name: str, function: str, parameters: Mapping[str, Any]) -> str:
    meant = nearest(name, parameters)
    if "values" in parameters and not get_close_matches(name, parameters, 1, 0.8):
        meant = "; options of a run go into values, as values={'train.steps': 500}."
    return f"{function} has no parameter '{name}'{meant}"


def _check_kind(parameter: inspect.Parameter, value: Any) -> None:
    annotation = str(parameter.annotation)
    kind, what = _KINDS.get(annotation.removesuffix(" | None"), (object, ""))
    if not isinstance(value, kind) and not (value is None and annotation.endswith(" | None")):
        raise UsageError(f"{parameter.name} is {what}, not {value!r}.")
