"""A device without hardware: tensors that say they are elsewhere, and what a host does with them.

Each holds one of the CPU, which computes what it is asked; to everybody else it is on the device
"meta". So all values are the CPU's, and what would cross between a host and a GPU, or make the
host wait, is seen and counted. A tensor that got there unseen, as ``torch.tensor(…, device=…)``
makes it, cannot be computed with.
"""

from __future__ import annotations

import traceback
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

THERE, HERE = torch.device("meta"), torch.device("cpu")
aten = torch.ops.aten
BY_VALUES = {  # whose results' sizes, or the host, depend on values
    *(aten.nonzero.default, aten.masked_select.default, aten.equal.default),
    *(aten._local_scalar_dense.default, aten._unique2.default, aten.unique_consecutive.default),
    *(aten.repeat_interleave.Tensor, aten.bincount.default),
}
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}

READ, WAIT, SENT = "read", "wait", "sent"
"""A copy to the host that it can leave alone for a while; what it waits for; a copy to the device
that it does not wait for."""


class There(torch.Tensor):
    """A tensor on the device; ``held`` has its values."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> There:
        there = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=THERE,
        )
        there.held = held
        return there

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} of a tensor elsewhere, where nobody looks")


class Elsewhere(TorchDispatchMode):
    """Inside, the device is there; ``counts`` by kind, operation and line of the project."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.kernels = 0

    def __repr__(self) -> str:
        return f"{self.kernels} kernels and {dict(self.counts)}"

    def forget(self) -> None:
        self.counts.clear()
        self.kernels = 0

    def of(self, kind: str) -> int:
        return sum(number for (own, _), number in self.counts.items() if own == kind)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, given = kwargs or {}, []

        def held(x: Any) -> Any:
            if isinstance(x, torch.Tensor):
                given.append(x)
                return x.held if isinstance(x, There) else x
            return type(x)(map(held, x)) if isinstance(x, list | tuple) else x

        computed = [held(x) for x in args], {name: held(x) for name, x in kwargs.items()}
        mine = {id(tensor.held): tensor for tensor in given if isinstance(tensor, There)}
        wanted = kwargs.get("device")
        goes = bool(mine) if wanted is None else torch.device(wanted) == THERE
        if kind := self._kind(func, args, kwargs, given, bool(mine), goes):
            self.counts[kind, f"{func} {_where()}"] += 1
        self.kernels += bool(mine) and not kind
        if wanted is not None:
            computed[1]["device"] = HERE
        out = func(*computed[0], **computed[1])

        def back(x: Any) -> Any:
            if isinstance(x, torch.Tensor):
                return mine[id(x)] if id(x) in mine else There(x)
            return type(x)(map(back, x)) if isinstance(x, list | tuple) else x

        return back(out) if goes else out

    def _kind(
        self, func: Any, args: Any, kwargs: Any, given: list[Any], mine: bool, goes: bool
    ) -> str:
        """Of what passes between host and device, or waits; empty for what does neither."""
        strange = [t for t in given if not isinstance(t, There) and t.device == THERE]
        assert not strange, f"a tensor was made on the device from the host's values: {_where()}"
        here = [t for t in given if not isinstance(t, There)]
        if func is aten._to_copy.default and mine != goes:
            calm = kwargs.get("non_blocking", False)
            return (READ if mine else SENT) if calm else WAIT
        if func is aten.copy_.default and mine and here:
            return WAIT
        if (
            mine
            and func in INDEXED
            and any(t is not None and t.dtype == torch.bool for t in args[1])
        ):
            return WAIT
        if mine and func in BY_VALUES:
            return WAIT
        if mine and any(t.dim() for t in here):
            assert func in INDEXED, f"{func} of tensors here and there: {_where()}"
            return WAIT
        return ""


def _where() -> str:
    """The innermost lines of the project."""
    frames = [f for f in traceback.extract_stack() if "/torch/" not in f.filename]
    own = [f for f in frames if not f.filename.endswith(("elsewhere.py", "transfer.py"))]
    return " < ".join(f"{f.filename.rsplit('/', 2)[-1]}:{f.lineno}" for f in own[:-3:-1])
