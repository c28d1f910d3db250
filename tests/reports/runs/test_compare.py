import math
from pathlib import Path

import pytest

from harness.cli import main
from harness.metrics.intervals import combine
from harness.metrics.metrics import METRICS
from reports.pictures.tau_of_seeds import context_words
from reports.runs.compare import summary
from reports.runs.configuration import configurations, contexts, told_apart, told_of_all
from reports.runs.record import Record, load
from reports.runs.row import describe
from reports.text.comparison_table import to_markdown
from searchspaces.errors import UsageError

SPOS_TAUS, FULL_TAUS = (0.50, 0.51, 0.55), (0.58, 0.60, 0.68)  # means are no medians
FLOORS = (("params", 0.4), ("proxy-synflow", 0.6))
REGRETS = (0.0, 1.0, 5.0)
SPREAD = 0.0264575  # standard deviation of SPOS_TAUS, and of their differences from FULL_TAUS


@pytest.fixture
def folders(write_run, make_record):
    """Three seeds of SPOS and of MNGNAS in full, two of its arm without distillation."""
    made = []
    for seed in range(3):
        made.append(write_run(f"s{seed}", make_record("spos", seed, SPOS_TAUS[seed])))
        content = make_record("mngnas", seed, FULL_TAUS[seed], costs__image_passes=3_000_000)
        content["found"]["regret"] = REGRETS[seed]
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
    # t(2) = 4.303; 0.04 is the runs' half-width.
    half = math.hypot(4.302653 * SPREAD / math.sqrt(3), 0.04)
    assert (spos["tau_low"], spos["tau_high"]) == pytest.approx((0.52 - half, 0.52 + half))
    assert spos["over_floor"] == pytest.approx(0.06)
    assert full["seeds"] == 3 and none["seeds"] == 2
    assert full["unique_tau"] == pytest.approx(0.61)
    assert full["top10_tau"] == pytest.approx(0.32)
    assert full["precision_at_top10pct"] == pytest.approx(0.25)
    assert full["image_passes"] == 3_000_000
    assert full["regret"] == pytest.approx(2.0)
    half = 4.302653 * math.sqrt(7) / math.sqrt(3)
    assert (full["regret_low"], full["regret_high"]) == pytest.approx((2 - half, 2 + half))


def test_how_far_over_the_highest_floor_has_the_combined_interval_of_the_runs(
    folders, write_run, make_record, make_interval
):
    spos = summary(folders).iloc[3]
    assert spos["over_floor_low"] is None or math.isnan(spos["over_floor_low"])
    gaps, runs = (0.03, 0.05, 0.01), []
    for seed, gap in enumerate(gaps):
        content = make_record("fairnas", seed, 0.46 + gap)
        over = {"params": make_interval(0.9, 0.01), "flops": make_interval(gap, 0.02)}
        runs.append(write_run(f"f{seed}", content | {"over_floors": over}))
    row = summary(folders + runs).set_index("method").loc["fairnas"]
    expected = combine([make_interval(gap, 0.02) for gap in gaps])  # over FLOPs, the highest
    found = {end: row[f"over_floor_{end}"] for end in ("low", "high")}
    assert row["over_floor"] == pytest.approx(0.03)
    assert found == {end: pytest.approx(expected[end]) for end in found}
    assert found["low"] < 0
    text = to_markdown(summary(folders + runs))
    assert (
        f"+0.030 [{found['low']:+.3f}, {found['high']:+.3f}], not shown".replace("-", "−") in text
    )


def test_any_floor_of_a_record_is_one_and_the_highest_counts(write_run, make_record, make_interval):
    """Older records of the context know fewer."""
    content = make_record("spos", 0, 0.75)
    content["floors"]["epochs-12"] = make_interval(0.7, 0.02)
    content["over_floors"] = {"epochs-12": make_interval(0.05, 0.03)}
    runs = [write_run("new", content), write_run("old", make_record("cream", 0, 0.6))]
    table = summary(runs)
    assert table["method"].tolist()[:4] == ["parameters", "FLOPs", "12 epochs", "random"]
    rows = table.set_index("method")
    assert rows.loc["spos", "over_floor_low"] == pytest.approx(0.02)
    assert rows.loc["cream", "over_floor"] == pytest.approx(-0.1)


