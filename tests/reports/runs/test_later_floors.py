"""The best proxy stands beside runs that were finished before it was known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.measured import packaged
from harness.metrics.metrics import kendall_tau
from harness.tabular.proxies import Proxies, proxies_folder
from reports.runs.compare import compared
from reports.runs.protocols import under
from reports.runs.record import load

TABLE = "nb201-benchmark-cifar10"
RUN = Path(packaged.__file__).parent / "runs" / "nb201-cifar10-mixpath-24a02c97-s0"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The tables of the package, as they are; proxies are those that a test makes."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))


@pytest.fixture
def record():
    """MixPath's run, as a record from before a proxy was known."""
    own = load(RUN)
    known = {
        kind: {name: of for name, of in own.content[kind].items() if not name.startswith("proxy-")}
        for kind in ("floors", "over_floors")
    }
    return replace(own, content=own.content | known)


def keep(scores):
    """Scores by architecture as those of the proxy jacov."""
    path = proxies_folder() / f"{TABLE}.parquet"
    path.parent.mkdir(parents=True)
    values = np.array([*scores.values()])
    Proxies(TABLE, "jacov", {"by": "named"}, [*scores], {"jacov": values}).save(path)


def test_it_is_measured_on_the_runs_own_architectures(record):
    frame = record.scores()
    rng = np.random.default_rng(0)
    proxy = frame["truth"].to_numpy() + rng.normal(0, 9, len(frame))
    keep(dict(zip(frame["arch"], proxy, strict=True)))
    (found,) = under([record], "all")
    floor, over = found.content["floors"]["proxy-jacov"], found.content["over_floors"]
    tau = kendall_tau(proxy, frame["truth"].to_numpy())
    assert floor["value"] == pytest.approx(tau, abs=1e-3)  # truths at the resolution of an image
    assert floor["low"] < floor["value"] < floor["high"]
    own = record.content["metrics"]["all"]["kendall_tau"]["value"]
    assert over["proxy-jacov"]["value"] == pytest.approx(own - floor["value"])
    table = compared([found]).set_index("method")
    assert "best proxy (jacov)" in table.index
    assert np.isfinite(table.loc["mixpath", ["over_floor_low", "over_floor_high"]].tolist()).all()
    assert under([found], "all") == [found]  # once


def test_one_that_lacks_an_architecture_is_no_floor(record):
    frame = record.scores()[1:]
    keep(dict(zip(frame["arch"], frame["truth"], strict=True)))
    assert under([record], "all") == [record]


def test_without_the_ground_truth_the_run_is_as_it_was(record):
    frame = record.scores()
    keep(dict(zip(frame["arch"], frame["truth"], strict=True)))
    moved = record.content["ground_truth"] | {"sha256": "0" * 64}
    other = replace(record, content=record.content | {"ground_truth": moved})
    assert under([other], "all") == [other]


def test_one_that_was_the_best_before_gives_way(record):
    """A record that names another proxy has one row of it, the one that is the best now."""
    frame = record.scores()
    before = {"proxy-l2": record.content["floors"]["params"]}
    content = {"floors": record.content["floors"] | before}
    content["over_floors"] = record.content["over_floors"] | {
        "proxy-l2": record.content["over_floors"]["params"]
    }
    earlier = replace(record, content=record.content | content)
    keep(dict(zip(frame["arch"], frame["truth"], strict=True)))
    (found,) = under([earlier], "all")
    for kind in ("floors", "over_floors"):
        named = [name for name in found.content[kind] if name.startswith("proxy-")]
        assert named == ["proxy-jacov"]
    rows = compared([found])["method"].tolist()
    assert [row for row in rows if row.startswith("best proxy")] == ["best proxy (jacov)"]
