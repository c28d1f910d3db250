"""The weights of a network as plain tensors, with convolution and BN written out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Weights:
    """A copy of the state of ``network``, which passes in training mode change as they should.

    ``used`` collects the names of all that was asked for.
    """

    def __init__(self, network: nn.Module):
        self.state = network.state_dict()  # of which a pass changes buffers only
        self.state |= {name: tensor.clone() for name, tensor in network.named_buffers()}
        self.training = network.training
        self.used: set[str] = set()

    def get(self, name: str) -> Tensor:
        self.used.add(name)
        return self.state[name]

    def maybe(self, name: str) -> Tensor | None:
        return self.get(name) if name in self.state else None

    def conv(
        self,
        x: Tensor,
        name: str,
        kernel: int,
        stride: int = 1,
        *,
        dilation: int = 1,
        depthwise: bool = False,
        width: int | None = None,
    ) -> Tensor:
        """ "Same" padding; with the leading channels where the stored weights are wider."""
        weight, channels = self.get(f"{name}.weight"), x.shape[1]
        assert weight.shape[2:] == (kernel, kernel), name
        weight = weight[:channels] if depthwise else weight[:width, :channels]
        assert weight.shape[:2] == ((channels, 1) if depthwise else (len(weight), channels)), name
        padding, groups = dilation * (kernel - 1) // 2, channels if depthwise else 1
        bias = self.maybe(f"{name}.bias")
        return functional.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def bn(self, x: Tensor, name: str, momentum: float = 0.1) -> Tensor:
        """With the statistics of the batch in training, whose running ones follow by ``momentum``."""
        own = slice(x.shape[1])
        mean, var = (self.get(f"{name}.running_{kind}")[own] for kind in ("mean", "var"))
        if self.training:
            values = x.transpose(0, 1).flatten(1)
            known = values.mean(1), values.var(1, unbiased=False)
            mean.mul_(1 - momentum).add_(momentum * known[0])
            var.mul_(1 - momentum).add_(momentum * values.var(1, unbiased=True))
            mean, var = known
        y = (x - mean[:, None, None]) / torch.sqrt(var + 1e-5)[:, None, None]
        scale, shift = (self.maybe(f"{name}.{kind}") for kind in ("weight", "bias"))
        return y if scale is None else y * scale[own, None, None] + shift[own, None, None]

    def classify(self, x: Tensor) -> Tensor:
        """Logits from the mean of each channel of the maps ``x``."""
        logits = x.mean((2, 3)) @ self.get("classifier.weight").T
        bias = self.maybe("classifier.bias")
        return logits if bias is None else logits + bias


def average_pool(x: Tensor, stride: int = 1) -> Tensor:
    """The mean of those of 3x3 pixels that are in the image."""
    sums, pixels = (
        functional.avg_pool2d(y, 3, stride, 1, divisor_override=1) for y in (x, torch.ones_like(x))
    )
    return sums / pixels
