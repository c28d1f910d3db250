"""What every search space offers: architectures, their cost, a supernet, stand-alone networks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from searchspaces.architecture import Arch, Cost, ImageSpec, Path, Site
from searchspaces.climbing import climb
from searchspaces.diagram import Block, Chain, Diagram, Stage
from searchspaces.errors import UsageError
from searchspaces.overriding import check_overridden
from searchspaces.relaxation import Relaxation

if TYPE_CHECKING:
    from searchspaces.shadow_bn import ShadowBN
    from searchspaces.supernet import Supernet

_TRIES = 10_000  # draws, of which some are valid

__all__ = ["Arch", "Cost", "ImageSpec", "Path", "SearchSpace", "Site", "choices"]


class SearchSpace(ABC):
    """A set of architectures at a named ``scale`` (widths and depths of the networks built).

    ``multipath``: whether a path may activate several operators of a site, whose outputs add up.
    """

    name: str
    scale: str
    scales: tuple[str, ...]
    sites: tuple[Site, ...]
    multipath = False

    def __init_subclass__(cls) -> None:
        """Raises :class:`UsageError` where a property is overridden as none."""
        super().__init_subclass__()
        check_overridden(cls)

    @property
    def size(self) -> int:
        """Number of encodings."""
        return math.prod(len(site.operators) for site in self.sites)

    def sample(self, rng: np.random.Generator) -> Arch:
        """One architecture, each site uniform and independent.

        Raises :class:`UsageError` where a site has no operator.
        """
        try:
            return tuple(int(rng.integers(len(site.operators))) for site in self.sites)
        except ValueError:
            raise UsageError(next(unchoosable(self.name, self.sites))) from None

    def mutate(self, arch: Arch, rng: np.random.Generator, rate: float = 0.1) -> Arch:
        """Resample each gene with probability ``rate``; it may draw its old value (SPOS)."""
        fresh, hit = self.sample(rng), rng.random(len(self.sites)) < rate
        return tuple(f if h else a for a, f, h in zip(arch, fresh, hit, strict=True))

    def neighbour(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """The same architecture with exactly one gene changed (MNGNAS eq. 21).

        Raises :class:`UsageError` where there is no other architecture.
        """
        several = [n for n, site in enumerate(self.sites) if len(site.operators) > 1]
        if not several:
            raise UsageError(next(unchoosable(self.name, self.sites)))
        site = several[int(rng.integers(len(several)))]
        other = int(rng.integers(len(self.sites[site].operators) - 1))
        return (*arch[:site], other + (other >= arch[site]), *arch[site + 1 :])

    def crossover(self, first: Arch, second: Arch, rng: np.random.Generator) -> Arch:
        """Each gene from either parent with probability one half."""
        pick = rng.random(len(first)) < 0.5
        return tuple(a if p else b for a, b, p in zip(first, second, pick, strict=True))

    @abstractmethod
    def is_valid(self, arch: Arch) -> bool:
        """Whether ``arch`` is a point of the space and joins input to output."""

    @abstractmethod
    def canonical(self, arch: Arch) -> str:
        """The isomorphism key under which the field de-duplicates architectures."""

    def canonical_keys(self, texts: Sequence[str]) -> Sequence[Hashable]:
        """A key per encoded architecture, equal where :meth:`canonical` is.

        A space with many architectures may know a faster way. Raises :class:`UsageError` as
        :meth:`decode` does.
        """
        return [self.canonical(self.decode(text)) for text in texts]

    def representative(self, arch: Arch) -> Arch:
        """The one that stands for all whose networks compute the same as initialised.

        It is one of them, and its own; by default ``arch``.
        """
        return arch

    @abstractmethod
    def encode(self, arch: Arch) -> str:
        """The field's own string for ``arch``."""

    @abstractmethod
    def decode(self, text: str) -> Arch:
        """Inverse of :meth:`encode`; raises :class:`UsageError` for anything else."""

    def read(self, written: Any) -> Arch:
        """The architecture that ``written``, text or nested lists, is in a writing of the field.

        A space with other writings than its own knows them. Raises :class:`UsageError` as
        :meth:`decode` does, and :class:`AmbiguousWriting` where codes differ in what it means.
        """
        return self.decode(str(written).strip())

    @abstractmethod
    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        """Parameters and multiply-adds of the stand-alone network on one image."""

    def extremes(self, image: ImageSpec, starts: int = 4) -> tuple[Arch, Arch]:
        """The smallest and the largest architecture: by multiply-adds, then by parameters.

        Both are valid; costs are those of stand-alone networks on such images, and of equal ones
        it is always the same. Here they are found from ``starts`` random architectures by changing
        a gene at a time, which is exact where every gene has a cost of its own. A space whose
        genes cost together, or whose small architectures are not valid, knows better. Raises
        :class:`UsageError` where next to nothing that is drawn is valid.
        """
        rng, sizes = np.random.default_rng(0), [len(site.operators) for site in self.sites]
        drawn = (self.sample(rng) for _ in range(_TRIES))
        begun = list(islice(filter(self.is_valid, drawn), starts))
        if not begun:
            raise UsageError(
                f"of {_TRIES:,} architectures of {self.name} none is valid: its extremes() has to "
                "say which are the smallest and the largest."
            )

        def order(sign: int) -> Callable[[Arch], tuple[Any, ...]]:
            def key(arch: Arch) -> tuple[Any, ...]:
                cost = self.cost(arch, image)
                return sign * cost.madds, sign * cost.params, arch

            return key

        smallest, largest = (climb(begun, sizes, order(s), self.is_valid) for s in (1, -1))
        return smallest, largest

    @abstractmethod
    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: ShadowBN | None = None
    ) -> Supernet:
        """A freshly initialised supernet.

        ``affine`` gives its choice-block BNs scale and shift; ``shadow`` adds MixPath's BNs where
        paths add up. Raises :class:`UsageError` for a ``shadow`` that the space cannot have.
        """

    @abstractmethod
    def standalone(self, arch: Arch, image: ImageSpec) -> Supernet:
        """A freshly initialised stand-alone network for ``arch``: call it without a path."""

    def relaxation(self) -> Relaxation:
        """How gradient-based methods see the supernet.

        Raises :class:`UsageError` where a wiring is chosen, unless a space knows how to mix that.
        """
        if hasattr(self, "topology"):
            raise UsageError(
                f"architectures of {self.name} also choose a wiring, and its supernet cannot run "
                "all wirings at once, as methods that mix operators must; use another method there."
            )
        return Relaxation(self.sites)

    def shallower(self, share: float) -> tuple[SearchSpace, float]:
        """The space with networks of about ``share`` of the cells, and what share they have.

        Unless a space knows better its depth cannot vary, and is all.
        """
        return self, 1.0

    def stage_sites(self) -> Sequence[Sequence[int]] | None:
        """The sites that each stage of the networks reads; None where every stage reads all."""
        return None

    def routes(self, arch: Arch) -> Sequence[int]:
        """Ways from the input of a cell to its output through the operator of each site.

        One each, but where a space knows how its operators follow each other.
        """
        return [1] * len(self.sites)

    def active_sites(self, arch: Arch) -> Sequence[int]:
        """Sites whose operator the stand-alone network runs: all, unless a space knows better."""
        return range(len(self.sites))

    def describe(self, arch: Arch) -> Sequence[str]:
        """One ``site: operator`` line per choice site."""
        return [f"{s.name}: {s.operators[i]}" for s, i in zip(self.sites, arch, strict=True)]

    def diagrams(self, arch: Arch) -> list[Diagram]:
        """What to draw of ``arch``: unless a space knows better, a row of one block per site."""
        blocks = (Block(s.operators[i]) for s, i in zip(self.sites, arch, strict=True))
        return [Chain("", (Stage("", tuple(blocks)),))]


def unchoosable(name: str, sites: Sequence[Site]) -> Iterator[str]:
    """A sentence for whatever of the ``sites`` of the space ``name`` leaves nothing to choose from."""
    for site in sites:
        if not site.operators:
            yield (
                f"{site.name} of {name} has no operator, as none is given or none fits there; give "
                "it one at least."
            )
    if not any(len(site.operators) > 1 for site in sites):
        yield (
            f"{name} is one architecture alone, as no site of it has a second operator; give one "
            "two operators or more."
        )


def choices(space: SearchSpace) -> dict[int, int]:
    """How many operators each site has that is not about wiring: none of a ``topology``."""
    wiring = getattr(space, "topology", range(0))
    return {s: len(site.operators) for s, site in enumerate(space.sites) if s not in wiring}
