"""How long a training takes that a table only knows the accuracy of: an estimate, and called one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.tabular.table import Table
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Images:
    """Of one data set: how many are trained on, and how many validate."""

    training: int
    validation: int


# NAS-Bench-201's splits (Dong & Yang 2020, Section 2.2); CIFAR-10 as cifar10-valid.
IMAGES = {
    "cifar10": Images(25_000, 25_000),
    "cifar100": Images(50_000, 5_000),
    "imagenet16-120": Images(151_700, 3_000),
}


@dataclass(frozen=True)
class Timed:
    """What the official file of NAS-Bench-201 (v1.1) says of one architecture on cifar10-valid.

    ``training`` and ``validation``: seconds for one pass over 25,000 images, on one GTX 1080 Ti.
    ``millions``: multiply-adds for one image, in millions.
    """

    arch: str
    millions: float
    training: float
    validation: float


# `get_more_info` of the official API, as two projects print it. All other times are in a file of
# which no copy may travel with the package.
TIMED = (
    Timed(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        15.64737,
        7.221093,
        2.548979,
    ),
    Timed(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
        "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
        113.95137,
        10.848207,
        3.754199,
    ),
)


@dataclass(frozen=True, eq=False)
class Seconds:
    """Seconds of one training of each row of a table, validation included, float64 ``[rows]``.

    ``source`` says in one sentence where they are from.
    """

    each: np.ndarray
    source: str

    @classmethod
    def estimated(cls, table: Table, epochs: int) -> Seconds:
        """``epochs`` passes over the training images and one over the validation images.

        A pass costs, for each image, a constant and an amount per multiply-add: the line through
        the two architectures :data:`TIMED`. Raises :class:`UsageError` for a table that nobody
        has published any times of.
        """
        meta = table.meta
        known = meta.space == "nb201" and meta.scale == "benchmark" and meta.task in IMAGES
        if not known or table.madds is None:
            raise UsageError(
                f"the table {meta.name} does not know how long a training takes, and there is no "
                "estimate but of NAS-Bench-201 on "
                f"{', '.join(IMAGES)}; give --queries instead of --budget-seconds."
            )
        images = IMAGES[meta.task]
        millions = table.madds / 1e6
        training = epochs * images.training * _per_image(millions, "training")
        each = training + images.validation * _per_image(millions, "validation")
        return cls(
            each,
            f"Seconds are ESTIMATED, since the published table has none: {epochs} passes over "
            f"{images.training:,} images and one over {images.validation:,} for validation, each "
            "linear in multiply-adds through the two architectures whose times on a GTX 1080 Ti "
            f"are in print; on average {each.mean():.0f} a training.",
        )


def _per_image(millions: np.ndarray, kind: str) -> np.ndarray:
    """Seconds for one image of architectures with so many million multiply-adds."""
    low, high = TIMED
    slope = (getattr(high, kind) - getattr(low, kind)) / (high.millions - low.millions)
    return (getattr(low, kind) + slope * (millions - low.millions)) / IMAGES["cifar10"].training
