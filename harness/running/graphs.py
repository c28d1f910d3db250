"""Operators as CUDA graphs: the host launches a copy and a replay instead of each kernel.

A graph is recorded once, forward and backward, and works in memory of its own: the input is copied
there, and there lie what it puts out and its gradients. These are lent. A graph is replayed only
while nobody holds anything that it gave before, neither a tensor nor a pass that may still go
back; otherwise the operator runs as it is, so that nothing in use is ever written over.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.modules.module import _has_any_global_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.dlpack import from_dlpack, to_dlpack

from searchspaces.errors import UsageError, first_line

LEAST = 3  # operations of a forward pass from which on a copy and a replay are fewer
MEMORY = torch.ops.aten.empty, torch.ops.aten.empty_like, torch.ops.aten.empty_strided
WARM = 3  # passes before one is recorded, as PyTorch advises
HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
KNOWN = "torch", "searchspaces"  # packages whose modules keep nothing that a graph would not see

made: Counter[str] = Counter()  # how many graphs this process has recorded, as "graphs"

Gradients = Sequence[torch.Tensor | None]
Replay = Callable[[], Any]
Record = Callable[
    [Callable[[], torch.Tensor], Callable[[], Gradients]],
    tuple[Replay, torch.Tensor, Replay, Gradients],
]
"""Given a pass forward and one back: what replays the one, its output, and the same of the other."""


def on_gpu(forward: Callable[[], torch.Tensor], backward: Callable[[], Gradients]) -> Any:
    """Record both passes as CUDA graphs: a :data:`Record`."""
    aside, present = torch.cuda.Stream(), torch.cuda.current_stream()
    aside.wait_stream(present)
    with torch.cuda.stream(aside):
        for _ in range(WARM):
            forward(), backward()
    present.wait_stream(aside)
    pool = torch.cuda.graph_pool_handle()
    there, back = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    apart = {"pool": pool, "capture_error_mode": "thread_local"}  # others may load images
    with torch.cuda.graph(there, **apart):
        output = forward()
    with torch.cuda.graph(back, **apart):
        gradients = backward()
    return there.replay, output, back.replay, gradients


class Graphed:
    """Is called in the place of ``part``: by a graph for inputs of ``batch`` images in training.

    Inputs of another number, passes without gradients, with hooks, with statistics frozen or with
    other weights, as ``functional_call`` has them, run the part as it is; so do parts that draw
    random numbers, those that are of few operations, and those of a user's own modules.
    """

    def __init__(self, part: nn.Module, batch: int, record: Record = on_gpu):
        self.part, self.batch, self.record = part, batch, record
        self.graphs: dict[Any, Graph | None] = {}
        self.modules = list(part.modules())
        known = all(type(m).__module__.partition(".")[0] in KNOWN for m in self.modules)
        self.possible = known and any(p.requires_grad for p in part.parameters())
        norms = [m for m in self.modules if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        self.norms = [(norm, norm.momentum) for norm in norms]
        self.held = [
            (of, name, tensor, tensor is not None and tensor.requires_grad)
            for m in self.modules
            for of in (m._parameters, m._buffers)
            for name, tensor in of.items()
        ]

    def __call__(self, x: torch.Tensor, *more: Any) -> torch.Tensor:
        if more or not self._usual(x):
            return self.part._call_impl(x, *more)
        device = x.device.type
        cast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        kind = x.shape, x.stride(), x.dtype, x.device, x.requires_grad, cast
        if kind not in self.graphs:
            self.graphs[kind] = self._recorded(x)
        graph = self.graphs[kind]
        if graph is None or graph.lent:
            return self.part._call_impl(x)
        return _Replayed.apply(graph, x, *graph.weights)

    def _usual(self, x: torch.Tensor) -> bool:
        return (
            self.possible
            and len(x) == self.batch
            and torch.is_grad_enabled()
            and all(m.training for m in self.modules)
            and not _has_any_global_hook()
            and not any(getattr(m, hooks) for m in self.modules for hooks in HOOKS)
            and all(n.track_running_stats and n.momentum == own for n, own in self.norms)
            and all(
                of.get(name) is tensor and (tensor is None or tensor.requires_grad == learns)
                for of, name, tensor, learns in self.held
            )
        )

    def _recorded(self, x: torch.Tensor) -> Graph | None:
        """For inputs like ``x``; None where it would not pay, and where random numbers are drawn."""
        with _unchanged(self.part, x.device) as draws:
            image = x.detach().clone()
            with _Operations() as seen:
                output = self.part._call_impl(image)
            if seen.number < LEAST or draws():
                return None
            try:
                graph = Graph(self.part, x, output, self.record)
            except RuntimeError as error:
                raise UsageError(
                    f"operators cannot be CUDA graphs here ({first_line(error)}); leave "
                    "--accelerate.graphs out."
                ) from error
        made["graphs"] += 1
        return graph


class Graph:
    """Both passes of ``part`` for inputs like ``x``, whose output is like ``output``."""

    def __init__(self, part: nn.Module, x: torch.Tensor, output: torch.Tensor, record: Record):
        self.weights = tuple(p for p in part.parameters() if p.requires_grad)
        self._x = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)
        self._x.requires_grad_(x.requires_grad)
        self._gradient = torch.zeros_like(output, requires_grad=False)
        wanted = (self._x, *self.weights) if x.requires_grad else self.weights
        live: list[torch.Tensor] = []

        def forward() -> torch.Tensor:
            with torch.enable_grad():
                live[:] = [part._call_impl(self._x)]
            return live[0].detach()

        def backward() -> Gradients:
            return torch.autograd.grad(live.pop(), wanted, self._gradient, allow_unused=True)

        with torch.no_grad():
            self._x.copy_(x)
        self._there, self._output, self._back, gradients = record(forward, backward)
        self._gradients = gradients if x.requires_grad else (None, *gradients)
        self._pass: Callable[[], Any] = lambda: None
        self._loans: list[StorageWeakRef] = []
        self._went_back = False

    @property
    def lent(self) -> bool:
        """Whether anybody holds something of the last pass, or the pass itself."""
        return self._pass() is not None or not all(loan.expired() for loan in self._loans)

    def forward(self, x: torch.Tensor, own: Any) -> torch.Tensor:
        """What the part makes of ``x``, until ``own``, the pass, is gone."""
        self._x.copy_(x)
        self._there()
        self._pass, self._loans, self._went_back = weakref.ref(own), [], False
        return self._lend(self._output)

    def backward(self, gradient: torch.Tensor) -> Iterator[torch.Tensor | None]:
        """Gradients of input and weights; raises :class:`UsageError` the second time."""
        if self._went_back:
            raise UsageError(
                "a pass goes back twice, which no CUDA graph can; leave --accelerate.graphs out."
            )
        self._gradient.copy_(gradient)
        self._back()
        self._went_back = True
        for found in self._gradients:
            yield None if found is None else self._lend(found)

    def _lend(self, tensor: torch.Tensor) -> torch.Tensor:
        """The same memory as a tensor whose end can be seen, whatever views there are of it."""
        loan = from_dlpack(to_dlpack(tensor))
        self._loans.append(StorageWeakRef(loan.untyped_storage()))
        return loan


class _Replayed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graph: Graph, x: torch.Tensor, *weights: nn.Parameter) -> torch.Tensor:
        ctx.graph = graph
        return graph.forward(x, ctx)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return None, *ctx.graph.backward(gradient)


class _Operations(TorchDispatchMode):
    """Counts what is done inside, but for views and what only gives memory."""

    number = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.number += not (func.is_view or func.overloadpacket in MEMORY)
        return func(*args, **(kwargs or {}))


@contextmanager
def _unchanged(part: nn.Module, device: torch.device) -> Iterator[Callable[[], bool]]:
    """Give ``part`` its buffers back, and random streams their states; tells whether one drew."""
    kept = [(buffer, buffer.clone()) for buffer in part.buffers()]
    gpus = [device] if device.type == "cuda" else []

    def states() -> list[torch.Tensor]:
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state(gpu) for gpu in gpus)]

    with torch.random.fork_rng(gpus):
        before = states()
        try:
            yield lambda: not all(map(torch.equal, before, states()))
        finally:
            with torch.no_grad():
                for buffer, earlier in kept:
                    buffer.data.copy_(earlier)  # a pass that still has to go back saved it
