"""How far the scores of runs of one configuration agree."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from reports.commands.compare import main
from reports.runs.agreement import KINDS, agreement, means
from reports.text.agreement_table import TITLE, to_markdown
from searchspaces.errors import UsageError

NATIVE = {"model": "EPYC", "vectors": "AVX512", "limits": {}}
OLD = {"model": "EPYC", "vectors": "DEFAULT", "limits": {"ONEDNN_MAX_CPU_ISA": "SSE41"}}


@pytest.fixture
def scored(write_run, make_record, make_scores):
    """Writes runs whose scores are the same ones with noise of their own."""

    def write(name, noise, seed=0, method="spos", processor=NATIVE, **changes):
        frame = make_scores(200, dead=0)
        frame["score"] += noise * np.random.default_rng(len(name)).normal(size=200)
        content = make_record(method, seed, **changes) | {"processor": processor}
        if processor is None:
            del content["processor"]
        return write_run(name, content, frame)

    return write


@pytest.fixture
def folders(scored):
    """Two seeds on one processor, of one of which there is a run on another; and MNGNAS's."""
    return [
        scored("a", 0.0),
        scored("bb", 5.0, seed=1),
        scored("ccc", 1.0, processor=OLD),
        scored("dddd", 2.0, method="mngnas"),
        scored("eeeee", 2.0, seed=7, method="mngnas"),
    ]


def scores(folder):
    return pd.read_parquet(f"{folder}/scores.parquet")


def test_runs_are_paired_where_one_thing_differs(folders):
    pairs = agreement(folders)
    first, second, third, *others = folders
    spos = pairs[pairs["method"] == "spos"]
    assert list(spos["differ"]) == ["seed", "processor"]
    assert spos[["first_seed", "second_seed"]].to_numpy().tolist() == [[0, 1], [0, 0]]
    assert list(spos["first"]) == [str(first)] * 2
    assert list(spos["second"]) == [str(second), str(third)]  # not the second with the third
    assert spos["second_processor"].iloc[1] == "CPU, EPYC, DEFAULT, ONEDNN_MAX_CPU_ISA=SSE41"
    (other,) = pairs[pairs["method"] == "mngnas"].to_dict("records")
    assert (other["first"], other["second"]) == tuple(map(str, others))
    for _, row in pairs.iterrows():
        one, two = (scores(row[of]) for of in ("first", "second"))
        expected = kendalltau(one["score"], two["score"]).statistic
        assert row["tau"] == pytest.approx(expected, abs=1e-12) and 0.3 < expected < 0.99
        for name, own in (("first_tau", one), ("second_tau", two)):
            expected = kendalltau(own["score"], own["truth"]).statistic
            assert row[name] == pytest.approx(expected, abs=1e-12)


def test_architectures_are_matched_by_name_not_by_row(scored):
    one, two = scored("a", 0.0), scored("bb", 1.0, seed=1)
    expected = agreement([one, two])
    shuffled = scores(two).sample(frac=1.0, random_state=0)
    shuffled.to_parquet(two / "scores.parquet", index=False)
    pd.testing.assert_frame_equal(agreement([one, two]), expected)


def test_means_are_over_the_pairs_of_a_kind(scored):
    folders = [scored("x" * (seed + 1), 1.0, seed=seed) for seed in range(3)]
    pairs = agreement(folders)
    (mean,) = means(pairs).to_dict("records")
    assert (mean["pairs"], mean["differ"], len(pairs)) == (3, "seed", 3)
    assert mean["tau"] == pytest.approx(np.mean(pairs["tau"]))
    assert mean["lowest"] == min(pairs["tau"]) < mean["tau"]
    apart = [abs(a - b) for a, b in zip(pairs["first_tau"], pairs["second_tau"], strict=True)]
    assert mean["truth_apart"] == pytest.approx(np.mean(apart))
    assert mean["most_apart"] == max(apart)


