"""What the layers of a network are given and return, whether they are modules or functions.

Networks of some spaces call ``functional.relu`` or convolve with slices of weights, so that hooks
on modules would miss a part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

RELUS = (
    functional.relu,
    functional.relu6,
    functional.hardtanh,
    torch.relu,
    torch.Tensor.relu,
)
LAYERS = (functional.conv2d, functional.linear)
NORMS = (functional.batch_norm,)


class Watching(TorchFunctionMode):
    """Inside, ``see(given, output)`` is called behind each of ``functions``.

    ``given`` is the first argument, as it was before the call: an operator in place sees a copy.
    """

    def __init__(
        self,
        functions: tuple[Callable[..., Any], ...],
        see: Callable[[torch.Tensor, torch.Tensor], None],
    ):
        super().__init__()
        self.functions, self.see = frozenset(functions), see

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function not in self.functions:
            return function(*args, **kwargs)
        given = args[0] if args else kwargs["input"]
        if kwargs.get("inplace"):
            given = given.clone()
        output = function(*args, **kwargs)
        self.see(given, output)
        return output


class WithoutNorms(TorchFunctionMode):
    """Inside, batch normalisation returns what it is given."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in NORMS:
            return args[0] if args else kwargs["input"]
        return function(*args, **kwargs)
