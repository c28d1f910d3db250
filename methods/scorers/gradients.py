"""Scores from the gradient of the loss in the weights: grad_norm, SNIP, GraSP, Fisher, and L2.

As scores of whole networks, sums over all convolutions and linear layers, they were proposed by
Abdelfattah et al. (2021), "Zero-cost proxies for lightweight NAS", whose released code has one
batch of 64 training images, PyTorch's initial weights and BNs in training mode. The loss is the
mean cross-entropy of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from methods.lazy import functional, torch
from methods.scorers.scorer import NOTHING, Scorer
from methods.scorers.weights import weights

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet


def gradients(
    network: Supernet, images: torch.Tensor, labels: torch.Tensor, *, again: bool = False
) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Each weight that the loss depends on, with the gradient of the loss in it.

    ``again``: the gradients can be differentiated.
    """
    loss = functional.cross_entropy(network(images), labels)
    own = weights(network)
    found = torch.autograd.grad(loss, own, create_graph=again, allow_unused=True)
    return [pair for pair in zip(own, found, strict=True) if pair[1] is not None]


def total(terms: Sequence[torch.Tensor]) -> float:
    """The sum of scalars in float64."""
    return float(torch.stack([term.double() for term in terms]).sum()) if terms else 0.0


class GradNorm(Scorer):
    """Σ over layers of ‖∂L/∂w‖₂ (Abdelfattah et al. 2021, section 3.1)."""

    lowest = 0.0
    of_function = True

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        return total([gradient.norm() for _, gradient in gradients(network, images, labels)])


class Snip(Scorer):
    """Σ |w · ∂L/∂w|: what removing each weight would do to the loss.

    Lee et al. (2019), "SNIP", eq. 6, not normalised; summed by Abdelfattah et al. (2021).
    """

    lowest = 0.0
    of_function = True

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        pairs = gradients(network, images, labels)
        return total([(weight.detach() * gradient).abs().sum() for weight, gradient in pairs])


class Grasp(Scorer):
    """-Σ w · (H g): how little removing weights would reduce the flow of gradients.

    Wang et al. (2020), "GraSP", eq. 8: H is the Hessian of the loss in the weights, g its
    gradient. The sign is that of the released code of Abdelfattah et al. (2021); temperature 1.
    """

    of_function = True

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        pairs = gradients(network, images, labels, again=True)
        own, first = zip(*pairs, strict=True)
        product = sum((g.detach() * g).sum() for g in first)
        second = torch.autograd.grad(product, own, allow_unused=True)
        # Back through one forward and one backward; the hook at the logits has counted one.
        self.count_passes(0, 2 * len(images))
        terms = zip(own, second, strict=True)
        return -total([(weight.detach() * h).sum() for weight, h in terms if h is not None])


class Fisher(Scorer):
    """Σ over channels of ½ mean over images of (Σ over pixels of a · ∂L/∂a)².

    Theis et al. (2018), "Faster gaze prediction with dense networks and Fisher pruning", eq. 4,
    of the output ``a`` of each convolution and linear layer; as a score of networks Turner et al.
    (2020), "BlockSwap". ∂L/∂a is of the mean loss of the batch, as in the code of Abdelfattah et
    al. (2021), which is 1 / images of that of an image's own.
    """

    lowest = 0.0
    of_function = True

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        from methods.scorers.watching import LAYERS, Watching

        outputs: list[torch.Tensor] = []
        with Watching(LAYERS, lambda given, output: outputs.append(output)):
            loss = functional.cross_entropy(network(images), labels)
        found = torch.autograd.grad(loss, outputs, allow_unused=True)
        pairs = zip(outputs, found, strict=True)
        return total([_saliency(a.detach(), g) for a, g in pairs if g is not None])


def _saliency(activation: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Of activations ``[B, C]`` or ``[B, C, H, W]``."""
    per_channel = (activation * gradient).flatten(1).unflatten(1, (activation.shape[1], -1)).sum(2)
    return per_channel.square().mean(0).sum() / 2


class L2(Scorer):
    """Σ over layers of ‖w‖₂ of the initial weights, without looking at images.

    The baseline ``l2_norm`` of NAS-Bench-Suite-Zero (Krishnakumar et al. 2022).
    """

    lowest = 0.0
    sees = NOTHING

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        return total([weight.detach().norm() for weight in weights(network)])
