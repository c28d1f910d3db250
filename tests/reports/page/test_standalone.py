"""Stand-alone trainings on the page: what each row says, which are none, and what filters them."""

import json
import re

import pytest

from reports.commands.page import main
from reports.page.standalone import read_trainings, section

RECORD = {
    "schema_version": 1,
    "arch": "a<1>",
    "config": {
        "space": "nb201", "task": "cifar10", "recipe": "tables", "seed": 3, "preset": "paper",
        "train_images": 0, "eval_images": 0,
    },
    "recipe": {"changed": {}},
    "network": {"params": 1_234_567, "madds": 2_500_000, "reduced": False},
    "data": {"train": 25_000},
    "result": {"test_accuracy": 93.456, "val_accuracy": None},
    "costs": {"epochs": 200, "seconds": 1234.4},
    "found_by": [{"run": "nb201-cifar10-spos-1a2b3c4d-s0"}],
}  # fmt: skip


@pytest.fixture
def trained(tmp_path):
    """``trained(name, record)`` leaves a training in a folder of runs, without record a begun one."""

    def make(name, record=None):
        folder = tmp_path / "runs" / "standalone" / name
        folder.mkdir(parents=True)
        if record is None:
            (folder / "checkpoint.pt").touch()
        else:
            (folder / "standalone.json").write_text(json.dumps(record))
        return tmp_path / "runs"

    return make


def test_a_training_has_a_row_with_its_numbers(trained):
    html = section(read_trainings([trained("one-s3", RECORD)]))
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html)
    assert cells == [
        "93.46", "–", "nb201", "cifar10", "tables, in full", "200", "25,000", "3", "1.235 M",
        "2.50 M", "1234", "nb201-cifar10-spos-1a2b3c4d-s0",
    ]  # fmt: skip
    assert '<th scope="row" title="one-s3"><code>a&lt;1&gt;</code></th>' in html
    assert 'data-words="one-s3 a&lt;1&gt; 93.46 ' in html  # by which the filter knows it
    assert len(re.findall('<th scope="col">', html)) == 1 + len(cells)


def test_a_changed_recipe_is_reduced(trained):
    changed = RECORD | {"recipe": {"changed": {"lr": 0.2}}}
    assert "tables, reduced" in section(read_trainings([trained("one-s3", changed)]))


def test_what_is_no_whole_training_says_so(trained):
    trained("a-s0")
    runs = trained("b-s0", {"result": {}})
    assert [each.problem for each in read_trainings([runs, runs])] == [
        "not finished: its command continues it.",
        "its record is damaged: delete its folder.",
    ]
    html = section(read_trainings([runs]))
    assert "<code>a-s0</code>" in html and "its record is damaged" in html
    assert section([]) == ""


def test_a_folder_of_trainings_alone_has_a_page(trained, capsys):
    runs = trained("one-s3", RECORD)
    main([str(runs), "--json"])
    assert json.loads(capsys.readouterr().out)["trainings"] == ["one-s3"]
    page = (runs / "report.html").read_text()
    assert "0 finished runs, 1 stand-alone." in page and "93.46" in page
