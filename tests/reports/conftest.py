"""Run folders with known numbers; a small paper with one item, a small ground truth and its runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tables import made_meta

import reports.papers.definition.loading
from harness.config.config import Config
from harness.tabular import locate
from harness.tabular.table import Table
from reports.papers.definition.item import Item
from reports.papers.definition.loading import load_item
from reports.papers.measured.cells import measure
from reports.papers.measured.results import Results
from reports.papers.measured.truths import Truths
from searchspaces.nb201.space import NASBench201


def interval(value: float | None, half: float | None = None, n: int = 600) -> dict[str, Any]:
    if value is None or half is None:
        return {"value": value, "low": None, "high": None, "n": n}
    return {"value": value, "low": value - half, "high": value + half, "n": n}


def record(method: str = "spos", seed: int = 0, tau: float = 0.5, **changes: Any) -> dict[str, Any]:
    """A record as a run writes it; ``changes`` are dotted by double underscores."""
    options: dict[str, Any] = (
        {} if method == "spos" else {"base": "spos", "kd": "full", "qp": "printed"}
    )
    correlation = {"kendall_tau": interval(tau, 0.04), "precision_at_top10pct": interval(0.25, 0.1)}
    content: dict[str, Any] = {
        "schema_version": 1,
        "run": f"nb201-digits-{method}-s{seed}",
        "config": {
            "method": method, "space": "nb201", "task": "digits", "scale": "", "seed": seed,
            "preset": "laptop", "train": {"steps": 4000, "lr": 0.1}, "options": options,
        },
        "space": "nb201", "task": "digits", "split": "test", "epochs": 4, "n": 600, "n_table": 600,
        "ground_truth": {
            "table": "nb201-compact-digits", "truth": "digits",
            "split": "test", "seeds": 3, "version": "1",
            "sha256": "ab",
        },
        "scoring": {"split": "val", "bn": "recalibrate"},
        "supernet": {"scale": "compact", "parameters": 1000, "reduced": False},
        "metrics": {
            "all": correlation,
            "unique": {"kendall_tau": interval(tau - 0.01, 0.04, 400)},
            "top10": {"kendall_tau": interval(tau - 0.3, 0.1, 60)},
        },
        "floors": {
            "params": interval(0.45, 0.04), "flops": interval(0.46, 0.04),
            "random": interval(0.0, 0.05),
        },
        "ceiling": {
            "single_seed": interval(0.82, 0.02), "seed_mean": interval(0.9, 0.01),
            "validation": None, "how": "between seeds",
        },
        "found": {"arch": "a7", "truth": 91.0, "regret": 1.5, "how": "read from the table"},
        "costs": {
            "steps": 4000, "image_passes": 1_000_000, "scoring_image_passes": 500_000,
            "seconds": 60.0, "device": "CPU",
        },
        "notes": [],
        "versions": {},
    }  # fmt: skip
    for dotted, value in changes.items():
        *branch, leaf = dotted.split("__")
        inside = content
        for key in branch:
            inside = inside[key]
        inside[leaf] = value
    return content


def scores(n: int = 600, dead: int = 20) -> pd.DataFrame:
    """Scores that correlate with truths as a supernet's do; the first ``dead`` at chance level."""
    rng = np.random.default_rng(1)
    quality = rng.normal(size=n)
    truth = 90 - 6 * np.exp(-quality / 1.5) + rng.normal(0, 0.5, n)
    score = 62 + 7 * (0.8 * quality + 0.6 * rng.normal(size=n))
    truth[:dead], score[:dead] = rng.normal(10, 0.2, (2, dead))
    params = 1e4 * np.exp(0.5 * quality + rng.normal(0, 0.5, n))
    return pd.DataFrame(
        {
            "arch": [f"a{i}" for i in range(n)], "score": score, "truth": truth,
            "params": params.astype(int), "madds": (100 * params).astype(int),
        }
    )  # fmt: skip


@pytest.fixture
def make_record() -> Callable[..., dict[str, Any]]:
    return record


@pytest.fixture
def make_interval() -> Callable[..., dict[str, Any]]:
    return interval


@pytest.fixture
def make_scores() -> Callable[..., pd.DataFrame]:
    return scores


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes the folder ``name`` from a record and, if given, a frame of scores."""

    def write(name: str, content: dict[str, Any], frame: pd.DataFrame | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(content))
        if frame is not None:
            frame.to_parquet(folder / "scores.parquet", index=False)
        return folder

    return write


# A paper with one item -------------------------------------------------------------------------

PAPER = 'title = "A toy paper"\nauthors = "A. Uthor"\nvenue = "Nowhere 2020"\n'
TABLE = """
title = "Table XI"
kind = "table"
class = "N"
caption = "How arms rank."
reduced = "A compact supernet stands for the full one."
needs = "A published table."
defects = ["The mean is above its own best."]

[study]
space = "nb201"
seeds = [0, 1]

[[columns]]
id = "tau"
head = "τ"
unit = "× 100"
measure = "tau"
scale = 100
digits = 1
better = "higher"

[[columns]]
id = "error"
head = "test error"
measure = "found_error"
better = "lower"
truth = {space = "nb201", task = "digits"}