INITIALISED = {"split": "none", "bn": "none", "images": 64}
ALONE = {"split": "val", "bn": "own", "by": "accuracy", "images": 1000}  # a short training


def scorer_record(make_record, tau, scoring=INITIALISED, **changes):
    return make_record("synflow", 0, tau, **changes) | {"scoring": scoring}


@pytest.mark.parametrize("scoring", [INITIALISED, ALONE])
def test_a_scorer_stands_beside_methods_scored_on_any_split_and_is_compared_with_spos(
    folders, write_run, make_record, scoring
):
    more = [write_run("x", scorer_record(make_record, 0.7, scoring))]
    other = make_record("spos", 0, 0.4)
    other["scoring"]["bn"] = "batchstat"
    more.append(write_run("b", other))
    table = summary(folders + more)
    methods = table[table["kind"] == "method"]
    both = {(row["bn"], row["method"]): row["difference"] for _, row in methods.iterrows()}
    assert both["recalibrate", "synflow"] == pytest.approx(0.7 - SPOS_TAUS[0])
    assert both["batchstat", "synflow"] == pytest.approx(0.3)
    assert set(methods["bn"]) == {"recalibrate", "batchstat"}


def test_scorers_alone_are_a_context_and_those_of_another_truth_their_own(
    folders, write_run, make_record
):
    alone = [write_run("x", scorer_record(make_record, 0.7))]
    assert list(summary(alone)["bn"].unique()) == ["none"]
    assert "600 architectures; scored as initialised, nothing trained; truth" in to_markdown(
        summary(alone)
    )
    elsewhere = [write_run("y", scorer_record(make_record, 0.7, n=500))]
    table = summary(folders + elsewhere)
    assert set(table[table["method"] == "synflow"]["bn"]) == {"none"}
    assert list(table["kind"]).count("ceiling") == 2


def test_a_share_has_no_interval_below_zero(write_run, make_record, make_interval):
    folders = [
        write_run(str(seed), make_record(
            "spos", seed, metrics__all__precision_at_top10pct=make_interval(0.1 * seed, 0.05)
        ))
        for seed in range(3)
    ]  # fmt: skip
    row = summary(folders).set_index("method").loc["spos"]
    assert row["precision_at_top10pct_low"] == 0
    assert row["precision_at_top10pct_high"] == pytest.approx(
        0.1 + math.hypot(4.302653 * 0.1 / math.sqrt(3), 0.05)
    )


def test_seeds_are_combined_as_everywhere(folders, make_interval):
    found = summary(folders).iloc[5]
    expected = combine([make_interval(tau, 0.04) for tau in FULL_TAUS])
    assert (found["tau_low"], found["tau_high"]) == (expected["low"], expected["high"])


def test_differences_are_paired_by_seed(folders):
    _, _, _, spos, none, full, _ = summary(folders).to_dict("records")
    assert spos["difference"] != spos["difference"]
    assert full["difference"] == pytest.approx(0.1)
    # Differences 0.08, 0.09, 0.13.
    half = 4.302653 * SPREAD / math.sqrt(3)
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
    name = table["configuration"].dropna().iloc[0]
    assert summary(folders, name)["difference"].notna().sum() == 1


def test_a_score_by_loss_and_a_proxy_are_told_even_where_all_have_them(write_run, make_record):
    folders = []
    for seed in range(2):
        content = make_record("spos", seed, task="cifar10")
        content["config"] |= {"score": {"by": "loss"}, "supernet": {"scale": "proxy", "width": 0}}
        folders.append(write_run(f"p{seed}", content))
    table = summary(folders)
    assert list(table["settings"].dropna()) == ["score.by loss, supernet.scale proxy"]
    assert "supernet.scale proxy" in to_markdown(table)


