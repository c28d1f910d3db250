"""``--constraint NAME=LOW:HIGH``: its grammar, and that it is a part of the configuration."""

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from harness.commands.grid import parse as parse_grid
from harness.config.config import Config, with_values
from harness.config.constraints import limits_of
from methods.options import SearchLimits
from searchspaces.errors import UsageError


def limits(*texts):
    return limits_of(texts, {})


def test_bounds_are_options_of_the_limits():
    assert limits("madds=20:40") == {"min_madds": 20.0, "max_madds": 40.0}
    assert limits("params=:1.5") == {"min_params": 0.0, "max_params": 1.5}
    latency = {"min_cost": 2.0, "max_cost": 0.0, "cost": "latency_ms"}
    assert limits("latency_ms=2:") == latency
    assert limits("joule=1e-3:0.5", "madds=:7") == {
        "min_cost": 0.001, "max_cost": 0.5, "cost": "joule", "min_madds": 0.0, "max_madds": 7.0,
    }  # fmt: skip
    assert limits() == {}


BOUND = st.one_of(st.none(), st.floats(0.001, 1e9))


@given(BOUND, BOUND, st.floats(0, 1e10))
def test_what_is_within_is_admitted(low, high, madds):
    text = "madds=" + ":".join("" if bound is None else repr(bound) for bound in (low, high))
    if low is None and high is None or (high is not None and low is not None and high < low):
        with pytest.raises(UsageError):
            limits(text)
        return
    inside = (low is None or low * 1e6 <= madds) and (high is None or madds <= high * 1e6)
    assert SearchLimits(**limits(text)).admits(madds, 1) is inside


@pytest.mark.parametrize(
    "text",
    ["madds", "madds=", "madds=:", "madds=4", "=1:2", "madds=a:2", "madds=1:2:3", "madds=-1:2",
     "madds=nan:2", "madds=1:inf", ":", ""],
)  # fmt: skip
def test_what_is_no_constraint_is_refused_with_the_form(text):
    with pytest.raises(
        UsageError, match=r"takes NAME=LOW:HIGH .*as params=:1.5 or latency_ms=2:5, not"
    ) as error:
        limits(text)
    assert f"not '{text}'." in str(error.value)


def test_bounds_that_let_nothing_through_are_refused():
    with pytest.raises(UsageError, match="madds=4:3 lets nothing through: 3 is below 4"):
        limits("madds=4:3")
    with pytest.raises(UsageError, match="params=:0 lets nothing through: 0 is not above 0"):
        limits("params=:0")
    assert limits("params=3:3") == {"min_params": 3.0, "max_params": 3.0}


def test_one_quantity_has_one_constraint():
    with pytest.raises(UsageError, match="limits madds twice"):
        limits("madds=:4", "madds=1:")
    with pytest.raises(UsageError, match="limits latency_ms and joule; give one"):
        limits("latency_ms=:4", "joule=1:")
    with pytest.raises(UsageError, match="madds=:4 and --search.max-madds limit the same"):
        limits_of(["madds=:4"], {"search.max_madds": 3.0}, "search.")
    assert limits_of(["madds=:4"], {"search.min_cost": 3.0}, "search.")["search.max_madds"] == 4


def test_a_run_has_them_in_its_configuration(tmp_path):
    file = tmp_path / "l.json"
    file.write_text("{}")
    plain = tiny.config("spos")
    given = tiny.config("spos", "--constraint", "madds=1:2", "--constraint", "params=:0.5")
    assert (given.search.min_madds, given.search.max_madds, given.search.max_params) == (1, 2, 0.5)
    assert given == with_values(
        plain, {"search.min_madds": 1.0, "search.max_madds": 2.0, "search.max_params": 0.5}
    )
    latency = "--constraint", "latency_ms=:5", "--latency", str(file)
    by_latency = tiny.config("spos", *latency)
    assert by_latency.search.latency == str(file) and by_latency.search.max_cost == 5
    assert by_latency.to_dict()["search"]["latency"] == str(file)
    names = {config.run_name("t") for config in (plain, given, by_latency)}
    file.write_text("{ }")  # measured again: another run
    names.add(by_latency.run_name("t"))
    assert len(names) == 4
    assert "latency" not in plain.to_dict()["search"] and "sources" not in plain.to_dict()
    assert by_latency.sources() == {}  # what is trained is the same


def test_a_file_of_latencies_needs_their_constraint():
    for values in ({"search.latency": "l.json"}, {"search.latency": "l.json", "search.cost": "joule",
                                                  "search.max_cost": 1.0}):  # fmt: skip
        with pytest.raises(UsageError, match="--latency predicts what --constraint latency_ms"):
            with_values(Config.from_preset(method="spos"), values)


def test_a_grid_varies_them():
    line = "--method=spos --constraint madds=:1 madds=:2 --constraint params=:3"
    labelled, _ = parse_grid(line.split())
    assert len({label for label, _ in labelled}) == 2
    assert [(c.search.max_madds, c.search.max_params) for _, c in labelled] == [(1, 3), (2, 3)]
