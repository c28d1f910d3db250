import math

import pytest

from harness.metrics.intervals import combine
from reports.runs.compare import summary
from searchspaces.errors import UsageError

SPOS_TAUS, FULL_TAUS = (0.50, 0.52, 0.54), (0.60, 0.61, 0.65)


@pytest.fixture
def folders(write_run, make_record):
    """Three seeds of SPOS and of MNGNAS in full, two of its arm without distillation."""
    made = []
    for seed in range(3):
        made.append(write_run(f"s{seed}", make_record("spos", seed, SPOS_TAUS[seed])))
        content = make_record("mngnas", seed, FULL_TAUS[seed], costs__image_passes=3_000_000)
        content["found"]["regret"] = float(seed)
        made.append(write_run(f"m{seed}", content))
    for seed in range(2):
        content = make_record("mngnas", seed, SPOS_TAUS[seed] + (0.01, -0.03)[seed])
        content["config"]["options"]["kd"] = "none"
        made.append(write_run(f"n{seed}", content))
    return made


def test_summary_equals_numbers_made_by_hand(folders):
    table = summary(folders)
    assert list(table["kind"]) == ["floor"] * 3 + ["method"] * 3 + ["ceiling"]
    assert list(table["method"]) == [
        "parameters", "FLOPs", "random", "spos", "mngnas", "mngnas", "ceiling",
    ]  # fmt: skip
    assert list(table["tau"][[0, 1, 2, 6]]) == [0.45, 0.46, 0.0, 0.9]
    spos, none, full = (table.iloc[i] for i in (3, 4, 5))
    assert (none["arm"], full["arm"]) == ("none", "full")
    assert spos["tau"] == pytest.approx(0.52)
    # t(2) = 4.303; 0.02 is the standard deviation over the seeds, 0.04 the runs' half-width.
    half = math.hypot(4.302653 * 0.02 / math.sqrt(3), 0.04)
    assert (spos["tau_low"], spos["tau_high"]) == pytest.approx((0.52 - half, 0.52 + half))
    assert spos["over_floor"] == pytest.approx(0.06)
    assert full["seeds"] == 3 and none["seeds"] == 2
    assert full["unique_tau"] == pytest.approx(0.61)
    assert full["top10_tau"] == pytest.approx(0.32)
    assert full["precision_at_top"] == pytest.approx(0.25)
    assert full["image_passes"] == 3_000_000
    assert full["regret"] == pytest.approx(1.0)
    half = 4.302653 * 1 / math.sqrt(3)
    assert (full["regret_low"], full["regret_high"]) == pytest.approx((1 - half, 1 + half))


def test_seeds_are_combined_as_everywhere(folders, make_interval):
    found = summary(folders).iloc[5]
    expected = combine([make_interval(tau, 0.04) for tau in FULL_TAUS])
    assert (found["tau_low"], found["tau_high"]) == (expected["low"], expected["high"])


def test_differences_are_paired_by_seed(folders):
    _, _, _, spos, none, full, _ = summary(folders).to_dict("records")
    assert spos["difference"] != spos["difference"]
    assert full["difference"] == pytest.approx(0.1)
    # Differences 0.10, 0.09, 0.11: standard deviation 0.01.
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert (full["difference_low"], full["difference_high"]) == pytest.approx(
        (0.1 - half, 0.1 + half)
    )
    assert full["shown"] is True
    assert none["difference"] == pytest.approx(-0.01)
    assert none["difference_n"] == 2
    assert none["shown"] is False


def test_the_order_of_the_folders_does_not_matter(folders):
    assert summary(folders).equals(summary(reversed(folders)))
    assert summary(folders).equals(summary(folders[::-1] + folders))


def test_one_seed_twice_is_refused(write_run, make_record):
    folders = [write_run(name, make_record()) for name in "ab"]
    with pytest.raises(UsageError, match="are the same run"):
        summary(folders)


def test_what_differs_is_a_configuration_of_its_own_and_says_so(write_run, make_record):
    changes = [{}, {"config__train__steps": 8000}]
    folders = [write_run(str(i), make_record(**c)) for i, c in enumerate(changes)]
    table = summary(folders)
    assert sorted(table["settings"].dropna()) == ["train.steps 4000", "train.steps 8000"]
    assert "difference" not in table
    name = table["configuration"].dropna().iloc[0]
    assert summary(folders, name)["difference"].notna().sum() == 1
    with pytest.raises(UsageError, match="'spos' fits several"):
        summary(folders, "spos")


def test_an_unknown_reference_is_refused(folders):
    with pytest.raises(UsageError, match="did you mean 'mngnas'"):
        summary(folders, "mngnsa")


@pytest.mark.parametrize("change", [{"n": 200}, {"scoring__bn": "running"}, {"config__task": "c"}])
def test_other_contexts_are_not_compared(write_run, make_record, change):
    folders = [write_run("a", make_record()), write_run("b", make_record("mngnas", **change))]
    table = summary(folders)
    assert "difference" not in table
    assert list(table["kind"]).count("ceiling") == 2


def test_missing_parts_stay_missing(write_run, make_record, make_interval):
    content = make_record(metrics__all__kendall_tau=make_interval(None), floors={}, ceiling=None)
    content["found"]["regret"] = None
    del content["costs"], content["metrics"]["unique"]
    table = summary([write_run("a", content)])
    assert list(table["kind"]) == ["method"]
    assert table[["tau", "tau_low", "unique_tau", "regret", "seconds"]].isna().all(axis=None)
