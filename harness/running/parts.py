"""The finished runs that an ensemble is made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import Any

from harness.config.config import NOTHING, Config
from harness.measured.packaged import is_packaged, places
from harness.resuming.workspace import Workspace
from harness.running.run_scores import read_scores_columns
from harness.tabular.table import Table
from harness.tasks import needs_folder
from methods.registry import METHODS, SCORERS
from searchspaces.errors import UsageError
from searchspaces.registry import file_of, short, stem

_NAMED = re.compile(r"(?s)(?P<method>.+?)(-(?P<digest>[0-9a-f]{8}))?(-s(?P<seed>[0-9]+))?")
COSTS_OF_PARTS = "costs of its parts: "  # begins the note that a record of an ensemble has
_UNSUMMED = ("peak_memory_mb", "device", "processes")


@dataclass(frozen=True)
class Part:
    """A finished run: its method and the digest of its configuration, its folder, its record.

    Its seed stands behind these where it was named.
    """

    name: str
    folder: Path
    record: dict[str, Any]

    @cached_property
    def scores(self) -> dict[str, float]:
        return read_scores_columns(self.folder / "scores.parquet")

    @property
    def of_images(self) -> bool:
        """Whether its scores are of classified images."""
        return self.record["scoring"]["split"] != NOTHING


def with_settled_parts(
    config: Config, runs: Path, table: Table, data: Path | None = None
) -> Config:
    """``config`` with its parts named by method and configuration, so that another is another run.

    Of a method without parts it is as it was. Raises as :func:`parts_of` does.
    """
    found = parts_of(config, runs, table, data)
    if not found:
        return config
    return replace(config, options=replace(config.options, of=",".join(p.name for p in found)))


def parts_of(config: Config, runs: Path, table: Table, data: Path | None = None) -> list[Part]:
    """The finished runs in ``runs``, else of the package, that the method of ``config`` is of; none for most methods.

    They are of its space and task, of its seed where they do not name their own, ranked against
    ``table``. Raises :class:`UsageError` where one is missing, with the command that makes it, which
    looks for images in ``data`` too, and where several fit; for a method that there is none of, for a run that is named twice, and for a seed that changes nothing.
    """
    named = [_named(name) for name in METHODS[config.method].parts(config.options)]
    seeds = [seed for _, _, seed in named]
    if seeds and None not in seeds and config.seed != seeds[0]:
        raise UsageError(
            f"every part of --options.of {config.options.of} names its seed, so that with --seed "
            f"{config.seed} it is the same once more; give --seed {seeds[0]}."
        )
    own = getattr(config.options, "part_seed", -1)
    usual = config.seed if own < 0 else own
    first = sorted(named, key=lambda one: _is_known(one[0]))  # what is misspelt is said first
    made = {one: _part(one, usual, config, runs, table, data) for one in first}
    found = [made[one] for one in named]
    folders = [part.folder for part in found]
    if twice := [folder.name for folder in folders if folders.count(folder) > 1]:
        raise UsageError(f"--options.of {config.options.of} names {twice[0]} twice; leave one out.")
    return found


def _is_known(method: str) -> bool:
    return file_of(method) is not None or method in METHODS or method in SCORERS


def _named(name: str) -> tuple[str, str, int | None]:
    """The method in the name of a part, the digest of its configuration, empty for any, its seed."""
    found = None if name in set(METHODS) else _NAMED.fullmatch(name)
    if found is None:
        return name, "", None
    return found["method"], found["digest"] or "", int(found["seed"]) if found["seed"] else None


def _part(
    named: tuple[str, str, int | None],
    usual: int,
    config: Config,
    runs: Path,
    table: Table,
    data: Path | None,
) -> Part:
    (name, digest, own_seed), place = named, f"{stem(config.space)}-{config.task}-"
    seed, suffix = (usual, "") if own_seed is None else (own_seed, f"-s{own_seed}")
    method = short(name)
    pattern = f"{escape(place + method)}-{digest or '[0-9a-f]' * 8}-s{seed}"
    for root in places(runs):
        found = []
        for folder in sorted(root.glob(pattern)):
            record = Workspace(folder).finished()
            if record is not None and _same_truth(record, table):
                own = folder.name.removeprefix(place).rpartition("-s")[0]
                found.append(Part(own + suffix, folder, record))
        if found:
            break
    if len(found) > 1:
        where = "the package" if is_packaged(found[0].folder) else root
        raise UsageError(
            f"{where} holds several finished runs of {method} with seed {seed}: name the one to "
            f"take, as in --options.of {' or '.join(part.name for part in found)}."
        )
    if not found:
        if not _is_known(name):
            raise METHODS.unknown(name, [*METHODS, *SCORERS])
        raise UsageError(
            f"an ensemble of {name} needs its finished run in {runs}: run "
            f"`{_command(name, seed, config, runs, data)}` first."
        )
    return found[0]


def _same_truth(record: dict[str, Any], table: Table) -> bool:
    meta = table.meta
    own = {"table": meta.name, "version": meta.version, "sha256": meta.sha256, "truth": meta.truth}
    return all(record["ground_truth"].get(key) == value for key, value in own.items())


def _command(method: str, seed: int, config: Config, runs: Path, data: Path | None) -> str:
    usual = Config.from_preset(
        config.preset, method=config.method, task=config.task, space=config.space
    )
    flags = {"preset": config.preset, "scale": config.scale, "truth": config.truth}
    more = "".join(
        f" --{name} {value}" for name, value in flags.items() if value != getattr(Config(), name)
    )
    if config.rank.architectures != usual.rank.architectures:
        more += f" --rank.architectures {config.rank.architectures}"
    if data is not None or needs_folder(config.task):
        more += f" --data {data or 'DIR'}"
    if runs != Path("runs"):
        more += f" --runs {runs}"
    return (
        f"nas-harness run --method {method} --space {config.space} --task {config.task} "
        f"--seed {seed}{more}"
    )


def summed_costs(parts: Sequence[Part]) -> Counter[str]:
    """What all ``parts`` cost together, by kind of cost; ``seconds`` among them."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update({k: v for k, v in part.record["costs"].items() if k not in _UNSUMMED})
    return total


def told_costs(parts: Sequence[Part]) -> str:
    """What each of ``parts`` cost, for people."""
    return "; ".join(
        f"{part.name}: {part.record['costs'].get('compute', 0):,} compute, "
        f"{part.record['costs']['seconds']:.0f} s"
        for part in parts
    )
