import os
import pickle

import numpy as np
import pytest

from harness.tabular import importer as importer_module
from harness.tabular import locate
from harness.tabular.importer import IMPORTERS, Importer
from harness.tabular.locate import MissingTable, find_table, import_tables, list_tables
from searchspaces.errors import UsageError

TOY = ("toy", "small", "digits")
NAME = "toy-small-digits"
FULL, PART = {"test_trained_on_all": True}, {"test_trained_on_all": False}


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    monkeypatch.setattr(locate, "EMBEDDED", tmp_path / "embedded")
    return tmp_path / "embedded"


@pytest.fixture
def toy(make_table, monkeypatch):
    """An importer of space toy: reads files made by a test and counts how often."""
    seen = []

    def read_file(path, cost):
        seen.append((path.name, path.read_text()))
        costs = [np.array(c) for c in zip(cost("a", "digits"), strict=True)] if cost else [None] * 2
        training = PART if path.suffix == ".part" else FULL
        tasks = {"best.all": ("digits", "letters"), "digits.part": ("digits",)}[path.name]
        return [
            make_table("a", None, *costs, task=task, training=training, source=path.read_text())
            for task in tasks
        ]

    files = {"best.all": ("digits", "letters"), "digits.part": ("digits",)}
    monkeypatch.setitem(IMPORTERS._targets, "toy", f"{__name__}:toy_importer")
    monkeypatch.setitem(globals(), "toy_importer", Importer(files, read_file, scale="small"))
    return seen


def put(table, folder, name=None):
    path = folder / f"{name or table.meta.name}.parquet"
    table.save(path)
    return path


def test_the_data_folder_comes_before_home_and_home_before_the_package(
    home, embedded, make_table, tmp_path
):
    for source, folder in (
        ("package", embedded),
        ("home", home / "tables"),
        ("data", tmp_path / "data"),
    ):
        put(make_table(source=source), folder)
        data = tmp_path / "data" if source == "data" else None
        assert find_table(*TOY, data).meta.source == source


def test_the_data_folder_may_come_from_the_environment(home, make_table, tmp_path, monkeypatch):
    put(make_table(source="environment"), tmp_path / "one")
    put(make_table(source="argument"), tmp_path / "two")
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "one"))
    assert find_table(*TOY).meta.source == "environment"
    assert find_table(*TOY, str(tmp_path / "two")).meta.source == "argument"


def test_tables_are_found_by_content_two_folders_deep(home, make_table, tmp_path):
    data = tmp_path / "data"
    put(make_table(task="letters"), data / "a")
    deep = put(make_table(), data / "a" / "b" / "c", "mine")
    (data / "data set.parquet").mkdir()
    (data / "photos.parquet").write_bytes(b"PAR1 something else PAR1")
    with pytest.raises(UsageError, match="no ground truth"):
        find_table(*TOY, data)
    deep.rename(data / "a" / "b" / "mine.parquet")
    assert find_table(*TOY, data).meta.name == NAME


def test_a_table_with_full_training_is_preferred_within_a_place(home, make_table, tmp_path):
    data = tmp_path / "data"
    put(make_table(training=PART), data)
    put(make_table(training=FULL, source="full"), data / "sub", "other")
    put(make_table(training=FULL, source="home"), home / "tables")
    assert find_table(*TOY, data).meta.source == "full"
    (data / "sub" / "other.parquet").unlink()
    assert find_table(*TOY, data).meta.training == PART


def test_a_damaged_table_is_reported_and_not_passed_over(home, make_table, tmp_path):
    data = tmp_path / "data"
    put(make_table(), home / "tables")
    path = put(make_table(), data)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UsageError, match=f"{path} is cut short"):
        find_table(*TOY, data)


def test_a_table_under_another_ones_name_is_refused(home, make_table):
    put(make_table(task="letters"), home / "tables", NAME)
    with pytest.raises(UsageError, match="holds the table toy-small-letters"):
        find_table(*TOY)


def test_a_missing_table_names_the_command_that_brings_it(home, embedded, tmp_path):
    with pytest.raises(MissingTable, match="toy-small-digits.*`nas-harness table build") as error:
        find_table(*TOY)
    assert str(home / "tables") in str(error.value)
    assert error.value.name == NAME
    assert error.value.commands.startswith("`nas-harness table build --space toy --scale small")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)
    with pytest.raises(MissingTable, match="`nas-harness table build --space ./toy.py:Toy --scale"):
        find_table(*TOY, named="./toy.py:Toy")
    with pytest.raises(UsageError, match="`nas-harness table import nb201 FILE`"):
        find_table("nb201", "benchmark", "cifar10", tmp_path)
    with pytest.raises(UsageError, match="`nas-harness table build --space nb201"):
        find_table("nb201", "compact", "cifar10")


