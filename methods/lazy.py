"""PyTorch, imported at its first use.

A method's options stand in the method's own file, and the command line reads them to print its
help. It takes seconds to import PyTorch, so that such a file has ``from methods.lazy import
torch`` and names it in bodies of functions and in annotations only: not as a decorator, a base
class or a default value.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any


class LazyModule(ModuleType):
    """Has the attributes of the module called ``name``, which the first of them imports."""

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self.__name__), attribute)


if TYPE_CHECKING:
    import torch as torch
    from torch.nn import functional as functional
else:
    torch, functional = LazyModule("torch"), LazyModule("torch.nn.functional")
