"""The Python interface: ``from harness import evaluate, export, open_table, read_runs, run_method``.

Every function raises :class:`searchspaces.errors.UsageError`, one plain sentence that names the
problem and the way out, for whatever the caller can mend: an unknown name, a missing table, a
damaged file, a value out of its limits. Here it names flags, as the commands need them; imported
from ``harness`` the same functions name their own parameters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.config.config import Config, with_values
from harness.config.options import SPLITS, check_choice, typed
from harness.metrics.results import Evaluation, Transfer
from harness.own_packages import require_own
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, Registry, nearest

if TYPE_CHECKING:
    import pandas

    from harness.tabular.table import Table

    Scores: TypeAlias = (
        Mapping[Any, Any] | pandas.Series | pandas.DataFrame | str | os.PathLike[str]
    )

_READERS = Registry("reader", "nas_harness.readers", {"runs": "reports.runs.row:frame"})


def evaluate(
    scores: Scores,
    space: str = "nb201",
    task: str = "digits",
    *,
    split: str = "test",
    scale: str = "",
    data: Path | str | None = None,
    truth: str = "",
    against: Path | str | None = None,
    against_column: str = "",
    names_only: bool = False,
    arch_column: str = "",
    score_column: str = "",
    lower_is_better: bool = False,
    drop_nan: bool = False,
    protocols: Sequence[str] = (),
) -> Evaluation:
    """Compare scores of architectures with ground truth, without any training.

        from harness import evaluate, open_table

        table = open_table("nb201", "digits")
        scores = dict(zip(table.archs, table.params))
        result = evaluate(scores, space="nb201", task="digits")
        print(result.tau["value"], result.floors["params"]["value"])

    ``scores``: a dict, a pandas Series or DataFrame of architecture → score, or the path of a file
    of them: CSV, JSON or JSON lines in any usual layout, parquet or ``.npy``, told from its content.
    Their unit does not matter. An architecture is the table's own string, another writing of the
    field such as lists of choices, module hashes or printed genotypes, or, where all are, its row
    number. ``arch_column`` and ``score_column``: names of the columns, where a file has several.
    Higher scores are better, smaller ones where ``lower_is_better``. ``drop_nan`` leaves out scores
    that are no finite numbers. ``against``: a file of accuracies of your own, read as scores are,
    which is the truth instead of a table; ``against_column`` names its column, and ``names_only`` says
    that ``space`` is none of the harness, so that architectures are texts. ``protocols``: names of
    subsets on which published numbers are measured, each an entry of ``content["protocols"]``:
    ``all``, ``unique``, ``top10``, ``top5`` (any ``topN``), ``no-none``, ``random-100`` (any number) and
    ``stratified``. ``split``:
    ``test`` or ``val``, the truth's. ``scale``: that of the table's networks; empty is the task's
    usual one. ``data``: a folder with published tables, by default ``$NAS_HARNESS_DATA``.
    ``truth``: the training whose test accuracies count, where a benchmark has several:
    NAS-Bench-201 on CIFAR-10 has ``cifar10`` (all 50,000 images, its usual one) and
    ``cifar10-valid`` (25,000); empty is the table's own.

    Raises ``UsageError`` for a file of no known layout, for architectures that the table lacks,
    that are ambiguous or have two scores, for scores that are no finite numbers, and for fewer
    than two of them.
    """
    from harness.metrics.evaluate import evaluate_scores
    from harness.scores.guessing import scores_or_hint
    from harness.scores.own_truth import own_truth
    from harness.scores.reading import Choice, Given
    from harness.tabular.ground_truth import known_table
    from harness.tasks import settled_task

    check_choice("--split", split, SPLITS)
    given, task = Given.of(scores), settled_task(task, _folder(data))
    choice = Choice(arch_column, score_column, drop_nan)
    if against is None and names_only:
        raise UsageError("--names-only is for --against; tables that were imported know it.")
    if against is None:
        chosen, table = known_table(space, task, scale, _folder(data), truth)
        known = scores_or_hint(given, table, chosen, choice, task, _folder(data))
    else:
        chosen, table, known = own_truth(
            given, choice, against, against_column, space, task, scale, names_only
        )
    result = evaluate_scores(
        table,
        known,
        split,
        space=chosen,
        lower_is_better=lower_is_better,
        protocols=[protocols] if isinstance(protocols, str) else protocols,
    )
    return Evaluation(result | {"notes": known.notes + result["notes"]})


def evaluate_transfer(
    scores: Scores,
    space: str = "nb201",
    task: str = "",
    *,
    split: str = "test",
    scale: str = "",
    data: Path | str | None = None,
    truth: str = "",
    arch_column: str = "",
    score_column: str = "",
    lower_is_better: bool = False,
    drop_nan: bool = False,
) -> Transfer:
    """Compare the same scores with the ground truth of every data set of a space, side by side.

        from harness import evaluate_transfer, open_table

        table = open_table("nb201", "cifar10")
        scores = dict(zip(table.archs[:500], table.params[:500]))
        result = evaluate_transfer(scores, space="nb201")
        print({task: tau["value"] for task, tau in result.tau.items()})

    All arguments are those of ``evaluate``, but for three. ``task``: the data set that the scores
    are of, where a file has several. ``scale``: empty is that with tables of most data sets.
    ``truth``: counts on the data sets that have such a training. Data sets whose table lacks some
    of the architectures are left out, with a note.

    Raises ``UsageError`` as ``evaluate`` does, and where there are not two data sets.
    """
    from harness.metrics.transfer import evaluate_transfer, having_all, require_several
    from harness.scores.reading import Choice, Given
    from harness.tabular.ground_truth import known_tables
    from harness.tasks import settled_task

    check_choice("--split", split, SPLITS)
    given, task = Given.of(scores), settled_task(task, _folder(data))
    chosen, tables = known_tables(space, scale, _folder(data), truth)
    require_several(tables)
    if task and task not in tables:
        raise UsageError(f"{space} has no ground truth on '{task}'{nearest(task, tables)}")
    first = task or next(iter(tables))
    known = given.scores(tables[first], chosen, Choice(arch_column, score_column, drop_nan), first)
    kept, absent = having_all(tables, list(known))
    if len(kept) < 2:
        raise UsageError(f"a transfer needs two data sets. {' '.join(absent)}")
    result = evaluate_transfer(kept, known, split, space=chosen, lower_is_better=lower_is_better)
    return Transfer(result | {"notes": known.notes + absent + result["notes"]})


def open_table(
    space: str = "nb201",
    task: str = "digits",
    *,
    scale: str = "",
    data: Path | str | None = None,
    truth: str = "",
) -> Table:
    """The ground truth of a space on a task: stand-alone accuracies of its architectures.

        from harness import open_table

        table = open_table("nb201", "digits")
        best = table.truth("test").argmax()
        print(table.archs[best], table.truth("test")[best], table.params[best])

    The table has, in one order: ``archs``, the architectures as strings; ``truth(split)``, their
    mean accuracies in percent at the resolution of one image, float64 ``[len(table)]``;
    ``accuracy(split, epochs, seed)``, those of one training, NaN where it was not run; ``params``
    and ``madds``, trainable parameters and multiply-adds for one image, int64 ``[len(table)]``, or
    None where nobody knows them. ``index(strings)`` gives the rows of architectures, -1 where
    there is none; ``meta`` tells source, licence and recipe, and ``meta.truth`` the training that
    test accuracies are of. ``scale``, ``data`` and ``truth`` are those of ``evaluate``.

    Raises ``UsageError`` where there is no such table, with the command that brings it, and for a
    damaged one.
    """
    from harness.tabular.ground_truth import known_table

    return known_table(space, task, scale, _folder(data), truth)[1]


def run_method(
    method: str,
    space: str = "nb201",
    task: str = "digits",
    preset: str = "laptop",
    seed: int = 0,
    *,
    values: Mapping[str, Any] | None = None,
    data: Path | str | None = None,
    runs: Path | str = "runs",
    device: str = "auto",
    workers: int = 0,
    watch: int = 0,
    protocols: Sequence[str] = (),
    log: Sequence[str] = (),
    keep_checkpoint: bool = False,
) -> dict[str, Any]:
    """Train a supernet with a method, rank architectures with it, compare with ground truth.

        from harness import run_method

        record = run_method("spos", space="nb201", preset="smoke", seed=0, keep_checkpoint=True)
        print(record["metrics"]["all"]["kendall_tau"], record["found"]["arch"])

    ``task``: a name, or images of your own: ``folder:PATH``, ``hf:PATH`` or ``FILE.py:FUNCTION``.
    ``preset``: ``smoke`` (seconds), ``laptop`` (minutes) or ``paper`` (the printed
    hyper-parameters). ``values``: other options of ``nas-harness run`` by their names without
    dashes, as ``{"train.steps": 500, "options.sampler": "flops_bins"}``. ``runs``: the folder of
    records, where the same call finds its finished run again and continues one that was killed.
    ``device``: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. ``workers``: processes that rank; 0 is
    one per core, on a GPU one. ``watch``: how many of ``train.steps`` lie between two measurements
    of τ on a sample, which the run's history keeps; 0 for none. ``protocols``: names as for ``evaluate``; a finished
    run gets further ones without any training. ``log``: trackers that are told of the run, as
    ``["tensorboard", "mlflow"]``. ``keep_checkpoint``: keep the trained weights, which ``export``
    needs. None of the last eight changes a result.

    Returns the record, which is also ``runs/RUN/run.json``: ``metrics``, ``protocols``, ``floors``,
    ``ceiling`` and ``notes`` as in an evaluation; ``found``, the architecture that the search found, with its
    accuracy and regret in percent points; ``costs`` (steps, path-forwards, path-backwards, image
    passes, seconds); ``config``; ``versions``. Raises ``UsageError`` for unknown names, values out
    of their limits, a missing table or data set, a tracker that is not installed, a folder in use by
    another process, and a training whose loss is no longer finite.
    """
    from harness.trackers.tracker import check_trackers

    require_own()  # the pictures at the end are made by reports
    SPACES[space]  # refuses an unknown name before the slow imports
    own = {"method": method, "space": space, "task": task, "preset": preset, "seed": seed}
    if twice := sorted(own.keys() & (values or {}).keys()):
        raise UsageError(f"'{twice[0]}' is an argument of run_method, none of its values.")
    config = Config.from_preset(preset, method=method, task=task, space=space)
    config = with_values(config, typed(config, own | dict(values or {})))

    from harness.environment import threads, usual_threads
    from harness.running.assembly import with_settled_task
    from harness.running.pipeline import run
    from harness.tasks import is_tiny

    if workers < 0:
        raise UsageError(f"workers is 0, one per core, or how many processes rank, not {workers}.")
    if watch < 0:
        raise UsageError(f"watch is a number of steps, or 0 for none, not {watch}.")
    from harness.running.run_state import Execution

    subsets, trackers = ((n,) if isinstance(n, str) else tuple(n) for n in (protocols, log))
    check_trackers(trackers)
    execution = Execution(
        *(_folder(data), Path(runs), device, workers, keep_checkpoint),
        watch=watch,
        protocols=subsets,
        log=trackers,
    )
    config = with_settled_task(config, execution.data)
    with threads(usual_threads(is_tiny(config.task))):
        return run(config, execution)


def read_runs(
    runs: Path | str | Iterable[Path | str] = "runs",
    *,
    protocol: str = "all",
    data: Path | str | None = None,
) -> pandas.DataFrame:
    """Finished runs, one row each, from their records.

        from harness import read_runs

        frame = read_runs("runs")
        print(frame[["method", "space", "seed", "tau", "tau_low", "tau_high", "floor", "ceiling"]])

    ``runs``: a folder of runs, a run's own folder, or several of either. Columns: ``run`` (the
    folder's name); ``configuration``, equal where runs differ in their seed alone; ``method``, its
    ``arm`` and ``qp``, ``preset``, ``seed``; what has to be equal
    for two numbers to be comparable (``space``, ``task``, ``table``, ``split``, ``bn``, …); ``by``,
    accuracy or loss, what scores are;
    ``tau``, ``unique_tau``, ``top10_tau``, ``precision_at_top10pct`` and ``over_floor`` (τ minus the
    highest floor) with ``_low``, ``_high`` (95 %) and ``_n``; ``floor`` (by parameters), ``ceiling``;
    ``found_truth`` in percent and ``regret`` in percent points; ``image_passes``,
    ``scoring_image_passes``, ``seconds``, ``device``. What a run does not know is missing.
    ``protocol``: under which metrics, floors and ceiling are measured, as for ``evaluate``; other
    than ``all``, it needs the runs' ground truth (``data``: a folder with published tables), and
    ``unique_tau`` and ``top10_tau`` are missing.

    Unfinished runs are left out and named on standard error. Raises ``UsageError`` for a damaged
    record, where no run is finished, and where a protocol cannot be measured.
    """
    several = [runs] if isinstance(runs, str | os.PathLike) else runs
    try:
        folders = [Path(folder) for folder in several]
    except TypeError:
        raise UsageError(f"read_runs takes a folder of runs, or several, not {runs!r}.") from None
    frame: pandas.DataFrame = _READERS["runs"](folders, protocol, _folder(data))
    return frame


def export(
    run: Path | str,
    output: Path | str,
    *,
    arch: str = "best",
    format: str = "",
    data: Path | str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a network that a finished run found as one file that loads without the harness.

        from harness import export, run_method

        record = run_method("spos", space="nb201", preset="smoke", seed=0, keep_checkpoint=True)
        card = export(f"runs/{record['run']}", "network.pt2")
        print(card["accuracy"]["value"], card["input"]["mean"], card["input"]["std"])

    ``run``: the folder of a run that kept its checkpoint, or of a stand-alone training that did.
    ``output``: the file; what is known of the network is in it, and for people beside it, in
    ``output`` + ``.md``. ``arch``: ``best``, what the run found, or any architecture as its space
    writes it. ``format``: ``torch``, for ``torch.export.load``, ending in ``.pt2``, or ``onnx``, which
    needs the extra ``export``; empty is what ``output`` ends in. Both take any number of images.
    ``data``: the folder with the task's images, by default ``$NAS_HARNESS_DATA``. ``overwrite``: also
    where ``output`` exists.

    The weights are the supernet's, or what the run made of them; BN statistics are those that the
    ranking takes. Returns the card, with ``file`` and ``file_sha256``. Raises ``UsageError`` where the
    run kept no weights or its images are not those that it was made with, and where the file would
    give other logits than the network, by more than 1e-4.
    """
    from harness.exporting.export import export_network

    return export_network(Path(run), Path(output), arch, format, _folder(data), overwrite)


def _folder(data: Path | str | None) -> Path | None:
    return None if data is None else Path(data)
