"""Faster arithmetic for the training of a supernet, meant for GPUs: bfloat16, compiled operators.

Both change results in their last bits, so that they belong to a run's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from inspect import Parameter, signature
from types import FunctionType
from typing import Any

import torch
from torch import nn
from torch._dynamo.exc import TorchDynamoException

from harness.config.config import Acceleration
from methods.base import Method
from searchspaces.errors import UsageError, first_line


@contextmanager
def accelerated(method: Method, choice: Acceleration) -> Iterator[None]:
    """Inside, ``method.train_step`` is accelerated as chosen."""
    if choice == Acceleration():
        yield
        return
    step, own = method.train_step, "train_step" in vars(method)
    dtype = getattr(torch, choice.precision)

    def faster_step(number: int) -> dict[str, torch.Tensor]:
        with torch.autocast(
            method.setting.device.type, torch.bfloat16, enabled=dtype != torch.float32
        ):
            return step(number)

    method.train_step = faster_step  # type: ignore[method-assign]
    try:
        with ExitStack() as stack:
            if choice.compile:
                stack.enter_context(compiled(method.supernet))
            yield
    finally:
        del method.train_step
        if own:
            method.train_step = step  # type: ignore[method-assign]


@contextmanager
def compiled(network: nn.Module, backend: str = "inductor") -> Iterator[None]:
    """Inside, each of ``network``'s largest parts that map one tensor to another is compiled.

    A path chooses among such parts, so that however many paths there are each is compiled once
    for each shape of its input. The parts stay what they are: same class, same state. Raises
    :class:`UsageError` where there is nothing to compile with.
    """
    parts = list(maps(network))
    for part in parts:
        part._compiled_call_impl = _compile(part, backend)
    try:
        yield
    except TorchDynamoException as error:
        raise UsageError(
            f"operators cannot be compiled here ({first_line(error)}); leave "
            "--accelerate.compile out."
        ) from error
    finally:
        for part in parts:
            part._compiled_call_impl = None


def maps(network: nn.Module) -> Iterator[nn.Module]:
    """The largest modules inside ``network`` whose forward has one argument without default."""
    for part in network.children():
        needed = [p for p in signature(part.forward).parameters.values() if p.default is p.empty]
        if len(needed) == 1 and needed[0].kind is not Parameter.VAR_POSITIONAL:
            yield part
        else:
            yield from maps(part)


def _compile(part: nn.Module, backend: str) -> Any:
    def run(x: torch.Tensor) -> torch.Tensor:
        return part.forward(x)

    # What is compiled is kept with the code and searched one by one: each part gets its own.
    own = FunctionType(run.__code__.replace(), run.__globals__, None, None, run.__closure__)
    return torch.compile(own, backend=backend, dynamic=False)
