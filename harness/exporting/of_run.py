"""A network of a finished run: with the weights that its supernet left, and BN made fit for them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from harness.config.config import Config
from harness.config.recorded import recorded_config
from harness.environment import harness_version, threads, usual_threads
from harness.exporting.trained import BEST, Trained
from harness.resuming.earlier_versions import other_version, readable
from harness.resuming.workspace import Workspace
from harness.running.assembly import ground_truth, load_limited, make_method
from harness.running.own_files import errors_located
from harness.running.run_scores import read_scores_columns
from harness.standalone.source_run import read_origin
from harness.tabular.table import Table
from harness.tasks.base import Task
from methods.base import Method
from methods.scoring import accuracy
from searchspaces.base import Arch
from searchspaces.errors import UsageError

_PARTS = ("config", "data", "training", "scoring", "ground_truth", "found", "costs", "versions")
_BN = {
    "recalibrate": "re-estimated on {:,} training images, as for the ranking",
    "running": "the supernet's running statistics, as for the ranking",
    "batchstat": "re-estimated on {:,} training images; the ranking took those of each batch",
}


@dataclass(frozen=True)
class Revived:
    """A finished run as it was when it ended, on the CPU."""

    workspace: Workspace
    record: dict[str, Any]
    config: Config
    method: Method
    task: Task


def of_run(folder: Path, arch: str, data: Path | None) -> Trained:
    """The network of ``arch``, :data:`BEST` or a string, of the finished run in ``folder``.

    Raises :class:`UsageError` where the run is damaged, kept no weights or has none, where its
    images are missing or others, and for what is no architecture that joins input and output.
    """
    workspace = Workspace(folder)
    origin, record = read_origin(folder), workspace.finished() or {}
    for part in _PARTS:
        if not isinstance(record.get(part), dict):
            raise UsageError(f"{workspace.record_path} has no '{part}'; run its command again.")
    of = record["config"]
    with errors_located(of["method"], of["space"]), threads(usual_threads(of["task"])):
        run = _revived(workspace, record, data)
        chosen = _architecture(run.method, origin.arch if arch == BEST else arch)
        return _trained(run, chosen, origin.search, data)


def _revived(workspace: Workspace, record: dict[str, Any], data: Path | None) -> Revived:
    folder, name = workspace.folder, record["config"]["method"]
    if not record["training"].get("steps"):
        raise UsageError(
            f"{name} trains no network, so that there are no weights to export; `nas-harness "
            f"train-standalone --run {folder} --keep-checkpoint` trains what it found, and what "
            "that leaves can be exported."
        )
    state = workspace.load_checkpoint()
    if state is None:
        raise UsageError(
            f"the run in {folder} kept no weights; delete that folder and run its command again "
            "with --keep-checkpoint, which trains no supernet that is still in the folder "
            "supernets beside it."
        )
    config = recorded_config(record["config"])
    train = replace(config.train, steps=record["training"]["steps"])
    task = load_limited(config, data)
    if task.fingerprint() != record["data"]["sha256"]:
        raise UsageError(
            f"the images of {config.task} are not those that the run in {folder} was made with; "
            "bring them back, or run its command again."
        )
    as_trained = replace(config, equalise="steps", train=train)
    method = make_method(as_trained, task, torch.device("cpu"), data)
    with readable(folder, other_version(state, harness_version())):
        method.load_state_dict(state["method"])
    return Revived(workspace, record, config, method, task)


def _architecture(method: Method, text: str) -> Arch:
    arch = method.space.read(text)
    if not method.space.is_valid(arch):
        raise UsageError(
            f"in {text} nothing joins input and output, so that it tells no images apart; export "
            "another architecture."
        )
    return arch


def _trained(run: Revived, arch: Arch, search: dict[str, Any], data: Path | None) -> Trained:
    """Its accuracy is that of this very network, whatever scores are."""
    record, method, how = run.record, run.method, run.method.setting.scoring
    name, own, val = method.space.encode(arch), run.config.supernet, len(run.task.val)
    score = _score(run, arch)  # before BN statistics change that the score may share
    network = method.network_of(arch)
    bn = how.bn.replace("batchstat", "recalibrate")
    reached = accuracy(network, method.data, replace(how, precision="float32", bn=bn))
    table = _same_table(run, data)
    told = {
        "weights": {
            "from": f"{method.weights_are} of the run {record['run']}",
            "batch_norm": _BN[how.bn].format(min(how.calibration_images, len(method.data.train))),
        },
        "accuracy": {"value": reached, "split": "val", "images": min(how.images or val, val)},
        "score": score,
        "truth": _truth(record, name, table),
        "search": search,
        "costs": record["costs"],
        "seed": run.config.seed,
        "images_sha256": record["data"]["sha256"],
        "truth_licence": table.meta.licence if table else "",
        "trained_with": record["versions"],
        "notes": method.notes(),
    }
    names = run.config.space, run.config.task
    return Trained(network, method.space, arch, run.task, told, *names, own.width, own.cells)


def _score(run: Revived, arch: Arch) -> dict[str, Any]:
    """What the ranking gave, or else would give."""
    name, ranked = run.method.space.encode(arch), read_scores_columns(run.workspace.scores_path)
    value = ranked[name] if name in ranked else float(run.method.score([arch])[0])
    how = {part: run.record["scoring"].get(part) for part in ("by", "split", "bn", "images")}
    if looks := run.record["scoring"].get("snapshots"):
        how["snapshots"] = looks
    return {"value": value, "ranked": name in ranked} | how


def _same_table(run: Revived, data: Path | None) -> Table | None:
    """The ground truth of the run, where it is still there and the same."""
    known = run.record["ground_truth"]
    with suppress(UsageError):
        _, table = ground_truth(run.config, data)
        if all(known.get(part) == getattr(table.meta, part) for part in ("version", "sha256")):
            return table
    return None


def _truth(record: dict[str, Any], name: str, table: Table | None) -> dict[str, Any] | None:
    """Stand-alone accuracy of the architecture called ``name``, in percent, as far as known."""
    found, known = record["found"], record["ground_truth"]
    about = {part: known.get(part) for part in ("split", "truth", "table", "scale", "version")}
    row = int(table.index([name])[0]) if table else -1
    if table and row >= 0:
        return {"value": float(table.truth("test")[row]), "how": "read from the table"} | about
    if name == found["arch"] and found["truth"] is not None:
        return {"value": found["truth"], "how": found["how"]} | about
    return None
