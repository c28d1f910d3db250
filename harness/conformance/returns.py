"""What the functions of a method have to give, and a sentence where one gives something else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.conformance.findings import NotDue
from methods.base import Method
from searchspaces.base import SearchSpace

NUMBERS = (np.ndarray, torch.Tensor)


def guarded(method: Method) -> Method:
    """``method``, whose functions raise :class:`NotDue` for what they cannot be called with or give."""
    for name, (arguments, due) in DUE.items():
        if hasattr(method, name):
            setattr(method, name, checked(method, name, arguments, due))
    return method


def declared_paths(kind: type[Method], options: Any, space: SearchSpace) -> dict[str, float]:
    """What ``paths_per_step`` gives; raises :class:`NotDue` for what is no cost."""
    paths: Any = kind.paths_per_step(options, space)
    if not isinstance(paths, dict) or {*paths} != {"forwards", "backwards"}:
        due = "a dict of 'forwards' and 'backwards' is due"
        raise NotDue(f"{place(kind.paths_per_step)} gives {shown(paths)}; {due}.")
    return paths


def checked(owner: Any, name: str, arguments: str, due: Callable[..., str]) -> Callable[..., Any]:
    """A function of ``owner`` that is called with ``arguments`` and gives what is ``due``.

    ``due`` of owner, value and what was given says what is due instead of another value, with its
    verb. Raises :class:`NotDue` for such a value, and for a function that cannot be called so.
    """
    function = getattr(owner, name)
    plain = getattr(function, "__func__", function)
    first = [] if plain is function else [function.__self__]

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        written = inspect.signature(plain)
        try:
            written.bind(*first, *given, **named)
        except TypeError:
            asked = ", ".join(filter(None, ["self" * len(first), arguments]))
            raise NotDue(
                f"{place(function)} is written as {name}{written}; write {name}({asked})."
            ) from None
        value = function(*given, **named)
        if missing := due(owner, value, *given):
            raise NotDue(f"{place(function)} gives {shown(value)}; {missing} due.")
        return value

    return call


def place(function: Any) -> str:
    """The name of a function, and where it is defined."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(plain, "__code__", None)
    if code is None:
        return str(function.__name__)
    return f"{function.__name__} ({Path(code.co_filename).name}, line {code.co_firstlineno})"


def shown(value: Any) -> str:
    """A value as a part of a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, NUMBERS):
        return f"{type(value).__name__} of shape {list(value.shape)}"
    return f"the {type(value).__name__} {str(value)[:60]}"


# What is due where a value is something else, with its verb; empty where it is right -----------


def _reported(method: Method, value: Any, *given: Any) -> str:
    fine = isinstance(value, dict) and "loss" in value
    if fine and all(isinstance(v, torch.Tensor) and v.numel() == 1 for v in value.values()):
        return ""
    return "a dict of tensors of one number each, 'loss' among them, is"


def _scores(method: Method, value: Any, archs: Sequence[Any]) -> str:
    if isinstance(value, NUMBERS) and tuple(value.shape) == (len(archs),):
        return ""
    return f"an array of {len(archs)} scores, one of each architecture, is"


def _paths(method: Method, value: Any, *given: Any) -> str:
    if (
        isinstance(value, list | tuple)
        and value
        and all(_in_range(method.space, path) for path in value)
    ):
        return ""
    return f"a list of paths, each with operators of the {len(method.space.sites)} sites, is"


def _found(method: Method, value: Any, *given: Any) -> str:
    if isinstance(value, tuple) and _in_range(method.space, value):
        return ""
    return "an architecture, a tuple with the number of an operator of each site, is"


def _scored(method: Method, value: Any, *given: Any) -> str:
    fine = isinstance(value, list) and all(isinstance(p, tuple) and len(p) == 2 for p in value)
    if fine and all(isinstance(score, Real) for _, score in value):
        return ""
    return "a list of pairs (architecture, score) is"


def _loss(method: Method, value: Any, *given: Any) -> str:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return ""
    return "a tensor of one number is"


def _in_range(space: SearchSpace, path: Any) -> bool:
    """Whether ``path`` has a gene, or several at once, of each site."""
    if not isinstance(path, list | tuple) or len(path) != len(space.sites):
        return False
    several = (gene if isinstance(gene, list | tuple) else (gene,) for gene in path)
    return all(
        isinstance(gene, int | np.integer) and 0 <= gene < len(site.operators)
        for genes, site in zip(several, space.sites, strict=True)
        for gene in genes
    )


DUE: dict[str, tuple[str, Callable[..., str]]] = {
    "train_step": ("step", _reported),
    "sample_paths": ("rng", _paths),
    "path_loss": ("path, batch", _loss),
    "score": ("archs", _scores),
    "search_epoch": ("epoch", _scored),
    "found": ("", _found),
}
