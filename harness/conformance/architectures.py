"""What a space promises about its strings and its architectures."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from harness.conformance.subjects import ARCHITECTURES, SpaceSubject
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

LONGEST = 1500  # characters of an error
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")  # digits that int takes and no encoding has


def it_is_made_as_the_harness_makes_it(subject: SpaceSubject) -> Iterator[str]:
    make: Any = subject.make
    space = subject.space
    if space.name != subject.name:
        yield f"it is registered as '{subject.name}' and its name is '{space.name}'."
    for scale in make.scales:
        if make(scale).scale != scale:
            yield f"made at scale '{scale}' it says that its scale is '{make(scale).scale}'."
    usual = make(space.scale, 0, 0)  # width and cells as the scale has them
    if usual.sites != space.sites:
        yield "width 0 and cells 0 change its sites; they stand for those of the scale."
    for arch in subject.archs:
        if usual.cost(arch, subject.image) != space.cost(arch, subject.image):
            yield f"width 0 and cells 0 change the cost of {space.encode(arch)}."


def enough_draws_are_valid(subject: SpaceSubject) -> Iterator[str]:
    if len(subject.archs) != ARCHITECTURES:
        yield (
            f"of {20 * ARCHITECTURES} draws only {len(subject.archs)} are different and valid; "
            f"{ARCHITECTURES} are needed to check the rest."
        )


def an_unknown_scale_is_refused(subject: SpaceSubject) -> Iterator[str]:
    try:
        subject.make("no-such-scale")
    except UsageError as error:
        yield from _unclear(subject, "the scale 'no-such-scale'", error)
    else:
        yield "it takes the scale 'no-such-scale'; an unknown one raises UsageError."


def it_travels_to_other_processes(subject: SpaceSubject) -> Iterator[str]:
    space = subject.space
    again = pickle.loads(pickle.dumps(space))
    if (again.name, again.scale, again.sites) != (space.name, space.scale, space.sites):
        yield "pickled and read again it has another name, scale or sites."
    for arch in subject.archs:
        if again.encode(arch) != space.encode(arch):
            yield f"pickled and read again it encodes {arch} otherwise."
        if again.cost(arch, subject.image) != space.cost(arch, subject.image):
            yield f"pickled and read again it gives {space.encode(arch)} another cost."


# Strings ------------------------------------------------------------------------------------


def strings_go_there_and_back(subject: SpaceSubject) -> Iterator[str]:
    space = subject.space
    for arch in filter(space.is_valid, _variations(space, seed=0)):
        text = space.encode(arch)
        if not text.isprintable():
            yield f"the string {text!r} has characters that do not print."
        if space.decode(text) != arch:
            yield f"{arch} is encoded as '{text}', which is decoded as {space.decode(text)}."
        elif space.canonical(space.decode(text)) != space.canonical(arch):
            yield f"the canonical key of {arch} changes from call to call."


def other_strings_are_refused(subject: SpaceSubject) -> Iterator[str]:
    space = subject.space
    for prefix in ("", "?"):
        others = ("", " ", "nonsense", "0" * 10_000, "9" * 30, *map(space.encode, subject.archs))
        for text in (f"{prefix}{other}?" for other in others):
            try:
                arch = space.decode(text)
            except UsageError as error:
                yield from _unclear(subject, f"'{text[:40]}'", error)
            else:
                yield f"'{text[:40]}' is decoded as {arch}; it is no architecture's string."


def distorted_strings_are_refused_or_understood(subject: SpaceSubject) -> Iterator[str]:
    space = subject.space
    for text in map(space.encode, subject.archs):
        for distorted in (text[:-1], text[1:], text * 2, text.translate(ARABIC), text.upper()):
            try:
                arch = space.decode(distorted)
            except UsageError:
                continue
            if not in_range(space, arch):
                yield f"'{distorted[:80]}' is decoded as {arch}, which no site has."
            elif space.decode(space.encode(arch)) != arch:
                yield f"'{distorted[:80]}' is decoded as {arch}, which is encoded otherwise."


def _unclear(subject: SpaceSubject, what: str, error: UsageError) -> Iterator[str]:
    """Unless it is one sentence about the space, by its name or the field's long one."""
    message = str(error)
    if subject.name.lower() not in message.lower().replace("nas-bench-", "nb"):
        yield f"the error for {what} does not name the space: {message[:80]}"
    if "\n" in message or len(message) >= LONGEST:
        yield f"the error for {what} is no single sentence: {message[:80]!r}"


