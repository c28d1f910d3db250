"""The best proxy of a table: chosen on a sample by validation, then a floor of everything."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny

from harness.commands.table import main
from harness.config.config import SCHEMA_VERSION
from harness.metrics.difference import tau_difference
from harness.metrics.evaluate import evaluate_scores
from harness.metrics.metrics import kendall_tau
from harness.metrics.rendering import render
from harness.running.assembly import sampled_rows
from harness.running.best_proxy import development_rows, gathered
from harness.tabular import proxies
from harness.tabular.locate import EMBEDDED, find_table
from harness.tabular.proxies import Proxies, find_proxies, proxies_folder
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.registry import short


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(proxies, "EMBEDDED", tmp_path / "package")
    made = tiny.make_table(tmp_path / "data")
    return Table.load(tmp_path / "data" / f"{made.meta.name}.parquet")


@pytest.fixture
def run(tmp_path, table):
    """Writes what a finished run of a scorer leaves: as good as its accuracies are near the truth."""

    def write(method, scores, seed=0, kept=slice(None), name="", told=None, **settings):
        folder = tmp_path / "runs" / f"{short(method)}{name}-{seed}"
        folder.mkdir(parents=True)
        frame = pd.DataFrame({"arch": table.archs, "score": scores})
        frame.iloc[kept].to_parquet(folder / "scores.parquet")
        config = {"method": method, "space": "nb201", "task": "digits", "scale": "", "seed": seed}
        config |= settings
        record = {"config": config, "ground_truth": {"table": table.meta.name}}
        record |= {"scoring": {"split": "none"}, "costs": {"steps": 0}, "notes": []} | (told or {})
        (folder / "run.json").write_text(json.dumps(record | {"schema_version": SCHEMA_VERSION}))
        return folder

    return write


def test_it_is_chosen_by_validation_on_the_sample_and_not_by_test(table, run):
    """On the test images, and outside the sample, the other one is better."""
    rows, val, test = development_rows(table), table.truth("val"), table.truth("test")
    assert len(rows) == len(table) // 2
    by_val = -test.copy()
    by_val[rows] = val[rows]
    folders = [run("synflow", by_val), run("snip", test)]
    folders += [run(name, val) for name in ("params", "flops", "ensemble")]
    trained = {"scoring": {"split": "val"}, "costs": {"steps": 9}}
    folders += [run(name, val, told=trained) for name in ("spos", "short-training")]
    (found,) = gathered(folders)
    assert found.best == "synflow" and sorted(found.scores) == ["snip", "synflow"]
    assert found.chosen["by"] == "val" and found.chosen["n"] == len(rows)
    assert found.chosen["tau"] == {"synflow": 1.0, "snip": kendall_tau(test[rows], val[rows])}
    assert kendall_tau(found.scores["synflow"], test) < kendall_tau(found.scores["snip"], test)


def test_from_then_on_it_is_a_floor(table, run, capsys, tmp_path):
    rng = np.random.default_rng(0)
    proxy = table.truth("val") + rng.normal(scale=20, size=len(table))
    run("synflow", proxy)
    scores = dict(zip(table.archs, rng.random(len(table)), strict=True))
    before = evaluate_scores(table, scores, "test")
    main(["proxies", str(tmp_path / "runs")])
    assert "best proxy synflow (τ on the sample: synflow 0." in capsys.readouterr().out
    after = evaluate_scores(table, scores, "test")
    truth = table.truth("test")
    assert list(after["floors"]) == ["params", "flops", "proxy-synflow", "random"]
    assert after["floors"]["proxy-synflow"]["value"] == kendall_tau(proxy, truth)
    values = np.array(list(scores.values()))
    assert after["over_floors"]["proxy-synflow"] == tau_difference(values, proxy, truth)
    assert "best floor: best proxy (synflow)" in render(after)
    assert any("do not beat ranking by" in n and "synflow" in n for n in after["notes"])
    del after["floors"]["proxy-synflow"], after["over_floors"]["proxy-synflow"]
    assert after["floors"] == before["floors"] and after["over_floors"] == before["over_floors"]


def test_where_it_lacks_an_architecture_it_is_no_floor(table, run):
    found = gathered([run("synflow", table.truth("val"))])[0]
    lacking = replace(found, scores={"synflow": found.scores["synflow"].copy()})
    lacking.scores["synflow"][3] = np.nan
    assert lacking.best_of(table.archs) is None and lacking.best_of(["what"]) is None
    assert lacking.best_of(table.archs[5:2:-1][:2]).tolist() == table.truth("val")[[5, 4]].tolist()


def test_it_goes_to_a_file_and_back_and_a_changed_file_is_read_again(table, run):
    found = gathered([run("synflow", table.truth("val"))])[0]
    path = proxies_folder() / f"{table.meta.name}.parquet"
    assert find_proxies(table.meta.name) is None
    found.save(path)
    again = find_proxies(table.meta.name)
    assert (again.best, again.chosen, again.archs) == ("synflow", found.chosen, table.archs)
    assert again.scores["synflow"].tolist() == found.scores["synflow"].tolist()
    replace(found, scores={"snip": found.scores["synflow"]}, best="snip").save(path)
    assert find_proxies(table.meta.name).best == "snip"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        UsageError, match="holds no scores of proxies .* delete it, and make it again"
    ):
        Proxies.load(path)


def test_the_first_seed_counts_and_runs_of_other_settings_are_refused(table, run):
    val = table.truth("val")
    runs = [run("synflow", val, 2), run("synflow", -val, 1), run("snip", val)]
    assert gathered(runs)[0].chosen["tau"]["synflow"] == -1
    other = run("synflow", val, 1, name="other", options={"batch": 3})
    with pytest.raises(UsageError, match="are both of synflow, with other settings; give only one"):
        gathered([*runs, other])


def test_runs_that_differ_in_what_they_ranked_are_put_together(table, run):
    """One of the sample, one of some others: known are both, and no more."""
    val, rows = table.truth("val"), development_rows(table)
    others = np.setdiff1d(np.arange(len(table)), rows)[:-1]
    runs = [
        run("snip", val, kept=rows, rank={"architectures": len(rows)}),
        run(
            "snip", val, kept=others, name="-more", rank={"architectures": 0}, search={"parents": 1}
        ),
    ]
    (found,) = gathered(runs)
    known = np.sort(np.concatenate([rows, others]))
    assert np.flatnonzero(np.isfinite(found.scores["snip"])).tolist() == known.tolist()
    assert found.scores["snip"][known].tolist() == val[known].tolist()
    other = run("snip", val + 1, kept=rows[:3], name="-other", rank={"architectures": 3})
    with pytest.raises(UsageError, match="with other scores of the same architectures; give only"):
        gathered([*runs, other])
    with pytest.raises(UsageError, match=f"run it with --rank.architectures {len(rows)}, or 0 "):
        gathered(runs[1:])


def test_what_cannot_be_chosen_is_refused(table, run, tmp_path):
    val = table.truth("val")
    with pytest.raises(UsageError, match="there is no finished run of a proxy here"):
        gathered([run("params", val)])
    few = run("snip", val, kept=slice(3))
    with pytest.raises(UsageError, match="snip lacks architectures of the development sample"):
        gathered([few])
    with pytest.raises(UsageError, match="there is no finished run of zen; there are snip"):
        gathered([few], best="zen")
    assert gathered([few], best="snip")[0].chosen == {"by": "named"}
    only = {name: v for name, v in table.accuracies.items() if name.startswith("test")}
    replace(table, accuracies=only).save(tmp_path / "data" / f"{table.meta.name}.parquet")
    with pytest.raises(
        UsageError, match="no validation accuracies to choose by.*name one with --b"
    ):
        gathered([run("synflow", val)])
    (named,) = gathered([run("snip", val, 1)], best="snip")
    save(named, tmp_path / "package" / "proxies")
    (again,) = gathered([run("l2", val, 1)])  # what was named stays so
    assert (again.best, again.chosen, sorted(again.scores)) == (
        "snip", {"by": "named"}, ["l2", "snip"],
    )  # fmt: skip


def test_reduced_networks_are_told_of(table, run, capsys):
    small = {"supernet": {"reduced": True}}
    main(["proxies", str(run("l2", table.truth("val"), told=small))])
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "networks smaller than those of the ground truth were scored by l2."
    assert find_proxies(table.meta.name).chosen["reduced"] == ["l2"]
    main(["proxies", str(run("snip", table.truth("val")))])
    assert capsys.readouterr().out.splitlines()[-1] == told  # of what was known before too
    main(["proxies", str(run("l2", table.truth("val"), name="whole"))])
    assert "smaller" not in capsys.readouterr().out


def save(found, folder):
    found.save(folder / f"{found.table}.parquet")


def test_a_few_further_runs_lower_no_floor(table, run, tmp_path, capsys):
    """A worse scorer alone leaves the best of the package in place, beside all that was known."""
    val = table.truth("val")
    save(gathered([run("jacov", val), run("l2", val[::-1])])[0], tmp_path / "package" / "proxies")
    worse = -val
    main(["proxies", str(run("l2", worse, 1))])
    assert "best proxy jacov (τ on the sample: jacov 1.000, l2 -1.000)" in capsys.readouterr().out
    found = find_proxies(table.meta.name)
    assert (proxies_folder() / f"{table.meta.name}.parquet").exists()
    assert found.best == "jacov" and found.scores["l2"].tolist() == worse.tolist()
    main(["proxies", str(run("snip", worse))])  # to what is in the home folder now
    assert sorted(find_proxies(table.meta.name).scores) == ["jacov", "l2", "snip"]
    main(["proxies", str(tmp_path / "runs" / "snip-0"), "--best", "l2"])
    found = find_proxies(table.meta.name)
    assert (found.best, found.chosen) == ("l2", {"by": "named"}) and "jacov" in found.scores
    floors = evaluate_scores(table, dict(zip(table.archs, val, strict=True)), "test")["floors"]
    assert [name for name in floors if name.startswith("proxy-")] == ["proxy-l2"]


def test_what_a_known_scorer_scored_besides_stays_where_a_run_agrees(table, run, tmp_path):
    val, rows = table.truth("val"), development_rows(table)
    save(gathered([run("jacov", val)])[0], proxies_folder())
    (found,) = gathered([run("jacov", val, kept=rows, name="-alike")])
    assert found.best_of(table.archs).tolist() == val.tolist()
    (found,) = gathered([run("jacov", val + 1, kept=rows, name="-unlike")])
    assert found.best == "jacov" and found.best_of(table.archs) is None


def test_a_best_proxy_of_other_architectures_is_not_replaced_unasked(table, run):
    val = table.truth("val")
    other = Proxies(table.meta.name, "jacov", {"by": "val"}, ["elsewhere"], {"jacov": val[:1]})
    save(other, proxies_folder())
    mine = run("l2", val)
    with pytest.raises(UsageError, match="jacov lacks architectures of the .* take with --best"):
        gathered([mine])
    (found,) = gathered([mine], best="l2")
    assert found.best == "l2" and found.archs == [*table.archs, "elsewhere"]
    assert found.scores["jacov"][-1] == val[0]
    (found,) = gathered([mine, run("jacov", -val)])
    assert found.best == "l2" and found.chosen["tau"] == {"jacov": -1, "l2": 1}


def test_a_scorer_in_a_file_of_ones_own_is_a_proxy(table, run, tmp_path):
    val = table.truth("val")
    run("./mine.py:mine", val, sources={"method": "1"})
    main(["proxies", str(tmp_path / "runs")])
    floors = evaluate_scores(table, dict(zip(table.archs, val, strict=True)), "test")
    assert "proxy-mine" in floors["floors"] and "best proxy (mine)" in render(floors)
    once, more = tmp_path / "runs" / "mine-0", run("/there/mine.py:mine", val, name="-more")
    with pytest.raises(UsageError, match="are both of mine, with other settings"):
        gathered([once, more])
    same = run("/there/mine.py:mine", val, name="-same", sources={"method": "1"})
    assert gathered([once, same])[0].best == "mine"
    for name in ("synflow", "arch"):
        with pytest.raises(UsageError, match=f"its name, {name}; give it another one and run it"):
            gathered([run(f"./mine.py:{name}", val)])
    combined = {"notes": ["costs of its parts: mine-0: 3 compute, 1 s"]}
    unlike = [{"costs": {"steps": 3}}, {"scoring": {"split": "val"}}, combined]
    for number, told in enumerate(unlike):
        with pytest.raises(UsageError, match="no finished run of a proxy here.* FILE.py:NAME"):
            gathered([run("./mine.py:Trained", val, seed=number, told=told)])


PHOTOS = ("cifar10", "cifar100", "imagenet16-120")
PACKAGED = sorted(path.stem for path in (EMBEDDED / "proxies").glob("*.parquet"))


def test_every_table_of_digits_has_its_best_proxy_in_the_package():
    tables = {path.stem for path in EMBEDDED.glob("*-digits.parquet")}
    assert tables < set(PACKAGED) and len(tables) == 15
    published = {"macro-benchmark-cifar10", *(f"nb201-benchmark-{task}" for task in PHOTOS)}
    assert set(PACKAGED) - tables == published


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_proxies_were_chosen_on_the_development_sample_of_their_table(name):
    packaged, table = find_proxies(name), find_table(*re.split("-(benchmark|compact)-", name))
    assert packaged.archs == table.archs
    if packaged.chosen == {"by": "named"}:
        assert (name, packaged.best) == ("macro-benchmark-cifar10", "az-nas")
        assert "val" not in {column.split(".")[0] for column in table.accuracies}
        return
    rows, val = development_rows(table), table.truth("val")
    taus = {m: kendall_tau(own[rows], val[rows]) or 0.0 for m, own in packaged.scores.items()}
    assert taus == pytest.approx(packaged.chosen["tau"], abs=1e-12)
    assert packaged.best == max(taus, key=taus.get)
    without_images = name.endswith(PHOTOS[1:])
    assert len(taus) == (4 if without_images else 13)
    ranked = sampled_rows(table, 1000 if without_images else 0)  # by the preset; all
    assert packaged.best_of([table.archs[row] for row in ranked]) is not None
