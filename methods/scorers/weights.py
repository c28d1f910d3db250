"""The weights of the networks that scorers look at, and how they are drawn."""

from __future__ import annotations

from methods.lazy import torch


def initialise(network: torch.nn.Module, how: str) -> None:
    """Draw the weights of all convolutions and linear layers anew, unless ``how`` is default.

    Biases are then zero, and BNs scale by 1 and shift by 0. ``kaiming`` has variance 2 / fan-in
    (He et al. 2015), ``xavier`` 2 / (fan-in + fan-out) (Glorot and Bengio 2010), ``normal`` 1.
    """
    if how == "default":
        return
    init = torch.nn.init
    draw = {
        "kaiming": lambda weight: init.kaiming_normal_(weight, nonlinearity="relu"),
        "xavier": init.xavier_normal_,
        "normal": init.normal_,
    }[how]
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            draw(parameter)
        elif name.endswith("bias"):
            init.zeros_(parameter)
        else:
            init.ones_(parameter)


def weights(network: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The weights of the convolutions and linear layers of ``network``."""
    return [parameter for parameter in network.parameters() if parameter.dim() > 1]
