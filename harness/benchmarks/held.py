"""The most memory that the results of tensor operations take at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def most_held(function: Callable[[], Any]) -> int:
    """Bytes of everything that operations inside ``function`` made and that was still in use."""
    with _Watch() as watch:
        function()
    return watch.most


class _Watch(TorchDispatchMode):
    """Counts storages that operations bring into being, until nothing refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self.most, self.live = 0, {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = {_storage(x).cdata for x in tree_leaves((args, kwargs)) if _counts(x)}
        result = func(*args, **(kwargs or {}))
        for tensor in filter(_counts, tree_leaves(result)):
            storage = _storage(tensor)
            if storage.cdata not in given:
                self.live[storage.cdata] = storage, tensor.untyped_storage().nbytes()
        self.live = {key: kept for key, kept in self.live.items() if not kept[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.live.values()))
        return result


def _counts(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _storage(tensor: torch.Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())
