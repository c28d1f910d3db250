"""PA&DA: paths and data sampled by their gradients (Lu et al., CVPR 2023, arXiv:2302.14772).

What has large gradients is trained more often, which lowers the variance of a step's gradient. An
operator is drawn at its site in proportion to the norm of its gradients in the last epoch, an image in
proportion to an upper bound of its: the distance of the predicted probabilities from its label. Both are
mixed with uniform sampling, whose share falls from 1 to 0 over the epochs.

As in the released code for NAS-Bench-201, but that it has one law of operators for all edges, where here
each site has its own, and that images seen twice in an epoch count by their mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.base import PATHS, Method, Setting
from methods.lazy import functional, torch
from methods.processes import divisible
from methods.search.drawn import allowed
from methods.transfer import Reading
from searchspaces.base import Path, choices

IMAGES = 74


@dataclass(frozen=True)
class PADAOptions:
    """There is nothing to choose: the shares follow from the number of epochs."""


class PADA(Method):
    """Operators without weights have no gradients; towards the end they are hardly drawn.

    ``laws``: by site the probabilities of its operators; ``rows``: the images of the epoch at hand.
    """

    Options = PADAOptions

    def __init__(self, setting: Setting, options: PADAOptions):
        super().__init__(setting, options)
        images, batch = len(self.data.train), setting.recipe.batch_size
        self.epoch_steps = images // min(batch, images)
        self.epochs = -(-setting.recipe.steps // self.epoch_steps)
        self.labels = torch.as_tensor(self.data.train.labels)
        self.numbered = self.data.labelled(np.arange(images))
        self.sizes = choices(self.space)
        self.laws = {site: np.full(size, 1 / size) for site, size in self.sizes.items()}
        self._draw(np.arange(images))
        self._forget()

    def _draw(self, rows: np.ndarray) -> None:
        self.rows, self.drawn = rows, self.numbered.selected(rows)

    def _forget(self) -> None:
        """Begin to measure: by site and operator, and the sum and the number for each image."""
        shape, device = (len(self.space.sites), max(self.sizes.values())), self.setting.device
        self.norms = torch.zeros(shape, device=device)
        self.distances = torch.zeros(2, len(self.labels), device=device)

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        recipe, (epoch, place) = self.setting.recipe, divmod(step, self.epoch_steps)
        if epoch and not place:
            self.renew(epoch)
        batch = self.drawn.train_batch(step, recipe.batch_size, self.setting.seed)
        x, numbers = self.processes.part(batch)
        y = self.labels[numbers]
        (path,) = self.sample_paths(self.rng(PATHS, step))
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.supernet(x, path)
        loss = functional.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)
        loss.backward()
        self.update(step)
        self.measure(path, distances(logits.detach(), y), batch[1])
        self.count(1, 1, len(batch[1]))
        return {"loss": self.processes.mean(loss.detach())}

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        def draw() -> Path:
            path = list(self.space.sample(rng))  # what is about wiring stays uniform
            for site, law in self.laws.items():
                path[site] = int(rng.choice(len(law), p=law))
            return tuple(path)

        return [allowed(self.space, draw)]

    def measure(self, path: Path, found: torch.Tensor, numbers: torch.Tensor) -> None:
        """The norms of clipped gradients, each halfway from the last; the distances of images."""
        for site, modules in self.supernet.chosen(path).items():
            parameters = (p for module in modules for p in module.parameters())
            norms = [p.grad.norm() for p in parameters if p.grad is not None]
            if norms:
                value = self.norms[site, path[site]]
                value.copy_((value + torch.stack(norms).sum()) / 2)
        found = self.processes.whole(found)
        self.distances.index_add_(1, numbers, torch.stack([found, torch.ones_like(found)]))

    def renew(self, epoch: int) -> None:
        """The laws of ``epoch``, by what the one before measured.

        Raises :class:`UsageError` where that is not finite.
        """
        share = (epoch - 1) / self.epochs
        norms = Reading(self.norms).finite("gradients")
        sums, seen = Reading(self.distances).finite("predictions")
        for site, size in self.sizes.items():
            self.laws[site] = mixed(norms[site, :size], share)
        law, number = mixed(sums / np.maximum(seen, 1), share), len(sums)
        self._draw(self.rng(IMAGES, epoch).choice(number, number, p=law))
        self._forget()

    # State ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        laws = {site: torch.from_numpy(law) for site, law in self.laws.items()}
        measured = {"norms": self.norms, "distances": self.distances}
        return super().state_dict() | measured | {"laws": laws, "rows": torch.from_numpy(self.rows)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.laws = {site: law.numpy() for site, law in state["laws"].items()}
        self.norms.copy_(state["norms"])
        self.distances.copy_(state["distances"])
        self._draw(state["rows"].numpy())


def distances(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """‖softmax(z) - onehot(y)‖ of each image ``[B]``: bounds its gradient up to a constant."""
    return (logits.softmax(-1) - functional.one_hot(labels, logits.shape[-1])).norm(dim=-1)


def mixed(values: np.ndarray, share: float) -> np.ndarray:
    """Probabilities in proportion to ``values`` by ``share``, else uniform; uniform if all are 0."""
    values, even = values.astype(float), np.full(len(values), 1 / len(values))
    return share * values / values.sum() + (1 - share) * even if values.any() else even
