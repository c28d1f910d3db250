import json

import pandas as pd
import pytest

from reports.commands.compare import main
from reports.pictures.scatter import titles
from reports.pictures.tau_of_seeds import context_words
from reports.runs.compare import compared, summary
from reports.runs.configuration import configurations
from reports.runs.record import load
from reports.text.comparison_table import save, to_markdown
from reports.text.escaping import MARKDOWN
from searchspaces.errors import UsageError


@pytest.fixture
def folders(write_run, make_record):
    made = []
    for seed, (base, full) in enumerate([(0.50, 0.51), (0.52, 0.51), (0.40, 0.44)]):
        made.append(write_run(f"s{seed}", make_record("spos", seed, base)))
        made.append(
            write_run(f"m{seed}", make_record("mngnas", seed, full, costs__image_passes=2_500_000))
        )
    return made


def cells(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_rows_and_columns_as_people_read_them(folders):
    text = to_markdown(summary(folders))
    head, rule, *rows = cells(text)
    assert {len(row) for row in (head, rule, *rows)} == {len(head)}
    assert [row[0] for row in rows] == [
        "floor: parameters", "floor: FLOPs", "floor: random", "spos", "mngnas", "ceiling",
    ]  # fmt: skip
    spos, mngnas = (dict(zip(head, row, strict=True)) for row in rows[3:5])
    assert spos["Kendall τ"].startswith("0.473 [")
    assert spos["over the best floor"] == "+0.013"
    assert spos["τ − τ of spos"] == "–"
    assert mngnas["τ − τ of spos"] == "+0.013 [−0.049, +0.076], not shown"
    assert mngnas["image passes (training + scoring)"] == "2.50 M + 0.50 M"
    assert "settings" not in head
    assert text.startswith("**nb201 on digits**: 600 architectures; scores on the val split, BN")
    assert "Costs are not equal: from 1.50 M to 3.00 M image passes." in text


def test_below_the_floor_shows_as_negative(write_run, make_record):
    text = to_markdown(summary([write_run("a", make_record(tau=0.3))]))
    assert "| −0.160 |" in text


@pytest.mark.parametrize(
    ("n", "half", "said"),
    [(19, 0.1, "19 architectures are few and have wide intervals; score 20 or more."),
     (2, None, "2 architectures are few and allow no interval; score 20 or more."), (20, 0.1, "")],
)  # fmt: skip
def test_few_architectures_are_told(write_run, make_record, make_interval, n, half, said):
    tau = make_interval(0.5, half)
    text = to_markdown(summary([write_run("a", make_record(n=n, metrics__all__kendall_tau=tau))]))
    assert said in text and ("are few" in text) == bool(said)


def test_names_cannot_break_the_table(write_run, make_record):
    content = make_record("my|me*th_od\n`x`<b>")
    text = to_markdown(summary([write_run("a", content)]))
    assert r"my\|me\*th\_od \`x\`\<b\>" in text
    assert MARKDOWN.escape("a~b") == r"a\~b"


def test_twins_hold_the_same_rows(folders, tmp_path):
    table = summary(folders)
    paths = save(table, tmp_path / "out" / "table.v1")
    assert [path.name for path in paths] == ["table.v1.md", "table.v1.csv", "table.v1.parquet"]
    assert paths[0].read_text() == to_markdown(table)
    assert list(pd.read_csv(paths[1])["tau"]) == list(table["tau"])
    pd.testing.assert_frame_equal(pd.read_parquet(paths[2]), table, check_dtype=False)


@pytest.mark.slow
def test_command_prints_the_table_of_a_folder_of_runs(folders, tmp_path, capsys):
    (tmp_path / "supernets").mkdir()
    main([str(tmp_path), "--output", str(tmp_path / "table")])
    assert capsys.readouterr().out == to_markdown(summary(folders)).rstrip() + "\n"
    assert (tmp_path / "table.csv").exists()


def test_command_refuses_what_holds_no_run(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        main([str(tmp_path)])
    with pytest.raises(UsageError, match="--reference"):
        main(["--referense", "x"])


def test_what_a_table_does_not_tell_is_said_to_be_unknown(write_run, make_record):
    """A table of one's own accuracies need not say how long or how often networks were trained."""
    content = make_record(tau=0.3)
    content["epochs"] = content["ground_truth"]["seeds"] = 0
    records = [load(write_run("a", content))]
    for text in (
        to_markdown(compared(records)),
        context_words(configurations(records)),
        titles(records[0])[2],
    ):
        assert "epochs not known, seeds not known" in text and "0 epochs" not in text


def test_every_column_has_the_numbers_of_its_head(write_run, make_record, make_interval):
    """One seed of either, so that intervals are those of the records."""
    content = make_record("mngnas", 0, 0.61)
    content["metrics"] = {
        "all": {
            "kendall_tau": make_interval(0.612, 0.041),
            "precision_at_top10pct": make_interval(0.43, 0.05),
        },
        "unique": {"kendall_tau": make_interval(0.31, 0.06)},
        "top10": {"kendall_tau": make_interval(0.22, 0.07)},
    }
    content["found"]["regret"] = 1.25
    content["costs"] |= {"image_passes": 2_500_000, "scoring_image_passes": 750_000}
    content["costs"] |= {"seconds": 90.4, "device": "GPU"}
    over = {"params": make_interval(0.9, 0.01), "flops": make_interval(0.152, 0.02)}
    folders = [
        write_run("m", content | {"over_floors": over}),
        write_run("s", make_record("spos", 0, 0.5)),
        write_run("s1", make_record("spos", 1, 0.5)),
    ]
    text = to_markdown(summary(folders))
    head, _, *rows = cells(text)
    named = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert named["mngnas"] == {
        "method": "mngnas", "kd": "full", "qp": "printed", "seeds": "1",
        "Kendall τ": "0.612 [0.571, 0.653]",
        "over the best floor": "+0.152 [+0.132, +0.172]",
        "τ − τ of spos": "+0.112, not shown",
        "τ unique": "0.31 [0.25, 0.37]",
        "τ top 10 %": "0.22 [0.15, 0.29]",
        "P@top 10 %": "0.43 [0.38, 0.48]",
        "regret (points)": "1.25",
        "image passes (training + scoring)": "2.50 M + 0.75 M",
        "seconds": "90",
    }  # fmt: skip
    assert named["floor: FLOPs"]["Kendall τ"] == "0.460 [0.420, 0.500]"
    assert named["ceiling"]["Kendall τ"] == "0.900 [0.890, 0.910]"
    assert text.splitlines()[0] == (
        "**nb201 on digits**: 600 architectures; scores on the val split, BN recalibrate; truth of "
        "nb201-compact-digits: training digits, test split, 4 epochs, 3 seeds"
    )
    assert "Costs are not equal: from 1.50 M to 3.25 M image passes." in text
    assert "Seconds on CPU and GPU." in text and "comparisons" not in text
    assert "Differences are of a single seed" in text and "t interval" not in text


def test_pairs_of_fewer_seeds_and_several_comparisons_are_said(write_run, make_record):
    taus = {"spos": (0.50, 0.52), "mngnas": (0.60, 0.61, 0.90), "gdas": (0.61, 0.64)}
    folders = [
        write_run(f"{method}{seed}", make_record(method, seed, tau))
        for method, own in taus.items()
        for seed, tau in enumerate(own)
    ]
    text = to_markdown(summary(folders))
    # Differences 0.10 and 0.09, 0.11 and 0.12: t(1) = 12.706, deviations 0.00707.
    assert "| +0.095 [+0.031, +0.159] (2 of 3 seeds) |" in text
    assert "| +0.115 [+0.051, +0.179] |" in text
    assert "With 2 comparisons, one or another may exclude zero by chance." in text
    assert "with a t interval over seeds" in text


@pytest.mark.parametrize(
    ("passes", "told"),
    [
        (1_070_000, "equal in image passes, within 5 %."),
        (1_080_000, "not equal: from 1.50 M to 1.58 M image passes."),
    ],
)
def test_costs_are_equal_where_all_passes_together_are(write_run, make_record, passes, told):
    folders = [
        write_run(method, make_record(method, costs__image_passes=own))
        for method, own in (("spos", 1_000_000), ("gdas", passes))
    ]
    assert f"Costs are {told}" in to_markdown(summary(folders))


def test_trainings_that_much_scoring_hides_are_told(write_run, make_record):
    folders = [
        write_run(method, make_record(method, costs__image_passes=own))
        for method, own in (("spos", 640), ("gdas", 1_920))
    ]
    told = to_markdown(summary(folders))
    assert "Trainings are not equal: from 640 to 1,920 image passes." in told
    assert "Costs are" not in told


def test_the_command_subtracts_the_reference_that_is_named(folders, capsys):
    main([*map(str, folders), "--reference", "mngnas", "--json"])
    (row,) = (row for row in json.loads(capsys.readouterr().out) if row["method"] == "spos")
    assert row["reference"] == "mngnas full printed"
    assert row["difference"] == pytest.approx(-0.04 / 3)
