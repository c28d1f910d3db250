"""What MixPath leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import option
from searchspaces.errors import UsageError


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
