"""What all else that is asked of a space rests on: where it is broken, nothing else is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.conformance.architectures import in_range
from harness.conformance.findings import NotDue, nearly_overridden, told
from harness.conformance.returns import checked, shown
from harness.conformance.subjects import SpaceSubject, seeded
from searchspaces.base import Arch, Cost, SearchSpace, Site, unchoosable
from searchspaces.errors import UsageError, first_line
from searchspaces.supernet import Supernet


def it_can_be_made(subject: SpaceSubject) -> Iterator[str]:
    make: Any = subject.make
    try:
        sites = make(subject.scale, 0, 0).sites
    except UsageError:
        raise
    except Exception as error:
        yield f"made by scale, width and cells, as the harness makes it, it fails: {told(error)}"
        return
    if not isinstance(sites, list | tuple) or not all(isinstance(site, Site) for site in sites):
        yield f"its sites are {shown(sites)}; a tuple of Site(name, operators) is due."
        return
    yield from unchoosable(subject.name, sites)
    for site in sites:
        if len(set(site.operators)) < len(site.operators):
            yield f"{site.name} has an operator twice: {', '.join(site.operators)}."


def its_functions_give_what_is_due(subject: SpaceSubject) -> Iterator[str]:
    """Each is called once: what is wrong with some architectures only is for other checks."""
    space, image, rng = subject.space, subject.image, np.random.default_rng(0)
    arch = _called(space, "sample", rng)
    valid = _called(space, "is_valid", arch)
    for name, given in {
        "encode": (arch,),
        "canonical": (arch,),
        "describe": (arch,),
        "cost": (arch, image),
        "supernet": (image,),
        "standalone": (arch, image),
    }.items():
        if valid or name in ("encode", "supernet"):
            try:
                _called(space, name, *given)
            except (NotDue, UsageError) as error:
                yield str(error)
                if name == "encode":  # others encode too
                    return


def operators_of_a_site_give_one_shape(subject: SpaceSubject) -> Iterator[str]:
    """Along the path of the first architecture."""
    space, image, (x, _) = subject.space, subject.image, subject.batch
    for arch in subject.archs[:1]:

        def hook(number: int, operators: Any, y: Any, arch: Arch = arch) -> Any:
            site = space.sites[number]
            shapes: dict[str, list[str]] = {}
            for name, operator in zip(site.operators, operators, strict=False):
                shapes.setdefault(_shape_of(operator, name, site, y), []).append(name)
            if len(shapes) > 1:
                each = ", ".join(
                    f"{shape} of {', '.join(names)}" for shape, names in shapes.items()
                )
                raise NotDue(
                    f"operators of {site.name} give other shapes than each other of what is "
                    f"{list(y.shape)}: {each}."
                )
            return operators[arch[number]](y)

        supernet = seeded(0, space.supernet, image)
        try:
            supernet.features(x, arch, hook)
        except (NotDue, UsageError):
            raise
        except Exception as error:
            yield f"images {list(x.shape)} do not pass along {space.encode(arch)}: {told(error)}"


def _shape_of(operator: Any, name: str, site: Site, y: Any) -> str:
    try:
        return str(list(operator(y).shape))
    except Exception as error:
        raise NotDue(
            f"operator {name} of {site.name} fails on what is {list(y.shape)}: {first_line(error)}."
        ) from None


def _called(space: SearchSpace, name: str, *given: Any) -> Any:
    """What a function of ``space`` gives; raises :class:`NotDue` where that is not what is due."""
    try:
        return checked(space, name, *DUE[name])(*given)
    except (NotDue, UsageError):
        raise
    except Exception as error:
        raise NotDue(f"{name} fails: {told(error)}") from error


# What is due where a value is something else, with its verb; empty where it is right -----------


def _arch(space: SearchSpace, value: Any, *given: Any) -> str:
    fine = type(value) is tuple and in_range(space, value)
    return "" if fine else "a tuple with an int, the number of an operator, of each site is"


def _of(kind: type, due: str) -> Callable[..., str]:
    return lambda space, value, *given: "" if isinstance(value, kind) else f"{due} is"


def _lines(space: SearchSpace, value: Any, *given: Any) -> str:
    fine = isinstance(value, list | tuple) and all(isinstance(line, str) for line in value)
    return "" if fine else "a list of strings is"


def _cost(space: SearchSpace, value: Any, *given: Any) -> str:
    fine = isinstance(value, Cost) and type(value.params) is type(value.madds) is int
    return "" if fine else "a Cost(params, madds) of two ints is"


DUE: dict[str, tuple[str, Callable[..., str]]] = {
    "sample": ("rng", _arch),
    "is_valid": ("arch", _of(bool, "True or False")),
    "encode": ("arch", _of(str, "a string")),
    "canonical": ("arch", _of(str, "a string, the same of isomorphic architectures,")),
    "describe": ("arch", _lines),
    "cost": ("arch, image", _cost),
    "supernet": ("image", _of(Supernet, "a Supernet")),
    "standalone": ("arch, image", _of(Supernet, "a Supernet")),
}


def what_it_means_to_override_it_does(subject: SpaceSubject) -> Iterator[str]:
    yield from nearly_overridden(type(subject.space))


BASIC_CHECKS = (
    it_can_be_made,
    what_it_means_to_override_it_does,
    its_functions_give_what_is_due,
    operators_of_a_site_give_one_shape,
)
