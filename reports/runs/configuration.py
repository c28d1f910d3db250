"""Runs that differ in nothing but their seed, taken together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from harness.config.config import BY_DECLARED, NOTHING, OVER, OWN, Config, digest
from harness.metrics.intervals import Interval, combine
from reports.runs.paired import mean_interval
from reports.runs.record import Record
from searchspaces.errors import UsageError

CONTEXT = {  # what has to be equal for two numbers to be comparable
    "space": ("config", "space"),
    "task": ("config", "task"),
    "table": ("ground_truth", "table"),
    "table_version": ("ground_truth", "version"),
    "truth": ("ground_truth", "truth"),
    "split": ("ground_truth", "split"),
    "epochs": ("epochs",),
    "truth_seeds": ("ground_truth", "seeds"),
    "architectures": ("n",),
    "protocol": ("protocol",),
    "scored_on": ("scoring", "split"),
    "bn": ("scoring", "bn"),
}
MEASURES = {
    "tau": ("all", "kendall_tau"),
    "unique_tau": ("unique", "kendall_tau"),
    "top10_tau": ("top10", "kendall_tau"),
    "precision_at_top10pct": ("all", "precision_at_top10pct"),
}
COSTS = ("image_passes", "scoring_image_passes", "seconds")
TOLD = {"score.by", "score.snapshots", "supernet.scale", "supernet.resolution"}
ARMS = ("", "none", "single", "average", "searched", "full")  # from least to most distillation


@dataclass(frozen=True)
class Configuration:
    """The runs of one configuration by seed; ``name`` is its hash, without that of its ground truth."""

    name: str
    runs: dict[int, Record]

    @property
    def first(self) -> Record:
        return next(iter(self.runs.values()))

    @property
    def context(self) -> dict[str, Any]:
        return {column: self.first.get(*keys) for column, keys in CONTEXT.items()}

    @property
    def place(self) -> str:
        """The context as one text."""
        return str(self.context)

    @property
    def ranked(self) -> str:
        """The context less how architectures were scored: which ones against which truth."""
        return str({k: v for k, v in self.context.items() if k not in ("scored_on", "bn")})

    @property
    def method(self) -> dict[str, str]:
        """Method, its arm (teachers of the distillation) and its kind of QP; empty if none."""
        options = {"arm": "kd", "qp": "qp"}
        named = {k: self.first.get("config", "options", key) for k, key in options.items()}
        return {"method": str(self.first.get("config", "method"))} | {
            column: str(value or "") for column, value in named.items()
        }

    @property
    def label(self) -> str:
        """The method with its arm and its kind of QP, in words."""
        method, kd, qp = self.method.values()
        arm = ", ".join(f"{key} {value}" for key, value in (("kd", kd), ("qp", qp)) if value)
        return f"{method} ({arm})" if arm else method

    @property
    def taus(self) -> dict[int, float | None]:
        """Kendall τ by seed; None where it is undefined."""
        return {
            seed: run.number("metrics", "all", "kendall_tau", "value")
            for seed, run in self.runs.items()
        }

    @property
    def tau(self) -> Interval:
        """Mean over the seeds, with the interval over seeds and architectures."""
        return combine(
            [run.interval("metrics", "all", "kendall_tau") for run in self.runs.values()]
        )

    def describe(self) -> dict[str, Any]:
        """Means over the seeds: measures and regret with intervals, costs. Absent is None."""
        runs = self.runs.values()
        row: dict[str, Any] = {}
        for column, (subset, metric) in MEASURES.items():
            intervals = [run.interval("metrics", subset, metric) for run in runs]
            row |= bounded(column, combine(intervals, metric))
        row |= bounded("regret", mean_interval([run.number("found", "regret") for run in runs]))
        for cost in COSTS:
            row[cost] = mean_interval([run.number("costs", cost) for run in runs])["value"]
        devices = {str(run.get("costs", "device") or "unknown") for run in runs}
        return row | {"device": " and ".join(sorted(devices))}

    def _order(self) -> tuple[Any, ...]:
        method, arm, qp = self.method.values()
        rank = ARMS.index(arm) if arm in ARMS else len(ARMS)
        return (*map(str, self.context.values()), method, rank, arm, qp, self.name)


def configurations(records: Iterable[Record]) -> list[Configuration]:
    """``records`` grouped, in an order that does not depend on theirs.

    Raises :class:`UsageError` where two folders hold the same seed of the same configuration,
    which would count it twice.
    """
    groups: dict[tuple[Any, ...], Configuration] = {}
    for record in sorted(records, key=seed_of):
        key, seed = identity(record), seed_of(record)
        group = groups.setdefault(key, Configuration(key[0], {}))
        if seed in group.runs:
            raise UsageError(
                f"{group.runs[seed].folder} and {record.folder} are the same run; give only one, or "
                "see by `compare --agreement` how far they agree."
            )
        group.runs[seed] = record
    return sorted(groups.values(), key=Configuration._order)


def identity(record: Record) -> tuple[str, ...]:
    """Equal for runs that differ in nothing but their seed; first the name of the configuration."""
    return digest(_settings(record)), *(str(record.get(*keys)) for keys in CONTEXT.values())


def contexts(groups: Iterable[Configuration]) -> list[list[Configuration]]:
    """Those of ``groups``, sorted as by :func:`configurations`, that are comparable, together.

    Scorers, which have no supernet whose BN could be made fit, stand behind the methods of each
    context that is theirs but for how architectures were scored; alone where there is none.
    """
    trained, scorers = [], []
    for group in groups:
        own = group.context["scored_on"] == NOTHING or group.context["bn"] == OWN
        (scorers if own else trained).append(group)
    found = [list(members) for _, members in groupby(trained, key=lambda group: group.place)]
    placed: set[str] = set()
    for members in found:
        own = [group for group in scorers if group.ranked == members[0].ranked]
        members += own
        placed |= {group.place for group in own}
    alone = [group for group in scorers if group.place not in placed]
    return found + [list(members) for _, members in groupby(alone, key=lambda group: group.place)]


def scored_words(context: Mapping[str, Any]) -> str:
    """How the architectures of a context were scored."""
    if context["scored_on"] == NOTHING:
        return "scored as initialised, nothing trained"
    return f"scores on the {context['scored_on']} split, BN {context['bn']}"


def check_one_truth(records: Iterable[Record]) -> None:
    """Raises :class:`UsageError` where one task's runs are ranked against several trainings.

    Of NAS-Bench-201's two trainings on CIFAR-10, what ranks well against one ranks otherwise
    against the other.
    """
    seen: dict[tuple[str, str], Record] = {}
    for record in records:
        place = record.get("config", "space"), record.get("config", "task")
        other = seen.setdefault(place, record)
        truths = [r.get("ground_truth", "truth") for r in (other, record)]
        if truths[0] != truths[1]:
            raise UsageError(
                f"{other.folder} is ranked against the training {truths[0]}, {record.folder} "
                f"against {truths[1]}: not to be compared; give only runs of one of them."
            )


def check_declared(records: Sequence[Record]) -> None:
    """Raises :class:`UsageError` where runs of several methods are not at the cost they declare.

    Steps are made equal by what a method declares of them; records of before tell no cost.
    """
    if len({record.get("config", "method") for record in records}) < 2:
        return
    for record in records:
        if times := times_declared(record):
            raise UsageError(
                f"the training of {record.folder} cost {times:.2g} times the compute "
                "that its method declares, so that it is not at equal cost with the others; mend "
                "the method's paths_per_step, or give --unequal to compare all the same."
            )


def times_declared(record: Record) -> float | None:
    """What the training cost, in what its method declares; None where that is so, or not known."""
    training = record.get("training") or {}
    spent, declared = (record.number("training", name) for name in ("compute", "declared"))
    if training.get("equalise") not in BY_DECLARED or not spent or not declared:
        return None
    times = spent / declared
    return None if 1 / OVER <= times <= OVER else times


def told_of_all(groups: Sequence[Configuration]) -> list[str]:
    """What any reader must know, and several configurations share, so that it can be said once."""
    first, *others = (flatten(_settings(group.first)) for group in groups)
    unusual = (_unusual(group.first, flatten(_settings(group.first))) for group in groups)
    keys = sorted(first.keys() & TOLD | set.intersection(*unusual)) if others else []
    return [f"{k} {first[k]}" for k in keys if all(own.get(k) == first[k] for own in others)]


def told_apart(groups: Sequence[Configuration], but: Sequence[str] = ()) -> list[str]:
    """Per configuration, its settings that others of the same method, arm and qp have not.

    And what any reader must know of it: :data:`TOLD`, and what of its training and scoring is other than
    its preset has it. Those in ``but``, which are said elsewhere, are left out.
    """
    flat = [flatten(_settings(group.first)) for group in groups]
    texts = []
    for group, own in zip(groups, flat, strict=True):
        alike = [f for g, f in zip(groups, flat, strict=True) if g.method == group.method]
        told = own.keys() & TOLD | _unusual(group.first, own)  # TOLD: written where not as usual
        differing = (k for k in sorted(own) if k in told or any(f.get(k) != own[k] for f in alike))
        settings = (f"{key} {own[key]}" for key in differing)
        texts.append(", ".join(text for text in settings if text not in but))
    return texts


def _unusual(record: Record, own: Mapping[str, Any]) -> set[str]:
    """The settings of training and scoring that are not those of the record's preset."""
    usual = preset_of(record)
    names = (name for name in own if name.startswith(("train", "score.", "equalise", "cutout")))
    return {name for name in names if usual is not None and own[name] != usual.get(name)}


def preset_of(record: Record) -> dict[str, Any] | None:
    """By dotted name what the record's preset has; None where that is not known."""
    tree = record.get("config")
    try:
        named = {name: tree[name] for name in ("preset", "method", "task", "space")}
        return flatten(Config.from_preset(**named).to_dict())
    except (KeyError, TypeError, UsageError):
        return None


def seed_of(record: Record) -> int:
    return int(record.number("config", "seed") or 0)


def bounded(column: str, interval: Interval) -> dict[str, Any]:
    """An interval as four columns: the value under its name, ``_low``, ``_high`` and ``_n``."""
    value, low, high, n = (interval[key] for key in ("value", "low", "high", "n"))
    return {column: value, f"{column}_low": low, f"{column}_high": high, f"{column}_n": n}


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested dicts by dotted name."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        leaves |= flatten(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return leaves


def _settings(record: Record) -> dict[str, Any]:
    """The configuration less what :meth:`harness.config.config.Config.run_name` leaves out."""
    return {k: v for k, v in record.get("config").items() if k not in ("seed", "preset")}