def test_all_settings_but_seed_and_preset_tell_configurations_apart(write_run, make_record):
    changes = [
        {}, {"config__train_images": 500}, {"config__equalise": "steps"}, {"config__cutout": 4},
        {"config__train__lr": 0.2}, {"config__options": {"sampler": "flops_bins"}},
    ]  # fmt: skip
    records = [load(write_run(str(i), make_record(**c))) for i, c in enumerate(changes)]
    assert len(configurations(records)) == len(changes)
    other = load(write_run("other", make_record(seed=1, config__preset="paper")))
    assert sorted(len(group.runs) for group in configurations([*records, other])) == [1] * 5 + [2]


def test_an_unknown_reference_is_refused(folders):
    with pytest.raises(UsageError, match="did you mean 'mngnas'"):
        summary(folders, "mngnsa")


@pytest.mark.parametrize("change", [{"n": 200}, {"scoring__bn": "running"}, {"config__task": "c"}])
def test_other_contexts_are_not_compared(write_run, make_record, change):
    folders = [write_run("a", make_record()), write_run("b", make_record("mngnas", **change))]
    table = summary(folders)
    assert "difference" not in table
    assert list(table["kind"]).count("ceiling") == 2


@pytest.mark.parametrize(
    "place",
    [
        "config space", "config task", "ground_truth table", "ground_truth version",
        "ground_truth truth", "ground_truth split", "ground_truth seeds", "epochs", "n", "protocol",
        "scoring split", "scoring bn",
    ],
)  # fmt: skip
def test_whatever_makes_numbers_comparable_keeps_seeds_and_methods_apart(make_record, place):
    """A seed of another context is neither of the same configuration nor beside it."""
    usual, other = make_record(), make_record(seed=1)
    *branch, leaf = place.split()
    inside = other[branch[0]] if branch else other
    inside[leaf] = f"{inside.get(leaf)}0"
    runs = [Record(Path(name), content) for name, content in (("a", usual), ("b", other))]
    found = contexts(configurations(runs))
    assert [[len(group.runs) for group in together] for together in found] == [[1], [1]]


def test_missing_parts_stay_missing(write_run, make_record, make_interval):
    content = make_record(metrics__all__kendall_tau=make_interval(None), floors={}, ceiling=None)
    content["found"]["regret"] = None
    del content["costs"], content["metrics"]["unique"]
    table = summary([write_run("a", content)])
    assert list(table["kind"]) == ["method"]
    assert table[["tau", "tau_low", "unique_tau", "regret", "seconds"]].isna().all(axis=None)


def test_every_measure_is_the_mean_of_its_own_numbers(write_run, make_record, make_interval):
    """Three skewed seeds, in which no two numbers of a record are equal."""
    own = {
        "tau": ("metrics", "all", "kendall_tau"), "unique_tau": ("metrics", "unique", "kendall_tau"),
        "top10_tau": ("metrics", "top10", "kendall_tau"),
        "precision_at_top10pct": ("metrics", "all", "precision_at_top10pct"), "regret": ("found", "regret"),
        **{cost: ("costs", cost) for cost in ("image_passes", "scoring_image_passes", "seconds")},
    }  # fmt: skip
    folders = []
    for seed, part in enumerate((0.0, 0.1, 0.8)):
        content = make_record(seed=seed)
        for values in content["metrics"].values():
            values |= {name: make_interval(-0.5) for name in METRICS}
        for number, keys in enumerate(own.values()):
            inside = content
            for key in keys[:-1]:
                inside = inside[key]
            value = 0.01 * number + 0.1 * part
            inside[keys[-1]] = make_interval(value, 0.0) if keys[0] == "metrics" else value
        folders.append(write_run(f"s{seed}", content))
    row = summary(folders).set_index("method").loc["spos"]
    for number, column in enumerate(own):
        assert row[column] == pytest.approx(0.01 * number + 0.03), column


COSTS = {"compute": 2000.0, "declared": 1000.0}


