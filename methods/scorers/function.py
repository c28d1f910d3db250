"""A scorer that is one function, of anybody's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from methods.scorers.scorer import Scorer
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import torch

    from searchspaces.supernet import Supernet

ARGUMENTS = ("network", "images", "labels")


@cache
def scorer_of(function: Callable[..., Any]) -> type[Scorer]:
    """The class of the scorer whose :meth:`Scorer.measure` is ``function(network, images, labels)``.

    Raises :class:`UsageError` for a function that cannot be called so.
    """
    try:
        signature(function).bind(*ARGUMENTS)
    except TypeError as error:
        taken = ", ".join(
            name
            for name, parameter in signature(function).parameters.items()
            if parameter.kind is not Parameter.VAR_KEYWORD
        )
        raise UsageError(
            f"{function.__name__}({taken}) is no scorer: it is called with "
            f"{', '.join(ARGUMENTS)} ({error})."
        ) from None
    return type(function.__name__, (FunctionScorer,), {"function": staticmethod(function)})


class FunctionScorer(Scorer):
    """Scores as ``function`` does; the subclass that has it is made by :func:`scorer_of`."""

    function: Callable[..., Any]

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        """Raises :class:`UsageError` where the function returns no number."""
        value = type(self).function(network, images, labels)
        try:
            return float(value.detach() if hasattr(value, "detach") else value)
        except (TypeError, ValueError, RuntimeError):
            name, given = type(self).__name__, "nothing" if value is None else str(value)[:60]
            raise UsageError(f"{name} returned {given}; a scorer returns one number.") from None
