"""RMSProp as TensorFlow defines it, with which MnasNet's successors were trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim import Optimizer


class TensorFlowRMSprop(Optimizer):
    """Differs from ``torch.optim.RMSprop`` in three ways that its hyper-parameters rely on.

    The mean of squared gradients begins with ones; ``eps`` is added to it under the root; the
    learning rate is inside the momentum: m ← ``momentum`` m + ``lr`` g / √(v + ``eps``).
    ``weight_decay`` adds to the gradient.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        eps: float = 1e-3,
        weight_decay: float = 0.0,
    ):
        defaults = {"lr": lr, "decay": decay, "momentum": momentum, "eps": eps}
        super().__init__(params, defaults | {"weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Parameters without a gradient stay as they are."""
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if not params:
                continue
            for param in params:
                if not self.state[param]:
                    self.state[param]["squares"] = torch.ones_like(param)
                    self.state[param]["momentum"] = torch.zeros_like(param)
            squares = [self.state[param]["squares"] for param in params]
            momenta = [self.state[param]["momentum"] for param in params]
            gradients = torch._foreach_add(
                [param.grad for param in params], params, alpha=group["weight_decay"]
            )
            torch._foreach_mul_(squares, group["decay"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["decay"])
            roots = torch._foreach_sqrt(torch._foreach_add(squares, group["eps"]))
            torch._foreach_mul_(momenta, group["momentum"])
            torch._foreach_addcdiv_(momenta, gradients, roots, group["lr"])
            torch._foreach_sub_(params, momenta)
