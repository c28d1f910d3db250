"""Train a method's supernet: progress, history, checkpoints, and faster arithmetic on request.

bfloat16, compiled operators and cuDNN's BN, meant for GPUs, change results in their last bits, so
that they belong to a run's configuration; graphs are to give the same, and belong to it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from inspect import Parameter, signature
from types import FunctionType
from typing import Any

import torch
from torch import nn

from harness.config.config import Acceleration
from harness.files.progress import bar
from harness.resuming.resumable import check_finite
from harness.running.graphs import Graphed
from harness.running.watching import Watch
from methods.base import Method
from searchspaces.batchnorm import constant_affine
from searchspaces.errors import UsageError, first_line
from searchspaces.supernet import Supernet

VARIANTS = 64  # of a compiled part: with and without gradients, in each mode, of one or any batch
RECORD_EVERY = 50  # steps between two rows of history; one device synchronisation each


def train_supernet(
    method: Method,
    steps: int,
    start: int,
    history: list[dict[str, Any]],
    checkpoint: Callable[[int], None],
    every_seconds: float = 20.0,
    *,
    last: Callable[[], str] = lambda: "there is no checkpoint",
    watch: Watch | None = None,
) -> None:
    """Run steps ``start`` … ``steps - 1``; ``checkpoint(step)`` is called now and then.

    A row of ``history`` is the mean of what ``train_step`` returned over the last steps, or over
    those of them that returned it; ``watch`` adds rows of its own. Raises :class:`UsageError` when the loss is no longer finite, with what
    ``last`` tells of the last checkpoint.
    """
    working, aside = (watch.clock.on, watch.aside) if watch else (nullcontext, nullcontext)
    pending: list[dict[str, torch.Tensor]] = []
    saved = time.monotonic()
    with bar(steps, "train", "step", done=start) as progress, working():
        for step in range(start, steps):
            pending.append(method.train_step(step))
            with aside():
                method.snapshots.take(method.supernet, step + 1)
                if report := method.epoch_report(step):
                    history.append({"phase": "epoch", "step": step + 1, **report})
            if watch and (row := watch.row(method, step + 1)):
                history.append(row)
            progress.update()
            if (step + 1) % RECORD_EVERY and step + 1 != steps:
                continue
            row = _means(pending)
            pending.clear()
            remedy = "Lower --train.lr or set --train.clip"
            check_finite(row.values(), "the training loss", step + 1, last, remedy)
            history.append({"phase": "train", "step": step + 1, **row})
            progress.set_note(f"loss {row['loss']:.3f}")
            if time.monotonic() - saved > every_seconds:
                with aside():
                    checkpoint(step + 1)
                saved = time.monotonic()


def _means(rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, float]:
    """By name, of the steps that report it: not all do where weights learn alone for a time."""
    by_name: dict[str, list[torch.Tensor]] = {}
    for row in rows:
        for name, value in row.items():
            by_name.setdefault(name, []).append(value)
    return {name: torch.stack(values).mean().item() for name, values in by_name.items()}


def check_possible(
    choice: Acceleration, processes: int, device: torch.device, method: type[Method]
) -> None:
    """Raise :class:`UsageError` where operators cannot be what ``choice`` makes of them."""
    for name in ("compile", "graphs", "cudnn_norm") if not method.one_supernet else ():
        if getattr(choice, name):
            raise UsageError(
                f"{method.__name__} trains several supernets, of which the first alone would be "
                f"accelerated; leave --accelerate.{name.replace('_', '-')} out."
            )
    if processes > 1 and choice.compile:
        raise UsageError(
            "compiled operators see BN statistics of one process only; leave torchrun or "
            "--accelerate.compile out."
        )
    if processes > 1 and choice.graphs:
        raise UsageError(
            "CUDA graphs see BN statistics of one process only; leave torchrun or "
            "--accelerate.graphs out."
        )
    if choice.graphs and device.type != "cuda":
        raise UsageError(
            f"operators are CUDA graphs on a GPU only, and this run is on the device '{device}'; "
            "leave --accelerate.graphs out or give --device cuda."
        )


@contextmanager
def accelerated(method: Method, choice: Acceleration) -> Iterator[None]:
    """Inside, ``method.train_step`` is accelerated as chosen."""
    if choice == Acceleration():
        yield
        return
    step, own = method.train_step, "train_step" in vars(method)
    dtype = getattr(torch, choice.precision)

    def faster_step(number: int) -> dict[str, torch.Tensor]:
        # Without its cache: a step may change weights between its passes, as Cream's does.
        with torch.autocast(
            method.setting.device.type,
            torch.bfloat16,
            enabled=dtype != torch.float32,
            cache_enabled=False,
        ):
            return step(number)

    method.train_step = faster_step  # type: ignore[method-assign]
    try:
        with ExitStack() as stack:
            if choice.cudnn_norm:
                stack.enter_context(constant_affine(method.supernet))
            if choice.compile:
                stack.enter_context(compiled(method.supernet))
            if choice.graphs:
                batch = method.setting.recipe.batch_size
                stack.enter_context(replaced(method.supernet, partial(Graphed, batch=batch)))
            yield
    finally:
        del method.train_step
        if own:
            method.train_step = step  # type: ignore[method-assign]
        if choice.graphs:
            torch.cuda.empty_cache()  # what the graphs kept; what follows needs the memory


@contextmanager
def compiled(network: nn.Module, backend: str = "inductor") -> Iterator[None]:
    """Inside, each of ``network``'s largest parts that map one tensor to another is compiled.

    A path chooses among such parts, and equal ones, as the same operator of all cells of a stage,
    are compiled as one: few, however many paths and cells there are. The parts stay what they are:
    same class, same state. Raises :class:`UsageError` where there is nothing to compile with.
    """
    from torch._dynamo.exc import TorchDynamoException  # takes a second, and few runs compile

    kinds, calls = {}, {}

    def call(kind: int, part: nn.Module, x: torch.Tensor) -> torch.Tensor:
        own = kind, x.shape[1:]
        if own not in calls:
            calls[own] = _compile(backend)
        return calls[own](part, x)

    def own_call(part: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
        return partial(call, kinds.setdefault(kind_of(part), len(kinds)), part)

    try:
        with (
            replaced(network, own_call),
            torch._dynamo.config.patch(cache_size_limit=VARIANTS),
        ):
            yield
    except TorchDynamoException as error:
        raise UsageError(
            f"operators cannot be compiled here ({first_line(error)}); leave "
            "--accelerate.compile out."
        ) from error


@contextmanager
def replaced(network: nn.Module, call: Callable[[nn.Module], Callable[..., Any]]) -> Iterator[None]:
    """Inside, what ``call`` makes of each of :func:`maps` of ``network`` is called in its place."""
    parts = list(maps(network))
    for part in parts:
        part._compiled_call_impl = call(part)
    try:
        yield
    finally:
        for part in parts:
            part._compiled_call_impl = None


def maps(network: nn.Module) -> Iterator[nn.Module]:
    """The largest modules inside ``network`` whose forward has one argument without default.

    A supernet in it is none of them: its path may be left out, and yet chooses.
    """
    for part in network.children():
        needed = [p for p in signature(part.forward).parameters.values() if p.default is p.empty]
        one = len(needed) == 1 and needed[0].kind is not Parameter.VAR_POSITIONAL
        if one and not isinstance(part, Supernet):
            yield part
        else:
            yield from maps(part)


def kind_of(part: nn.Module) -> tuple[Any, ...]:
    """Equal for parts that are built alike, with tensors of the same shapes."""
    return repr(part), *((name, tuple(t.shape)) for name, t in part.state_dict().items())


def _compile(backend: str) -> Any:
    """A call of a part, compiled for one kind and size; from the second batch size on, for any."""

    def run(part: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return part.forward(x)

    # What is compiled is kept with the code and searched one by one: each call has its own.
    own = FunctionType(run.__code__.replace(), run.__globals__)
    return torch.compile(own, backend=backend)