[[rows]]
id = "spos"
label = "SPOS"
run = {method = "spos"}
printed = {tau = "56.4", error = "6.50±0.10 (6.45)"}
flags = {error = [1]}

[[rows]]
id = "mngnas"
label = "MNGNAS (S)"
group = "ours"
run = {method = "mngnas", options.kd = "full"}
printed = {tau = "57.3"}

[[rows]]
id = "quoted"
label = "Someone"
printed = {tau = "-", error = "7.00"}

[[claims]]
text = "MNGNAS ranks better."
better = "mngnas"
worse = "spos"
column = "tau"
"""
EPOCHS = 5


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data but what a test makes, and no tables in the package."""
    monkeypatch.setattr(locate, "EMBEDDED", tmp_path / "nothing")
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)


@pytest.fixture
def papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of papers, which has the paper ``toy``."""
    folder = tmp_path / "papers"
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "paper.toml").write_text(PAPER)
    monkeypatch.setattr(reports.papers.definition.loading, "PAPERS", folder)
    return folder


@pytest.fixture
def make_item(papers: Path) -> Callable[..., Item]:
    """``make_item(old=new, ...)``: the item with texts of its file replaced, or more appended."""

    def make(changes: dict[str, str] | None = None, more: str = "", name: str = "table-1") -> Item:
        text = TABLE
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        (papers / "toy" / f"{name}.toml").write_text(text + more)
        return load_item("toy", name)

    return make


@pytest.fixture(scope="session")
def truth() -> Table:
    """64 architectures of NAS-Bench-201 with three seeds on validation and test images."""
    space, rng = NASBench201("compact"), np.random.default_rng(0)
    archs = [space.encode(arch) for arch in product((1, 3), repeat=6)]
    quality = rng.uniform(80, 95, len(archs))
    columns = {}
    for split in ("val", "test"):
        seeds = quality + rng.normal(0, 0.5, (3, len(archs)))
        columns |= {f"{split}.{EPOCHS}.{seed}": seeds[seed] for seed in range(3)}
        columns[f"{split}.{EPOCHS}.mean"] = seeds.mean(axis=0)
    resolution = {"val": 0.01, "test": 0.01}
    return Table(made_meta(scale="compact", resolution=resolution), archs, columns)


@pytest.fixture
def data(tmp_path: Path, truth: Table) -> Path:
    """A data folder with that table as the ground truth of digits."""
    truth.save(tmp_path / "data" / "table.parquet")
    return tmp_path / "data"


@pytest.fixture
def record_run(
    tmp_path: Path, truth: Table, make_record: Callable[..., dict[str, Any]]
) -> Callable[..., Path]:
    """Writes the folder of a finished run of a configuration; returns it.

    Changes are those of ``make_record``; ``identity`` renames the ground truth.
    """

    def write(config: Config, tau: float = 0.5, version: str = "", **changes: Any) -> Path:
        meta = truth.meta if not version else made_meta(scale="compact", version=version)
        content = make_record(config.method, config.seed, tau, **changes)
        content["config"] = config.to_dict()
        table = {"table": meta.name, "version": meta.version, "sha256": meta.sha256}
        content["ground_truth"] |= table
        content.setdefault("data", {"sha256": "images"})
        folder = tmp_path / "runs" / config.run_name(meta.identity)
        folder.mkdir(parents=True)
        content["run"] = folder.name
        (folder / "run.json").write_text(json.dumps(content))
        return folder

    return write


@pytest.fixture
def measured(tmp_path: Path, data: Path) -> Callable[..., Results]:
    """``measure`` on the recorded runs and that ground truth."""

    def call(item: Item, **choices: Any) -> Results:
        return measure(item, tmp_path / "runs", truths=Truths(data), **choices)

    return call


@pytest.fixture
def full_results(
    make_item: Callable[..., Item],
    record_run: Callable[..., Path],
    measured: Callable[..., Results],
) -> Results:
    """Two seeds of each arm: τ 50.0 and 52.0 of SPOS, 60.0 and 63.0 of MNGNAS."""
    item = make_item()
    taus = iter((0.50, 0.52, 0.60, 0.63))
    for _, config in item.configs():
        record_run(config, next(taus))
    return measured(item)


@pytest.fixture
def ranked_run(
    tmp_path: Path, truth: Table, write_run: Callable[..., Path], make_record: Callable[..., Any]
) -> tuple[Path, Path, Table]:
    """A run that ranked forty architectures of a table by their truth; its data; the table.

    Costs are planted, and its search found a front of three of the others and of one unknown.
    """
    costs = np.array([1_000_000 * (1 + name.count("nor_conv")) for name in truth.archs])
    table = Table(truth.meta, truth.archs, truth.accuracies, costs, 2 * costs)
    table.save(tmp_path / "data" / "table.parquet")
    content = make_record()
    content["ground_truth"] |= {"version": table.meta.version, "sha256": table.meta.sha256}
    content["found"]["front"] = [{"arch": name} for name in ("unknown", *truth.archs[3:6])]
    frame = pd.DataFrame({"arch": truth.archs, "score": table.truth("test")})[24:]
    folder = write_run("run", content, frame.assign(truth=frame["score"]))
    return folder, tmp_path / "data", table
