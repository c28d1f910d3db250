"""The file of latencies: what it refuses."""

import json

import pytest
from latencies import IMAGE, FakeClock, measured
from planted import PlantedSpace

from harness.latency.table import LatencyTable
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("latency") / "l.json", FakeClock()).content


@pytest.fixture
def file(tmp_path, content):
    def write(**changes):
        path = tmp_path / "file.json"
        path.write_text(json.dumps(content | changes))
        return path

    return write


def test_what_was_written_is_read(file, content):
    table = LatencyTable.load(file())
    assert table.content == content and table.image == IMAGE
    for image in (IMAGE, None):
        assert table.predictor(PlantedSpace(), image)((1, 1, 1, 1)) > 0
    assert "batch 1, float32; on held-out networks off by" in table.sentence


def test_an_operator_that_was_not_measured_is_null(file, content):
    sites = [dict(site) for site in content["model"]["sites"]]
    sites[1] = sites[1] | {"ms": [None, 0.0, 4.0]}
    table = LatencyTable.load(file(model=content["model"] | {"sites": sites}))
    predict = table.predictor(PlantedSpace(), IMAGE)
    known, unknown = predict((0, 1, 0, 0)), predict((0, 0, 0, 0))
    assert known > 0 and unknown != unknown


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "table"}, "is no file of `nas-harness latency measure`"),
        ({"schema_version": 9}, "another version; measure again"),
        ({"model": {}}, "is damaged.*measure again"),
        (
            {
                "model": {
                    "constant_ms": 1.0,
                    "sites": [{"operators": ["a"], "ms": [], "always_runs": True}],
                }
            },
            "is damaged",
        ),
        ({"image": [1, 2]}, "is damaged"),
        ({"cross_validation": None}, "is damaged"),
    ],
)
def test_a_file_that_is_none_is_refused(file, changes, sentence):
    with pytest.raises(UsageError, match=sentence):
        LatencyTable.load(file(**changes))


def test_what_is_no_file_or_no_json_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no file .*latency measure"):
        LatencyTable.load(tmp_path / "absent.json")
    (tmp_path / "cut.json").write_text('{"kind": ')
    with pytest.raises(UsageError, match="cannot read"):
        LatencyTable.load(tmp_path / "cut.json")


def test_other_networks_are_refused(file):
    table = LatencyTable.load(file())
    with pytest.raises(UsageError, match="of planted at scale toy, .* of macro at scale compact"):
        table.predictor(SPACES["macro"]("compact"), IMAGE)
    with pytest.raises(UsageError, match="measure with their --task"):
        table.predictor(PlantedSpace(), ImageSpec(3, 32, 10))

    class Fewer(PlantedSpace):
        sites = PlantedSpace.sites[:3]

    with pytest.raises(UsageError, match="is of planted"):
        table.predictor(Fewer(), IMAGE)
