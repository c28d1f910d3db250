"""Options of DNA."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class DNAOptions:
    """The teacher, which is trained first, and how the stages learn from it."""

    teacher: str = option(
        "",
        "the teacher: an encoded architecture; the folder of a finished stand-alone training of "
        "the same space, whose weights are kept; 'best', the best of the ground truth by "
        "validation accuracy (knowledge that other methods do not have); empty, the costliest of "
        "100 random architectures",
    )
    teacher_share: float = option(
        0.25, "share of the steps that train the teacher; 0 for one that comes trained"
    )
    teacher_lr: float = option(0.1, "initial learning rate of the teacher, by SGD")
    optimizer: str = option(
        "sgd",
        "what trains the stages: SGD, as the supernets of other methods, or Adam, as the released "
        "code (betas 0.9 and 0.999, epsilon 1e-8)",
        ("sgd", "adam"),
    )
    # 1 where the released code has 0.4 (preset paper): its stages are six and its loss is the plain
    # squared error; here stages are two or three, and each has its loss by the spread of its goal.
    outer_lr_ratio: float = option(
        1.0,
        "initial learning rate of the first and the last stage, as a multiple of --train.lr, which "
        "is that of the others",
        added_later=True,
    )
    blocks: int = option(
        6000, "most blocks, of all stages, that an exhaustive search scores; evolution beyond"
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a share that leaves nothing to do, and the like."""
        if not 0 <= self.teacher_share < 1:
            raise UsageError(
                f"--options.teacher-share must be at least 0 and below 1, not {self.teacher_share}."
            )
        if not self.teacher_lr > 0:
            raise UsageError(f"--options.teacher-lr must be above 0, not {self.teacher_lr}.")
        if not self.outer_lr_ratio > 0:
            raise UsageError(
                f"--options.outer-lr-ratio must be above 0, not {self.outer_lr_ratio}."
            )
        if self.blocks < 0:
            raise UsageError(f"--options.blocks must be at least 0, not {self.blocks}.")