# Architectures ------------------------------------------------------------------------------


def _variations(space: SearchSpace, seed: int, number: int = 8) -> list[Arch]:
    """Sampled architectures, and mutants, neighbours and children of the valid ones."""
    rng = np.random.default_rng(seed)
    made = [space.sample(rng) for _ in range(number)]
    for first, second in pairwise(list(filter(space.is_valid, made))):
        made += [space.mutate(first, rng, 0.3), space.neighbour(first, rng)]
        made += [space.crossover(first, second, rng)]
    return made


def in_range(space: SearchSpace, arch: Arch) -> bool:
    """Whether ``arch`` has an int for every site, that of one of its operators."""
    return len(arch) == len(space.sites) and all(
        type(gene) is int and 0 <= gene < len(site.operators)
        for gene, site in zip(arch, space.sites, strict=True)
    )


def draws_are_a_function_of_the_generator(subject: SpaceSubject) -> Iterator[str]:
    drawn = []
    for seed, elsewhere in ((0, 0), (0, 1), (1, 0)):
        random.seed(elsewhere)
        np.random.seed(elsewhere)
        torch.manual_seed(elsewhere)
        drawn.append(_variations(subject.space, seed))
    if drawn[0] != drawn[1]:
        yield "equal generators draw different architectures: something else has a part in it."
    if drawn[1] == drawn[2]:
        yield "generators with different seeds draw the same architectures."


def what_is_drawn_has_a_gene_for_every_site(subject: SpaceSubject) -> Iterator[str]:
    space = subject.space
    for arch in _variations(space, seed=1):
        if type(arch) is not tuple or not in_range(space, arch):
            yield f"it draws {arch!r}; a tuple with an int of each site's range is due."


def variation_changes_as_much_as_it_says(subject: SpaceSubject) -> Iterator[str]:
    space, rng = subject.space, np.random.default_rng(2)
    for arch in subject.archs:
        if space.neighbour(arch, rng) == arch:
            yield f"{arch} is its own neighbour; one gene of a neighbour differs."
        if space.mutate(arch, rng, rate=0.0) != arch:
            yield f"a mutation of {arch} at rate 0 changes it."
        if space.crossover(arch, arch, rng) != arch:
            yield f"a child of {arch} and itself is another."


def genes_that_no_site_has_are_not_valid(subject: SpaceSubject) -> Iterator[str]:
    space = subject.space
    for arch in subject.archs:
        wrong = [arch[:-1], (*arch, 0)]
        for place, site in enumerate(space.sites):
            for gene in (-1, len(site.operators)):
                wrong.append((*arch[:place], gene, *arch[place + 1 :]))
        for other in wrong:
            if space.is_valid(other):
                yield f"is_valid({other}) is True, with genes that no site has."


def canonical_keys_and_descriptions_tell_architectures_apart(
    subject: SpaceSubject,
) -> Iterator[str]:
    """As many descriptions as keys at the least: what differs is described differently."""
    space = subject.space
    valid = list(filter(space.is_valid, _variations(space, seed=3, number=30)))
    keys = {space.canonical(arch) for arch in valid}
    if len(keys) < 2:
        yield f"{len(valid)} architectures have the same canonical key {min(keys, default='')!r}."
    told = len({tuple(space.describe(arch)) for arch in valid})
    if told < len(keys):
        yield f"architectures of {len(keys)} canonical keys have only {told} descriptions."


def architectures_of_one_canonical_key_cost_the_same(subject: SpaceSubject) -> Iterator[str]:
    """Where no operator is "none" and no wiring is chosen: parts that idle may cost what they do."""
    space, first = subject.space, dict[str, Arch]()
    if hasattr(space, "topology") or any("none" in site.operators for site in space.sites):
        return
    for arch in filter(space.is_valid, _variations(space, seed=3, number=30)):
        other = first.setdefault(space.canonical(arch), arch)
        costs = [space.cost(one, subject.image) for one in (arch, other)]
        if costs[0] != costs[1]:
            yield (
                f"{space.encode(arch)} and {space.encode(other)} have the same canonical key, which "
                f"only isomorphic architectures share, and cost {costs[0].madds} and "
                f"{costs[1].madds} multiply-adds."
            )
            return


