"""Measure a sample of a space's stand-alone networks, fit the sum of operators, write the file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.environment import (
    describe_device,
    processor,
    threads,
    use_device,
    versions,
)
from harness.files.progress import bar
from harness.files.store import append_line, held, read_lines
from harness.latency import timing
from harness.latency.additive import FOLDS, AdditiveModel, Networks, errors, held_out, terms
from harness.latency.table import KIND, SCHEMA_VERSION, LatencyTable
from harness.metrics.metrics import kendall_tau
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.errors import UsageError

SAMPLE_SEED = 2029
PER_TERM = 3  # networks for each term of the sum, unless a number is given

Make = Callable[..., timing.Call]


@dataclass(frozen=True)
class Measuring:
    """What is measured and how: everything a file depends on but the machine.

    ``count`` networks (0: :data:`PER_TERM` for each term) get ``repeats`` timed passes, after
    ``warm_up`` others, in each of ``rounds``.
    """

    task: str
    batch: int = 1
    dtype: str = "float32"
    threads: int = 1
    count: int = 0
    warm_up: int = 5
    repeats: int = 20
    rounds: int = 2


def measure(
    space: SearchSpace,
    image: ImageSpec,
    how: Measuring,
    output: Path,
    device: str = "auto",
    *,
    again: bool = False,
    make: Make = timing.network_call,
    clock: timing.Clock = time.perf_counter,
) -> LatencyTable:
    """Measure, or go on measuring, and save the file ``output``; or find it there, unless ``again``.

    What is measured is appended to ``output`` + ``.progress``, a line for each network and round,
    so that the same call goes on after a kill. ``make`` gives the call that is timed. Raises
    :class:`UsageError` for too few networks to tell operators apart, for a file of another
    measuring, for one that another process measures, and for a device that is not there.
    """
    chosen = use_device(device)
    archs = sampled(space, how.count)
    with threads(how.threads):
        identity = _identity(space, image, how, chosen, len(archs))
        with held(output.with_name(f".{output.name}.lock"), f"measures for {output}", "--output"):
            if output.exists() and not again:
                return _found(output, identity)
            log = Path(f"{output}.progress")
            done = _read_log(log, identity)
            turns = [turn for turn in _turns(archs, how.rounds) if _key(space, *turn) not in done]
            total, wait, steady = len(archs) * how.rounds, timing.waiting(chosen), None
            with bar(total, "measure", "network", total - len(turns)) as progress:
                for number, arch in turns:
                    steady = steady or timing.reference(chosen)
                    call = make(space, arch, image, how.batch, how.dtype, chosen)
                    of_reference = timing.timed(steady, wait, 1, timing.CALLS, clock)
                    ms = timing.timed(call, wait, how.warm_up, how.repeats, clock)
                    line = {"reference": float(np.median(of_reference)), "ms": ms.tolist()}
                    key = _key(space, number, arch)
                    done[key] = line
                    append_line(log, {"round": key[0], "arch": key[1], **line})
                    progress.update()
            table = LatencyTable(output, _content(space, image, archs, how, done, identity))
            table.save()
            log.unlink(missing_ok=True)
    return table


def sampled(space: SearchSpace, count: int) -> list[Arch]:
    """``count`` distinct valid architectures, drawn as the space samples; 0: as many as are usual.

    Of a space with fewer those that were found. Raises :class:`UsageError` for too few to fit
    all terms to a part of them.
    """
    free = terms([len(site.operators) for site in space.sites])
    least = max(math.ceil(free * FOLDS / (FOLDS - 1)), FOLDS)
    number = count or max(PER_TERM * free, least)
    rng, drawn = np.random.default_rng(SAMPLE_SEED), dict[Arch, None]()
    for _ in range(100 * number):
        arch = space.sample(rng)
        if space.is_valid(arch):
            drawn[arch] = None
        if len(drawn) == number:
            break
    if len(drawn) < least:
        way = f"give --count {least}" if 0 < count < least else "the space has no more"
        raise UsageError(
            f"{len(drawn)} networks are too few to tell the {free} terms of {space.name} apart, which "
            f"takes {least}: {way}."
        )
    return list(drawn)


def _turns(archs: Sequence[Arch], rounds: int) -> list[tuple[int, Arch]]:
    """Round after round all networks, in a random order of the round's own."""
    orders = (
        np.random.default_rng([SAMPLE_SEED, r]).permutation(len(archs)) for r in range(rounds)
    )
    return [(number, archs[place]) for number, order in enumerate(orders) for place in order]


