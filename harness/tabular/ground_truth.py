"""The ground truth of a space: at which scale, which table, and what its architectures cost."""

from __future__ import annotations

from pathlib import Path

from harness.tabular.importer import Cost
from harness.tabular.locate import EMBEDDED, MissingTable, find_table, list_tables
from harness.tabular.own_table import NAMES
from harness.tabular.table import Table
from harness.tasks import IMAGES, TASKS, image_of, settled_task
from harness.tasks.own.place import is_own, stem_of
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, file_of

USUAL_SCALES = {
    "digits": ("compact",),
    "cifar10": ("benchmark", "cifar"),
    "cifar100": ("benchmark", "cifar"),
    "imagenet16-120": ("benchmark", "imagenet16"),
    "imagenet": ("imagenet",),
}
OWN_SCALES = ("compact",)  # of tables on images of the user's own


def usual_scale(space: str, task: str) -> str:
    """The scale of the networks that ground truth of a space on a task is about.

    Raises :class:`UsageError` for a task or space that is not known.
    """
    TASKS.check(task)
    scales = SPACES[space].scales
    usual = OWN_SCALES if is_own(task) else USUAL_SCALES.get(task, ())
    return next((scale for scale in usual if scale in scales), scales[0])


def analytic_cost(space: SearchSpace) -> Cost:
    """The cost model of ``space`` in terms of encoded architectures and task names."""

    def cost(arch: str, task: str) -> tuple[int, int]:
        image = image_of(task)
        if image is None:
            raise UsageError(f"what {space.name} costs on {task} is not known.")
        found = space.cost(space.decode(arch), image)
        return found.params, found.madds

    return cost


def space_with_table(
    name: str, task: str, scale: str = "", data: Path | None = None, truth: str = ""
) -> tuple[SearchSpace, Table]:
    """The space at ``scale`` (empty: the task's usual one) and its ground truth on ``task``.

    ``truth`` names the training that test accuracies are of, as for :func:`find_table`. Raises
    :class:`UsageError` where there is none.
    """
    space, table = known_table(name, task, scale, data, truth)
    if space is None:
        raise UsageError(
            f"{name} has only names here, no networks: its tables serve `evaluate` and `table info`."
        )
    return space, table


def known_table(
    name: str, task: str, scale: str = "", data: Path | None = None, truth: str = ""
) -> tuple[SearchSpace | None, Table]:
    """As :func:`space_with_table`; None is the space of a table that has only names."""
    task = settled_task(task, data)
    if name not in SPACES and not file_of(name):
        try:
            return None, find_table(name, NAMES, task, data, truth=truth)
        except MissingTable:
            own, there = f"{name}-{NAMES}-", [table.name for table in list_tables(data)]
            tasks = [table.removeprefix(own) for table in there if table.startswith(own)]
            if tasks:
                known = ", ".join(sorted(tasks))
                raise UsageError(
                    f"there is no table of {name} on {task}; --task may be {known}."
                ) from None
            SPACES[name]  # says what is known
    space = SPACES[name](scale or _scale(name, task, data))
    cost = analytic_cost(space)
    try:
        return space, find_table(space.name, space.scale, task, data, cost, truth, name)
    except MissingTable as missing:
        there = {listed.name for listed in list_tables(data)}
        beside = [] if stem_of(task) else _other_tasks(space, task, there)
        nearly = _nearly(space, task, there) if stem_of(task) else ""
        raise MissingTable(missing.name, missing.places, missing.commands, beside, nearly) from None


def _nearly(space: SearchSpace, task: str, there: set[str]) -> str:
    """The start of a sentence on a table of the same images at another scale, or before a change."""
    for scale in type(space).scales:
        begin = f"{space.name}-{scale}-"
        if begin + task in there:
            return f"--scale {scale} takes {begin}{task}, or"
        for name in sorted(name for name in there if name.startswith(begin)):
            if stem_of(name.removeprefix(begin)) == stem_of(task):
                return f"the images have changed since {name} was made: bring those back, or"
    return ""


def _other_tasks(space: SearchSpace, task: str, there: set[str]) -> list[str]:
    """Those that there are tables of ``space`` on, at the scale that is usual for each."""
    scales = ((other, scale) for other, usual in USUAL_SCALES.items() for scale in usual)
    tasks = {other for other, scale in scales if f"{space.name}-{scale}-{other}" in there}
    return sorted(tasks - {task})


def known_tables(
    name: str, scale: str = "", data: Path | None = None, truth: str = ""
) -> tuple[SearchSpace | None, dict[str, Table]]:
    """As :func:`known_table`, on every task that there is a table of (task → table).

    They are of one ``scale``; empty is that with tables of most tasks. ``truth`` counts for the
    tables that have such a training, and raises :class:`UsageError` where none has.
    """
    names = {listed.name for listed in list_tables(data) if not listed.problem}
    scales = (NAMES,) if name not in SPACES and not file_of(name) else SPACES[name].scales
    own = name if scales == (NAMES,) else SPACES[name].name
    found = {
        there: [n.removeprefix(f"{own}-{there}-") for n in names if n.startswith(f"{own}-{there}-")]
        for there in ((scale,) if scale else scales)
    }
    scale = max(found, key=lambda there: len(found[there]))
    order = list(IMAGES)
    tasks = sorted(found[scale], key=lambda t: (order.index(t) if t in order else len(order), t))
    opened = {task: known_table(name, task, scale, data) for task in tasks}
    tables = {task: table for task, (_, table) in opened.items()}
    having = {task for task, table in tables.items() if truth in table.meta.truths}
    if truth and not having:
        raise UsageError(f"none of the tables of {name} has test accuracies of '{truth}'.")
    for task in having:
        tables[task] = tables[task].of_training(truth)
    return next((space for space, _ in opened.values()), None), tables


def _scale(name: str, task: str, data: Path | None) -> str:
    """The usual scale; of a task that only tables know, that of its first table."""
    if not TASKS.knows(task):
        there = {table.name for table in list_tables(data)}
        for scale in SPACES[name].scales:
            if f"{SPACES[name].name}-{scale}-{task}" in there:
                return scale
    return usual_scale(name, task)


def unusual_truth(table: Table) -> str:
    """What to know of test accuracies that are not of the benchmark's usual training; else ""."""
    name, own = table.meta.name, table.meta.truth
    packaged = EMBEDDED / f"{name}.parquet"
    if own == table.meta.task or not packaged.exists():
        return ""
    usual = Table.load(packaged)
    best = (f"{t.meta.truth_text}, best {t.accuracy('test').max():.2f}" for t in (table, usual))
    return (
        "These test accuracies are of another training than the benchmark's usual ones: {}; "
        "the usual: {} (--truth {})."
    ).format(*best, usual.meta.truth)
