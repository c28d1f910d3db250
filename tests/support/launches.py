"""What a host launches: operations counted by name, and replays of graphs as one each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Launches(TorchDispatchMode):
    """Inside, operations are counted by name, but for those that only give memory or a view."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.replaying = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        gives = func in (torch.ops.aten.empty.memory_format, torch.ops.aten.empty_strided.default)
        if not (self.replaying or func.is_view or gives):
            self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Whatever is done inside is one launch."""
        self.counts[name] += 1
        self.replaying = True
        try:
            yield
        finally:
            self.replaying = False