def _key(space: SearchSpace, number: int, arch: Arch) -> tuple[int, str]:
    return number, space.encode(arch)


def _identity(
    space: SearchSpace, image: ImageSpec, how: Measuring, device: torch.device, count: int
) -> dict[str, Any]:
    return {
        "space": space.name,
        "scale": space.scale,
        "image": [image.channels, image.size, image.classes],
        **asdict(how),
        "count": count,
        "device": describe_device(device),
        "processor": processor(),
        "torch": version("torch"),
    }


def _found(output: Path, identity: dict[str, Any]) -> LatencyTable:
    """The finished file; raises :class:`UsageError` where it is of another measuring."""
    table = LatencyTable.load(output)
    if other := _others(table.content, identity):
        raise UsageError(
            f"{output} holds another measuring ({other}); take another --output, or delete it."
        )
    return table


def _others(begun: dict[str, Any], identity: dict[str, Any]) -> str:
    """What differs, in words; empty if nothing."""
    names = (name for name, value in identity.items() if begun.get(name) != value)
    return ", ".join(f"{name} {begun.get(name)}, not {identity[name]}" for name in names)


def _read_log(log: Path, identity: dict[str, Any]) -> dict[tuple[int, str], dict[str, Any]]:
    """What was measured before a kill; raises :class:`UsageError` where that is something else."""
    lines = read_lines(log)
    if not lines:
        append_line(log, identity)
        return {}
    try:
        other = _others(lines[0], identity)
        done = {
            (int(row["round"]), str(row["arch"])): {
                "reference": float(row["reference"]),
                "ms": [float(ms) for ms in row["ms"]],
            }
            for row in lines[1:]
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{log} is damaged; delete it and run again.") from error
    if other:
        raise UsageError(
            f"{log} belongs to another measuring ({other}); finish that as it was begun, or delete "
            "the file."
        )
    return done


def _content(
    space: SearchSpace,
    image: ImageSpec,
    archs: Sequence[Arch],
    how: Measuring,
    done: dict[tuple[int, str], dict[str, Any]],
    identity: dict[str, Any],
) -> dict[str, Any]:
    names = [space.encode(arch) for arch in archs]
    ms = np.array([[done[r, name]["ms"] for name in names] for r in range(how.rounds)])
    together = [timing.Quantiles.of(ms[:, place]) for place in range(len(archs))]
    rounds = np.median(ms, axis=2)
    medians = np.array([each.median for each in together])
    spreads = np.array([timing.Quantiles.of(each).spread for each in ms.reshape(-1, how.repeats)])
    references = np.array([done[key]["reference"] for key in done])
    sampled_networks = Networks.of(space, archs)
    model = AdditiveModel.fitted(sampled_networks, medians)
    costs = [space.cost(arch, image) for arch in archs]
    floors = {"params": [cost.params for cost in costs], "madds": [cost.madds for cost in costs]}
    networks = [
        {
            "arch": name,
            "ms": each.median,
            "low": each.low,
            "high": each.high,
            "rounds": own.tolist(),
            "params": cost.params,
            "madds": cost.madds,
        }
        for name, each, own, cost in zip(names, together, rounds.T, costs, strict=True)
    ]
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        **identity,
        "versions": versions(),
        "reference_ms": timing.Quantiles.of(references)._asdict(),
        "noise": timing.noise(rounds, spreads, references),
        "cross_validation": {
            "folds": FOLDS,
            **errors(held_out(sampled_networks, medians), medians),
            "floors": {n: kendall_tau(np.array(c), medians) for n, c in floors.items()},
        },
        "model": {
            "terms": terms(sampled_networks.sizes),
            "constant_ms": model.constant,
            "sites": [
                {
                    "site": site.name,
                    "operators": list(site.operators),
                    "ms": [None if math.isnan(each) else each for each in own],
                    "always_runs": number not in model.idle,
                }
                for number, (site, own) in enumerate(zip(space.sites, model.sites, strict=True))
            ],
        },
        "networks": networks,
    }