@pytest.mark.parametrize(
    ("training", "refused"),
    [
        ({"equalise": "compute", **COSTS}, True),
        ({"equalise": "images", **COSTS}, True),
        ({"equalise": "steps", **COSTS}, False),
        ({"equalise": "compute", "compute": 1040.0, "declared": 1000.0}, False),
        ({"equalise": "compute", "compute": 940.0, "declared": 1000.0}, True),
        ({"equalise": "compute"}, False),  # of before
    ],
)
def test_methods_that_cost_other_than_they_declare_are_not_compared_unasked(
    write_run, make_record, capsys, training, refused
):
    folders = [
        write_run("a", make_record("spos", 0)),
        write_run("b", make_record("fairnas", 0, training=training)),
    ]
    assert main(["compare", *map(str, folders)]) == (2 if refused else 0)
    if refused:
        times = training["compute"] / training["declared"]
        said = capsys.readouterr().err
        assert f"the training of {folders[1]} cost {times:.2g} times the compute" in said
        assert main(["compare", *map(str, folders), "--unequal"]) == 0
        said = f"The training of fairnas (full, printed) cost {times:.2g} times the compute that"
        assert said in capsys.readouterr().out
    assert main(["compare", str(folders[1])]) == 0  # beside itself it is at equal cost


def test_of_several_seeds_that_farthest_from_what_is_declared_is_told(write_run, make_record):
    for far, spent in ((0.25, (250.0, 1500.0)), (3.0, (3000.0, 500.0))):
        folders = [
            write_run(
                f"{spent}-{seed}",
                make_record(
                    "fairnas",
                    seed,
                    training={"equalise": "compute", "compute": compute, "declared": 1000.0},
                ),
            )
            for seed, compute in enumerate(spent)
        ]
        table = summary(folders)
        assert table["times_declared"].dropna().tolist() == [far]


def test_the_resolution_of_a_supernet_is_told_even_where_all_have_it(write_run, make_record):
    content = make_record("spos", task="cifar10")
    content["config"]["supernet"] = {"resolution": 16}
    table = summary([write_run("a", content)])
    assert list(table["settings"].dropna()) == ["supernet.resolution 16"]


def test_arms_stand_from_least_to_most_distillation(make_record):
    arms = ("full", "average", "none", "searched", "other", "single")
    runs = [make_record("mngnas", config__options={"kd": arm}) for arm in arms]
    found = configurations(Record(Path(arm), run) for arm, run in zip(arms, runs, strict=True))
    order = [group.method["arm"] for group in found]
    assert order == ["none", "single", "average", "searched", "full", "other"]


def test_seeds_on_several_devices_name_them_all(make_record):
    devices = ("GPU", "CPU", "GPU")
    runs = [
        Record(Path(str(seed)), make_record(seed=seed, costs__device=device))
        for seed, device in enumerate(devices)
    ]
    (group,) = configurations(runs)
    assert group.describe()["device"] == "CPU and GPU"


def test_what_all_configurations_have_is_said_once_in_pictures(write_run, make_record):
    folders = []
    for method, resolution in (("spos", 16), ("fairnas", 16), ("cream", 8)):
        content = make_record(method, 0, task="cifar10")
        supernet = {"scale": "proxy", "width": 0, "resolution": resolution}
        content["config"] |= {"supernet": supernet}
        folders.append(write_run(method, content))
    groups = configurations(map(load, folders))
    assert told_of_all(groups) == ["supernet.scale proxy"]
    whole = [f"supernet.resolution {side}, supernet.scale proxy" for side in (8, 16, 16)]
    assert told_apart(groups) == whole
    rest = [f"supernet.resolution {side}" for side in (8, 16, 16)]
    assert told_apart(groups, told_of_all(groups)) == rest
    assert ", preset laptop, supernet.scale proxy: " in context_words(groups)
    assert told_of_all(groups[:1]) == []


def test_the_scorer_that_is_the_best_floor_is_not_compared_with_itself(write_run, make_record):
    known = {name: {"value": tau, "low": None, "high": None, "n": 9} for name, tau in FLOORS}
    runs = [
        write_run(method, make_record(method, 0, 0.5) | {"floors": known})
        for method in ("synflow", "spos")
    ]
    table = summary(runs).set_index("method")
    assert math.isnan(table.loc["synflow", "over_floor"])
    assert table.loc["spos", "over_floor"] == pytest.approx(-0.1)
    rows = {run.name: describe(load(run)) for run in runs}
    assert rows["synflow"]["over_floor"] is None
    assert rows["spos"]["over_floor"] == pytest.approx(-0.1)