def test_a_missing_data_folder_is_named(home, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="folder .*nowhere does not exist"):
        find_table(*TOY, tmp_path / "nowhere")
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="gone"):
        list_tables()


def test_a_source_is_imported_once_for_its_content(home, toy, tmp_path):
    source = tmp_path / "data" / "sub" / "best.all"
    source.parent.mkdir(parents=True)
    source.write_text("first")
    data = tmp_path / "data"
    for task in ("digits", "letters", "digits"):
        assert find_table("toy", "small", task, data).meta.source == "first"
    assert len(toy) == 1
    source.write_text("second")
    assert find_table(*TOY, data).meta.source == "second"
    source.rename(source.parent.parent / "best.all")
    assert find_table(*TOY, data).meta.source == "second"
    assert len(toy) == 2
    with pytest.raises(UsageError, match="no ground truth"):
        find_table("toy", "huge", "digits", data)


def test_a_source_that_changed_after_its_hash_was_remembered_is_imported(home, toy, tmp_path):
    source = tmp_path / "best.all"
    for number, text in enumerate(("first", "other"), start=1):
        source.write_text(text)
        os.utime(source, (number, number))
        for _ in range(2):
            assert find_table(*TOY, tmp_path).meta.source == text
    assert len(toy) == 2
    assert list((home / "tables").rglob("*.json"))


def test_costs_are_filled_into_a_cached_table_that_has_none(home, toy, tmp_path):
    (tmp_path / "best.all").write_text("x")
    assert find_table(*TOY, tmp_path).params is None
    for _ in range(2):
        table = find_table(*TOY, tmp_path, cost=lambda arch, task: (3, 4))
        assert (table.params.tolist(), table.madds.tolist()) == ([3], [4])
    assert find_table(*TOY, tmp_path).params.tolist() == [3]
    assert len(toy) == 2


def test_the_preferred_source_is_imported_and_no_other(home, toy, tmp_path):
    (tmp_path / "digits.part").write_text("part")
    assert find_table(*TOY, tmp_path).meta.source == "part"
    (tmp_path / "best.all").write_text("all")
    assert find_table(*TOY, tmp_path).meta.source == "all"
    assert [name for name, _ in toy] == ["digits.part", "best.all"]


def test_imported_tables_are_found_at_home(home, toy, tmp_path):
    (tmp_path / "best.all").write_text("x")
    paths = import_tables("toy", tmp_path / "best.all", lambda arch, task: (1, 2))
    assert paths == [
        home / "tables" / f"toy-small-{task}.parquet" for task in ("digits", "letters")
    ]
    assert find_table(*TOY).params.tolist() == [1]
    assert len(toy) == 1


def test_importing_for_an_unknown_space_suggests_one(home, tmp_path):
    with pytest.raises(UsageError, match="unknown benchmark 'nb20'; did you mean 'nb201'"):
        import_tables("nb20", tmp_path)


def test_the_list_shows_tables_sources_and_problems(home, embedded, toy, make_table, tmp_path):
    data = tmp_path / "data"
    put(make_table(), data, "mine")
    (data / "best.all").write_text("x")
    damaged = put(make_table(task="letters"), home / "tables")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    put(make_table("abc", task="signs"), embedded)
    listed = list_tables(data)
    assert [(entry.name, entry.origin, entry.rows) for entry in listed] == [
        (NAME, "data", 2),
        (NAME, "source", None),
        ("toy-small-letters", "source", None),
        ("toy-small-letters", "home", None),
        ("toy-small-signs", "package", 3),
    ]
    assert [bool(entry.meta) for entry in listed] == [True, False, False, False, True]
    assert "cut short" in listed[3].problem and not listed[4].problem
    assert not toy
    assert [entry.origin for entry in list_tables()] == ["home", "package"]


def test_the_published_files_are_found_and_cached(home, published, monkeypatch):
    table = find_table("nb201", "benchmark", "cifar10", published)
    assert table.seeds("test") == ["0", "1", "2"]
    monkeypatch.setattr(importer_module.Importer, "read", None)
    again = find_table("nb201", "benchmark", "imagenet16-120", published)
    assert again.meta.task == "imagenet16-120" and len(again) == 15_625


def test_full_training_is_preferred_on_cifar10(home, published, make_table, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    os.symlink(published / "nasbench201_cifar10.csv", data / "nasbench201_cifar10.csv")
    place = ("nb201", "benchmark", "cifar10")
    assert not find_table(*place, data).meta.training["test_trained_on_all"]
    (path,) = import_tables("nb201", data)
    path.rename(data / path.name)
    assert not find_table(*place, data).meta.training["test_trained_on_all"]
    os.symlink(published / "nb201_v1_1.parquet", data / "nb201_v1_1.parquet")
    assert find_table(*place, data).meta.training["test_trained_on_all"]


def test_a_home_that_cannot_be_written_is_reported(published, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="cannot write"):
        find_table("nb201", "benchmark", "cifar10", published)
