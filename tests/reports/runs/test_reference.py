"""Which configuration the others are held against."""

import json

import pytest

from reports.runs.compare import summary
from reports.text.comparison_table import to_markdown
from searchspaces.errors import UsageError


def test_of_several_the_reference_is_that_of_its_presets_options(write_run, make_record):
    """Every record of the fixture lacks the same options of its preset, which has 4,000 steps."""
    steps = (8000, 4000, 2000)
    folders = [write_run(f"{n}", make_record(config__train__steps=n)) for n in steps]
    for table in (summary(folders), summary(folders, "spos")):
        rows = table[table["kind"] == "method"].set_index("settings")["difference"]
        assert rows.isna().to_dict() == {
            "train.steps 2000": False, "train.steps 4000": True, "train.steps 8000": False,
        }  # fmt: skip
        said = (
            "Differences are to spos with train.steps 4000: of several the nearest to its preset."
        )
        assert said in to_markdown(table)
    two = [folders[0], folders[2]]
    table = summary(two)
    assert "difference" not in table
    for folder, name in zip(two, ("aaaa1111", "bbbb2222"), strict=True):
        content = json.loads((folder / "run.json").read_text()) | {
            "run": f"nb201-digits-spos-{name}-s0"
        }
        (folder / "run.json").write_text(json.dumps(content))
    said = "several configurations are of spos; --reference takes one of aaaa1111, bbbb2222."
    assert f"No differences: {said}" in to_markdown(summary(two))
    with pytest.raises(UsageError, match="'spos' fits several.*name one of aaaa1111, bbbb2222"):
        summary(two, "spos")
    assert summary(two, "bbbb2222")["difference"].notna().sum() == 1


def test_a_reference_is_named_by_the_hash_in_its_folders_name(write_run, make_record):
    folders = []
    for hashed, lr, tau in (("0a1b2c3d", 0.1, 0.5), ("4e5f6071", 0.2, 0.6)):
        for seed in range(2):
            name = f"nb201-digits-spos-{hashed}-s{seed}"
            content = make_record("spos", seed, tau + 0.01 * seed, config__train__lr=lr)
            folders.append(write_run(name, content | {"run": name}))
    table = summary(folders, "4e5f6071")
    (difference,) = table["difference"].dropna()
    assert difference == pytest.approx(-0.1)
    with pytest.raises(UsageError, match="known: 0a1b2c3d, 4e5f6071, spos"):
        summary(folders, "zzzzzzzz")
