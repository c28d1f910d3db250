"""RSPS: random search with parameter sharing (Li & Talwalkar, UAI 2019, arXiv:1902.07638).

Its supernet is SPOS's, one uniform path per batch, and may be the very same. What differs is the
search: architectures are drawn uniformly. Its authors look at 1,000 of them on one minibatch and
at the best few on all validation images; here all are scored on all of these, and they are as many
as other methods' evolutions ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methods.base import Method, Setting
from methods.search.drawn import Drawn
from methods.spos import SPOS, SPOSOptions


@dataclass(frozen=True)
class RSPSOptions:
    """There is nothing to choose."""


class RSPS(Method):
    """The base class's training, and a search that learns nothing."""

    Options = RSPSOptions

    def __init__(self, setting: Setting, options: RSPSOptions):
        super().__init__(setting, options)
        self.evolution = Drawn(self.space, setting.search, self.feasible, self.space.sample)

    @classmethod
    def training_identity(cls, options: RSPSOptions) -> dict[str, Any]:
        return SPOS.training_identity(SPOSOptions())
