"""MixPath: several paths at once, with shadow batch normalisation (Chu et al., arXiv:2001.05887).

What a path is depends on the space. In chains, operators of one layer, whose outputs add up:
between one and ``paths`` are active while training, one is when scoring. In cells, the edges into
a node: every architecture has its own number, and the shadow BN follows it. Networks of the
tables have no such BN, so that it is the supernet's only.
"""

from __future__ import annotations

from inspect import signature

import numpy as np

from methods.base import Method
from methods.mixpath_options import MixPathOptions
from searchspaces.base import Path
from searchspaces.errors import UsageError
from searchspaces.shadow import Shadow
from searchspaces.supernet import Supernet


class MixPath(Method):
    """One multi-path model per batch, everything else as :class:`Method` has it."""

    Options = MixPathOptions

    def build(self) -> Supernet:
        """Raises :class:`UsageError` for a space that cannot have shadow BN.

        And if the bug of the released code is asked for where that code is not.
        """
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
        shadow = Shadow(options.shadow, options.paths, options.official_nb101_bug)
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
