"""MixPath: several paths at once, with shadow batch normalisation (Chu et al., arXiv:2001.05887).

What a path is depends on the space. In chains, operators of one layer, whose outputs add up:
between one and ``paths`` are active while training, one is when scoring. In cells, the edges into
a node: every architecture has its own number, and the shadow BN follows it. Networks of the
tables have no such BN, so that it is the supernet's only.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np

from methods.base import Method
from methods.options import option
from searchspaces.base import Path
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet


@dataclass(frozen=True)
class MixPathOptions:
    """How many paths meet, and which sums share a BN."""

    paths: int = option(
        2,
        "largest number of operators active at a site of a chain; with 1, MixPath is SPOS there. "
        "In cells, paths are the edges into a node, and the cell decides",
    )
    shadow: str = option(
        "count",
        "shadow BN per number of active paths, or per subset of them",
        ("count", "subset"),
    )
    official_nb101_bug: bool = option(
        False,
        "as the released code runs nb101-mixpath: no BN, and a bias, where the paths meet",
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a number of paths below one."""
        if self.paths < 1:
            raise UsageError(f"--options.paths must be at least 1, not {self.paths}.")


class MixPath(Method):
    """One multi-path model per batch, everything else as :class:`Method` has it."""

    Options = MixPathOptions

    @classmethod
    def affine(cls, options: MixPathOptions) -> bool:
        """All BNs of the released scripts have scale and shift."""
        return True

    def build(self) -> Supernet:
        """Raises :class:`UsageError` for a space that cannot have shadow BN.

        And if the bug of the released code is asked for where that code is not.
        """
        from searchspaces.shadow_bn import ShadowBN

        options: MixPathOptions = self.options
        if "shadow" not in signature(self.space.supernet).parameters:
            raise UsageError(
                f"the supernet of {self.space.name} has no shadow BN, which MixPath needs; give "
                "its supernet() the argument shadow, or use another method."
            )
        if options.official_nb101_bug and self.space.name != "nb101-mixpath":
            raise UsageError(
                "--options.official-nb101-bug is about the space nb101-mixpath; leave it out for "
                f"{self.space.name}."
            )
        shadow = ShadowBN(options.shadow, options.paths, options.official_nb101_bug)
        if self.space.multipath and options.paths == 1:
            shadow = None
        return self.space.supernet(self.data.image, affine=self.setting.affine, shadow=shadow)

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """In chains, k uniform in 1 to ``paths``, then k operators of the site without repeats."""
        if not self.space.multipath:
            return [self.space.sample(rng)]
        path = []
        for site in self.space.sites:
            choices = len(site.operators)
            k = int(rng.integers(1, min(self.options.paths, choices) + 1))
            path.append(tuple(sorted(rng.choice(choices, k, replace=False).tolist())))
        return [tuple(path)]
