"""What DNA leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class DNAOptions:
    """The teacher, which is trained first."""

    teacher: str = option(
        "best",
        "architecture of the teacher, encoded; 'best': of the ground truth by validation accuracy "
        "(knowledge that other methods do not have); empty: the costliest of 100 random ones",
    )
    teacher_share: float = option(0.25, "share of the steps that train the teacher")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a share that leaves nothing to do."""
        if not 0 < self.teacher_share < 1:
            raise UsageError(
                f"--options.teacher-share must be between 0 and 1, not {self.teacher_share}."
            )
