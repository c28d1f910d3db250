"""What the tests of tables share: small tables, and NAS-Bench-201's published files in small."""

from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import made_meta

from harness.tabular.table import Table
from searchspaces.nb201.cell import OPERATORS
from searchspaces.nb201.space import NASBench201


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, and no data folder in the environment."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def make_table():
    """``make_table(archs, columns, **meta)``: a table, by default of space toy."""

    def make(archs=("a", "b"), columns=None, params=None, madds=None, **meta):
        columns = columns or {"test.5.mean": np.linspace(10, 90, len(archs))}
        return Table(made_meta(**{"space": "toy"} | meta), list(archs), columns, params, madds)

    return make


@pytest.fixture(scope="session")
def cells():
    """The official strings of all 15,625 cells, in some order."""
    space = NASBench201()
    return [space.encode(arch) for arch in product(range(len(OPERATORS)), repeat=6)]


@pytest.fixture(scope="session")
def published(cells, tmp_path_factory):
    """A folder with the CSVs and the joined parquet in their own layouts, random accuracies."""
    folder = tmp_path_factory.mktemp("published")
    rng = np.random.default_rng(0)
    stems = {"c10valid": "cifar10", "c100": "cifar100", "in16": "ImageNet16-120"}
    joined = {"arch_id": np.arange(len(cells)), "arch_str": cells}
    for stem, dataset in stems.items():
        accuracies = rng.uniform(0, 100, (3, len(cells)))
        joined |= {
            f"{stem}_{k}_200": accuracies[i] for i, k in enumerate(("train", "valid", "test"))
        }
        joined |= {f"{stem}_{k}_12": rng.uniform(0, 100, len(cells)) for k in ("valid", "test")}
        lines = ["file id,arch str,cfg name,C,N,train accuracy,validation accuracy,test accuracy"]
        for row, (cell, *values) in enumerate(zip(cells, *accuracies.tolist(), strict=True)):
            lines.append(f"{row},{cell},infer.tiny,16,5,{','.join(map(repr, values))}")
        (folder / f"nasbench201_{dataset}.csv").write_text("\n".join(lines) + "\n")
    runs = [rng.uniform(0, 100, rng.integers(1, 4)).round(2).tolist() for _ in cells]
    joined["c10full_test_200_per_seed"] = runs
    joined["c10full_test_200"] = [np.mean(run) for run in runs]
    joined["c10full_test_12"] = rng.uniform(0, 100, len(cells))
    joined["params_M_c10"] = rng.integers(70_000, 2_000_000, len(cells)) / 1e6
    joined["flops_M_c10"] = rng.integers(10**7, 2 * 10**8, len(cells)) / 1e6
    pq.write_table(pa.table(joined), folder / "nb201_v1_1.parquet")
    return folder
