"""Searching a space whose stages are trained and scored each by itself."""

from __future__ import annotations

from itertools import islice
from typing import Any

from methods.base import Method, Setting
from methods.dna.blocks import Blocks
from searchspaces.base import Arch
from searchspaces.errors import UsageError

TRIES = 100_000


class BlockWise(Method):
    """Scores are minus the mean error of the stages, which ``blocks`` remembers.

    Options have ``blocks``, the most that an exhaustive search scores.
    """

    scores_images = False

    def __init__(self, setting: Setting, options: Any):
        super().__init__(setting, options)
        self.blocks = Blocks(self.space, self.supernet.stages_number)

    @property
    def exhaustive(self) -> bool:
        """Whether the search scores every block: where stages have sites of their own, few enough."""
        return self.blocks.apart and sum(self.blocks.numbers) <= self.options.blocks

    @property
    def search_epochs(self) -> int:
        return 1 if self.exhaustive else super().search_epochs

    def search_epoch(self, epoch: int) -> list[tuple[Arch, float]]:
        """Every block once, then the best combinations that are feasible; or a generation.

        Raises :class:`UsageError` where none of the best :data:`TRIES` combinations is feasible.
        """
        if not self.exhaustive:
            return super().search_epoch(epoch)
        self.score(list(self.blocks.all()))
        combined = filter(self.feasible, self.blocks.best_first(TRIES))
        best = list(islice(combined, self.setting.search.population))
        if not best:
            raise UsageError(
                f"none of the {TRIES:,} best combinations of blocks has "
                f"{self.setting.search.described()}; widen the limits, such as "
                "--search.max-madds, or set --options.blocks 0 for an evolution."
            )
        scored = [(arch, -self.blocks.error(arch)) for arch in best]
        self.evolution.tell(scored)
        return scored