def representatives_compute_the_same(subject: SpaceSubject) -> Iterator[str]:
    """With equal weights where shapes are equal, so that it does not matter which part has which.

    A layer used twice is then told from two by how many weights the outputs depend on.
    """
    space, image = subject.space, subject.image
    if type(space).representative is SearchSpace.representative:
        return
    x = torch.randn(4, image.channels, image.size, image.size)
    for arch in filter(space.is_valid, _variations(space, seed=5, number=12)):
        first = space.representative(arch)
        if first == arch:
            continue
        if not space.is_valid(first) or space.representative(first) != first:
            yield f"representative({arch}) is {first}, which does not stand for itself."
            return
        outputs, used = [], []
        for one in (arch, first):
            network = space.standalone(one, image)
            for name, weight in network.named_parameters():
                if weight.dim() > 1:
                    generator = torch.Generator().manual_seed(0)
                    weight.data = torch.randn(weight.shape, generator=generator) / 9
                elif name.endswith("bias"):
                    weight.data.zero_()
            outputs.append(network.train()(x))
            used.append(_used(network, outputs[-1]))
        if not torch.allclose(*outputs, rtol=1e-3, atol=1e-4) or used[0] != used[1]:
            yield f"representative({arch}) is {first}, whose network computes something else."
            return


def _used(network: torch.nn.Module, output: torch.Tensor) -> list[torch.Size]:
    """Shapes of the weights that ``output`` depends on, sorted."""
    weights = [weight for weight in network.parameters() if weight.dim() > 1]
    if not weights:
        return []
    seen = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad((output * seen).sum(), weights, allow_unused=True)
    sizes = [0.0 if gradient is None else float(gradient.norm()) for gradient in found]
    least = 1e-6 * max(sizes, default=0.0)  # behind a BN of what is constant rounding is left
    return sorted(w.shape for w, size in zip(weights, sizes, strict=True) if size > least)


def size_is_no_less_than_what_is_found(subject: SpaceSubject) -> Iterator[str]:
    space, rng = subject.space, np.random.default_rng(4)
    if type(space.size) is not int:
        yield f"its size is {space.size!r}; an int is due."
    found = len({space.encode(space.sample(rng)) for _ in range(300)})
    if space.size < found:
        yield f"its size is {space.size}, and {found} encodings were drawn."


def description_names_every_site(subject: SpaceSubject) -> Iterator[str]:
    """Those that wire the network may go without, as may one that has no part in it."""
    space = subject.space
    wiring = getattr(space, "topology", ())
    for arch in subject.archs:
        lines = space.describe(arch)
        said = dict(line.split(": ", 1) for line in lines)
        if len(said) != len(lines):
            yield f"two lines of the description of {arch} are about the same site."
        for place, site in enumerate(space.sites):
            if place in wiring:
                continue
            operator = site.operators[arch[place]]
            told = [text for name, text in said.items() if f"{site.name} ".startswith(f"{name} ")]
            if told and operator not in told[0]:
                yield f"the description of {arch} says '{told[0]}' of {site.name}: {operator}."
            if not told and operator != "none" and not _means_nothing(space, arch, place):
                yield f"the description of {arch} leaves out {site.name}: {operator}."


def _means_nothing(space: SearchSpace, arch: Arch, place: int) -> bool:
    others = range(len(space.sites[place].operators))
    return {space.canonical((*arch[:place], gene, *arch[place + 1 :])) for gene in others} == {
        space.canonical(arch)
    }


ARCHITECTURE_CHECKS = (
    it_is_made_as_the_harness_makes_it,
    enough_draws_are_valid,
    an_unknown_scale_is_refused,
    it_travels_to_other_processes,
    strings_go_there_and_back,
    other_strings_are_refused,
    distorted_strings_are_refused_or_understood,
    draws_are_a_function_of_the_generator,
    what_is_drawn_has_a_gene_for_every_site,
    variation_changes_as_much_as_it_says,
    genes_that_no_site_has_are_not_valid,
    canonical_keys_and_descriptions_tell_architectures_apart,
    architectures_of_one_canonical_key_cost_the_same,
    representatives_compute_the_same,
    size_is_no_less_than_what_is_found,
    description_names_every_site,
)
