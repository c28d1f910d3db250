import numpy as np
import pytest

from harness.tabular.locate import EMBEDDED
from harness.tabular.nasbench101 import MIXPATH, ONE_SHOT_1_1, restrict
from harness.tabular.table import Table
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import canonical_genes, encode_cell
from searchspaces.nb101.variants import MixPathSpace

MEANS, TABLE = "nb101_108epochs_mean_test.npz", "nb101-benchmark-cifar10.parquet"


@pytest.fixture(scope="module")
def table():
    """MixPath's table from the packaged one of the benchmark."""
    (found,) = MIXPATH.read(EMBEDDED / TABLE, lambda arch, task: (0, len(arch)))
    return found


def test_mixpath_cells_have_the_measurements_of_their_classes(table, tmp_path):
    space = MixPathSpace()
    archs = [space.decode(text) for text in table.archs]
    assert len(archs) == len(set(archs)) == 255
    by_class = {}
    for arch, accuracy in zip(archs, table.accuracy("test"), strict=True):
        by_class.setdefault(space.canonical(arch), set()).add(accuracy)
    assert len(by_class) == 34
    assert all(len(accuracies) == 1 for accuracies in by_class.values())
    assert table.madds.tolist() == [len(text) for text in table.archs]
    assert table.meta.name == "nb101-mixpath-benchmark-cifar10"
    table.save(tmp_path / "t.parquet")
    assert Table.load(tmp_path / "t.parquet").meta == table.meta


def test_parameters_of_mixpath_cells_are_analytic(table):
    space = MixPathSpace()
    costs = [space.cost(space.decode(text), ImageSpec(3, 32, 10)) for text in table.archs]
    assert [cost.params for cost in costs] == table.params.tolist()


def test_only_cells_that_the_table_has(make_table):
    space = MixPathSpace()
    cell = encode_cell(canonical_genes(space.genes((1, 0, 0, 2))))
    columns = {"test.5.mean": np.array([10.0, 20.0])}
    both = make_table(["out:0", cell], columns, params=np.array([1, 2]))
    part = restrict(both, space, None)
    assert len(part) == 12  # two places out of four, in either order
    assert set(part.accuracy("test")) == {20.0} and set(part.params) == {2}
    none = make_table(["out:0"], {"test.5.mean": np.array([10.0])}, params=np.array([1]))
    with pytest.raises(UsageError, match="no cell of nb101-mixpath"):
        restrict(none, space, None)


def test_one_shot_1_reads_the_files_of_the_benchmark():
    assert list(ONE_SHOT_1_1.files) == ["nasbench_only108.tfrecord", MEANS, TABLE]