def test_runs_whose_processors_nobody_noted_differ_in_nothing_known(scored):
    folders = [scored("a", 0.0, processor=None), scored("bb", 0.0, processor=None)]
    (pair,) = agreement(folders).to_dict("records")
    assert (pair["differ"], pair["tau"]) == ("nothing", 1.0)
    assert pair["first_processor"] == "CPU"


def test_undefined_stays_undefined(scored, capsys):
    flat = scored("a", 0.0)
    scores(flat).assign(score=1.0).to_parquet(flat / "scores.parquet", index=False)
    main([str(flat), str(scored("bb", 1.0, seed=1)), "--agreement", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"][0]["tau"] is told["means"][0]["tau"] is None


def test_what_is_undefined_of_one_pair_is_of_the_mean(scored):
    folders = [scored("x" * (seed + 1), 1.0, seed=seed) for seed in range(3)]
    flat = scores(folders[2]).assign(score=1.0)
    flat.to_parquet(folders[2] / "scores.parquet", index=False)
    pairs = agreement(folders)
    assert pairs["tau"].notna().tolist() == [True, False, False]
    (mean,) = means(pairs).to_dict("records")
    assert mean["pairs"] == 3
    names = ("tau", "lowest", "truth_apart", "most_apart")
    assert [name for name in names if not np.isnan(mean[name])] == []


def test_other_configurations_and_contexts_are_not_paired(scored):
    alone = [scored("a", 0.0), scored("bb", 0.0, config__train__steps=8000, seed=1)]
    alone.append(scored("ccc", 0.0, scoring__bn="running", seed=2))
    with pytest.raises(UsageError, match=r"no two of these runs are of one configuration"):
        agreement(alone)


def test_the_command_prints_a_table_and_its_twin(folders, tmp_path, capsys):
    arguments = [*map(str, folders), "--agreement"]
    main([*arguments, "--output", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert printed.startswith(f"**{TITLE}**: nb201 on digits, 200 architectures")
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| mngnas", "| spos", "| spos"]
    assert all(kind in printed for kind in KINDS[:2]) and "nothing:" not in printed
    assert (tmp_path / "out.md").read_text().rstrip() == printed.rstrip()
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 3
    main([*arguments, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert len(told["pairs"]) == len(told["means"]) == 3
    assert f"{told['means'][1]['tau']:.3f}" in lines[3]


def test_a_reference_has_no_place_in_it(folders):
    with pytest.raises(UsageError, match="leave out --reference"):
        main([*map(str, folders), "--agreement", "--reference", "spos"])


def test_a_protocol_is_refused_rather_than_left_aside(folders):
    with pytest.raises(UsageError, match="leave out --protocol"):
        main([*map(str, folders), "--agreement", "--protocol", "top10"])


def test_the_table_has_every_mean_under_its_head(scored):
    folders = [scored("x" * (seed + 1), 1.0 + 4 * seed, seed=seed) for seed in range(3)]
    pairs = agreement(folders)
    taus, apart = pairs["tau"], (pairs["first_tau"] - pairs["second_tau"]).abs()
    heads, _, row = (line for line in to_markdown(pairs).splitlines() if line.startswith("|"))
    cells = dict(zip(*([c.strip() for c in line.split("|")] for line in (heads, row)), strict=True))
    assert cells == {
        "": "", "method": "spos", "runs differ in": "seed", "pairs": "3",
        "τ between their scores": f"{sum(taus) / 3:.3f}", "lowest": f"{min(taus):.3f}",
        "their τ with the truth apart by": f"{sum(apart) / 3:.3f}", "at most": f"{max(apart):.3f}",
    }  # fmt: skip
    assert len(set(cells.values())) == len(cells)


def test_architectures_that_one_run_alone_scored_are_left_out(scored):
    one, two = scored("a", 0.0), scored("bb", 5.0, seed=1)
    scores(two).iloc[50:].to_parquet(two / "scores.parquet", index=False)
    (pair,) = agreement([one, two]).to_dict("records")
    expected = kendalltau(scores(one)["score"].iloc[50:], scores(two)["score"]).statistic
    assert (pair["architectures"], pair["tau"]) == (150, pytest.approx(expected, abs=1e-12))
