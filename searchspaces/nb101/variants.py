"""Sub-spaces of NAS-Bench-101 that other papers search: MixPath's, and 1Shot1's three.

Their architectures are labelled cells: several may be one class of the benchmark. Encoded, an
architecture is the names of its operators, in the order of its sites, joined by ``|``.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from searchspaces.base import Arch, Site
from searchspaces.errors import UsageError
from searchspaces.literals import check_operators
from searchspaces.nb101.cell import CONV1, GENE, GENES, INPUT, OPERATORS, OUTPUT, SHORT
from searchspaces.nb101.skeleton import Holding
from searchspaces.nb101.space import CellSpace

ALL = tuple(range(len(OPERATORS)))


class Labelled(CellSpace):
    """A sub-space each of whose sites is chosen for itself."""

    def encode(self, arch: Arch) -> str:
        return "|".join(site.operators[i] for site, i in zip(self.sites, arch, strict=True))

    def decode(self, text: str) -> Arch:
        names = text.split("|")
        if len(names) == len(self.sites):
            for site, name in zip(self.sites, names, strict=True):
                check_operators([name], site.operators, f"{site.name} of {self.name}")
            chosen = zip(self.sites, names, strict=True)
            arch = tuple(site.operators.index(name) for site, name in chosen)
            if self.is_valid(arch):
                return arch
        example = self.encode(tuple(len(site.operators) - 1 for site in self.sites))
        raise UsageError(
            f"'{text[:120]}' is not an architecture of {self.name}; write for instance '{example}'."
        )


class MixPathSpace(Labelled):
    """MixPath's sub-space (Chu et al.): up to four vertices beside each other, then a conv1x1.

    255 labelled cells in 34 classes. Every vertex has full width.
    """

    name = "nb101-mixpath"
    vertices, last = range(1, 5), 5
    sites = tuple(Site(f"vertex {slot}", ("none", *SHORT)) for slot in vertices)
    holding = Holding(
        {**dict.fromkeys(vertices, ALL), last: (CONV1,)}, tuple(vertices), optional=True
    )

    @property
    def size(self) -> int:
        return super().size - 1

    def genes(self, arch: Arch) -> Arch:
        genes = [0] * GENES
        for slot, operator in zip(self.vertices, arch, strict=True):
            if operator:
                genes[slot - 1] = operator - 1
                genes[GENE[INPUT, slot]] = genes[GENE[slot, self.last]] = 1
        genes[self.last - 1] = CONV1
        genes[GENE[self.last, OUTPUT]] = 1
        return tuple(genes)

    def sample(self, rng: np.random.Generator) -> Arch:
        """Uniform over the labelled cells."""
        while True:
            arch = super().sample(rng)
            if any(arch):
                return arch


class OneShot1Space(Labelled):
    """NAS-Bench-1Shot1 (Zela et al. 2020): ``parents`` fixes how many each vertex has.

    The last entry is the output's. Vertices that nothing uses are loose ends and drop out. The
    genes from ``topology`` on choose the parents. Sampling is uniform over the labelled cells.
    """

    parents: tuple[int, ...]

    def __init__(self, scale: str = "benchmark", width: int = 0, cells: int = 0):
        super().__init__(scale, width, cells)
        slots = range(1, len(self.parents))
        self.choices = [
            tuple(combinations(range(slot), count))
            for slot, count in enumerate(self.parents, start=1)
        ]
        vertices = [Site(f"vertex {slot}", SHORT) for slot in slots]
        wiring = [
            Site(f"parents of {slot}", tuple("".join(map(str, chosen)) for chosen in options))
            for slot, options in enumerate(self.choices, start=1)
            if len(options) > 1
        ]
        self.sites = (*vertices, *wiring)
        self.topology = range(len(vertices), len(self.sites))
        self.holding = Holding(dict.fromkeys(slots, ALL), (*slots, OUTPUT))

    def genes(self, arch: Arch) -> Arch:
        genes = [0] * GENES
        interior = len(self.parents) - 1
        genes[:interior] = arch[:interior]
        wiring = iter(arch[interior:])
        for slot, options in enumerate(self.choices, start=1):
            chosen = options[next(wiring)] if len(options) > 1 else options[0]
            for parent in chosen:
                genes[GENE[parent, slot if slot <= interior else OUTPUT]] = 1
        return tuple(genes)


class OneShot1Space1(OneShot1Space):
    """1Shot1's space 1 in NAS-Bench-101: 14,580 labelled cells in 2,685 classes."""

    name, parents = "nb101-1shot1-1", (1, 2, 2, 2, 2)


class OneShot1Space2(OneShot1Space):
    """1Shot1's space 2 in NAS-Bench-101: 29,160 labelled cells in 7,773 classes."""

    name, parents = "nb101-1shot1-2", (1, 1, 2, 2, 3)


class OneShot1Space3(OneShot1Space):
    """1Shot1's space 3 in NAS-Bench-101: 1,312,200 labelled cells in 55,854 classes."""

    name, parents = "nb101-1shot1-3", (1, 1, 1, 2, 2, 2)
