"""Fetching from a server that cuts connections, knows no ranges, lies or is not there."""

import hashlib
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cutting import Handler, Server

from harness import cli
from harness.files import fetch
from harness.files.data_folders import fetched_folder
from harness.files.fetch import DATASETS, Dataset, File
from harness.files.sizes import LIMITS
from harness.tabular.locate import find_table, list_tables
from searchspaces.errors import UsageError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
NAME = "table.bin"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A running server, a home of the test's own and one data set, ``toy``."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    monkeypatch.setitem(DATASETS, "toy", Dataset((File(f"http://nowhere/x/{NAME}", DIGEST),)))
    with Server({NAME: CONTENT}) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def bring(server, to=None):
    (path,) = fetch.fetch("toy", to, server.url)
    return path


def part() -> Path:
    return fetched_folder() / "toy" / f"{NAME}.part"


def refused(server, *words: object) -> None:
    with pytest.raises(UsageError) as caught:
        bring(server)
    for word in words:
        assert str(word) in str(caught.value)


def test_a_file_is_brought_once(server, tmp_path):
    path = bring(server)
    assert path == tmp_path / "home" / "data" / "toy" / NAME
    assert path.read_bytes() == CONTENT
    assert bring(server) == path
    assert server.asked == [(f"/{NAME}", None)]
    assert not part().exists()


def test_the_folder_and_the_address_can_be_chosen(server, tmp_path, monkeypatch):
    monkeypatch.setitem(DATASETS, "toy", Dataset((File(f"{server.url}/a/b/{NAME}", DIGEST),)))
    (path,) = fetch.fetch("toy", tmp_path / "mine")
    assert path == tmp_path / "mine" / "toy" / NAME and path.read_bytes() == CONTENT
    fetch.fetch("toy", tmp_path / "other", f"{server.url}/mirror/")
    assert [path for path, _ in server.asked] == [f"/a/b/{NAME}", f"/mirror/{NAME}"]


def test_a_cut_connection_is_continued_where_it_broke(server):
    server.cuts = [300_000, 0, 400_000]
    assert bring(server).read_bytes() == CONTENT
    starts = [int(wanted[6:-1]) if wanted else 0 for _, wanted in server.asked]
    assert len(starts) == 4
    assert 0 == starts[0] < starts[1] == starts[2] < starts[3]
    assert 300_000 - fetch.BLOCK < starts[1] <= 300_000
    assert server.encodings == {"identity"}


def test_it_waits_longer_after_every_failure_in_a_row(server, monkeypatch):
    waited = []
    monkeypatch.setattr(fetch.time, "sleep", waited.append)
    server.cuts = [300_000, 0, 300_000] + [0] * fetch.ATTEMPTS
    refused(server, "cannot download")
    assert waited == pytest.approx([0, fetch.PAUSE, 0, fetch.PAUSE, 2 * fetch.PAUSE])
    assert len(server.asked) == 3 + fetch.ATTEMPTS


def test_a_stopped_command_is_continued_by_the_next(server):
    server.cuts = [500_000] + [0] * fetch.ATTEMPTS
    refused(server, f"cannot download {server.url}/{NAME}", "it continues")
    kept = part().stat().st_size
    assert 0 < kept <= 500_000 and part().read_bytes() == CONTENT[:kept]
    server.asked.clear()
    assert bring(server).read_bytes() == CONTENT
    assert server.asked == [(f"/{NAME}", f"bytes={kept}-")]


def test_a_killed_process_is_continued_by_the_next(server):
    server.cuts, server.held = [600_000], threading.Event()
    code = (
        "from harness.files.fetch import DATASETS, Dataset, File, fetch\n"
        f"DATASETS['toy'] = Dataset((File('x/{NAME}', '{DIGEST}'),))\n"
        f"fetch('toy', None, '{server.url}')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    for _ in range(2000):
        if part().exists() and part().stat().st_size > 500_000:
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    server.held.set()
    kept = part().stat().st_size
    assert bring(server).read_bytes() == CONTENT
    assert server.asked == [(f"/{NAME}", None), (f"/{NAME}", f"bytes={kept}-")]


def test_a_server_without_ranges_starts_again(server):
    server.ranges, server.cuts = False, [300_000, 700_000, 400_000]
    assert bring(server).read_bytes() == CONTENT
    assert len(server.asked) == 4


def test_a_server_that_cuts_ever_shorter_is_given_up(server):
    server.ranges, server.cuts = False, [500_000, 400_000, 500_000, 300_000] * 5
    refused(server, "cannot download")
    assert len(server.asked) == 1 + fetch.ATTEMPTS


def test_a_file_of_untold_length_is_taken_whole(server):
    server.lengths = False
    assert bring(server).read_bytes() == CONTENT


def test_a_part_that_is_complete_is_only_checked(server):
    part().parent.mkdir(parents=True)
    part().write_bytes(CONTENT)
    assert bring(server).read_bytes() == CONTENT
    assert server.asked == [(f"/{NAME}", f"bytes={len(CONTENT)}-")]


@pytest.mark.parametrize("begun", [0, 1000, len(CONTENT), len(CONTENT) + 5])
def test_a_wrong_file_is_removed(server, begun):
    part().parent.mkdir(parents=True)
    part().write_bytes(b"?" * begun)
    server.files[NAME] = CONTENT if begun else CONTENT[:-1] + b"!"
    refused(server, "damaged or not the published table.bin", DIGEST, "was removed")
    assert [path.name for path in part().parent.iterdir() if path.name[0] != "."] == []
    server.files[NAME] = CONTENT
    assert bring(server).read_bytes() == CONTENT


def test_a_file_that_was_damaged_later_is_brought_again(server):
    path = bring(server)
    path.write_bytes(CONTENT[:-1])
    assert bring(server).read_bytes() == CONTENT


def test_md5_sums_are_checked_too(server, monkeypatch):
    digest = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    monkeypatch.setitem(DATASETS, "toy", Dataset((File(f"x/{NAME}", digest),)))
    assert bring(server).read_bytes() == CONTENT
    server.files[NAME] = CONTENT + b"!"
    part().with_suffix("").unlink()
    refused(server, digest)


@pytest.mark.parametrize("told", [True, False])
def test_a_download_that_is_too_large_is_given_up(server, told, monkeypatch):
    server.lengths = told
    monkeypatch.setitem(LIMITS, "download", 0.5)
    refused(server, f"{server.url}/{NAME} sends ", "bytes, where a download may have 500,000")
    assert not part().exists() and not part().with_name(NAME).exists()
    monkeypatch.setitem(LIMITS, "download", 1)
    assert bring(server).read_bytes() == CONTENT


def test_an_address_without_the_file_is_named(server):
    server.files.clear()
    refused(server, f"{server.url}/{NAME} answers 404", "--base-url", part().parent)
    assert len(server.asked) == 1


def test_no_network(server):
    server.shutdown()
    server.server_close()
    refused(server, f"cannot download {server.url}/{NAME} (ConnectionError)", "127.0.0.1")


def test_a_server_that_falls_silent_is_given_up(server, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.05)
    monkeypatch.setattr(Handler, "do_GET", lambda _: time.sleep(0.3))
    refused(server, "cannot download", "Timeout")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(server):
    part().parent.mkdir(parents=True)
    part().symlink_to("/dev/full")
    refused(server, f"cannot write to {part().parent}: No space left on device", "it continues")


def test_a_folder_that_cannot_be_made(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to .*choose another folder with --to"):
        fetch.fetch("toy", tmp_path / "file")


def test_two_processes_do_not_disturb_each_other(server):
    paths = []
    workers = [threading.Thread(target=lambda: paths.append(bring(server))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(paths) == 4 and paths[0].read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_every_published_file_has_an_address_and_a_checksum():
    assert list(DATASETS) == ["cifar10", "cifar100", "nb101", "nb201", "macro"]
    lengths = {"md5": 32, "sha256": 64}
    for dataset in DATASETS.values():
        for file in dataset.files:
            algorithm, _, digest = file.digest.partition(":")
            assert re.fullmatch(f"[0-9a-f]{{{lengths[algorithm]}}}", digest)
            assert file.url.startswith("https://") and "." in file.name


def test_published_files_are_fetched_and_found_without_being_named(server, shared_data, capsys):
    server.files = {path.name: path.read_bytes() for path in (shared_data / "nb201").glob("*.csv")}
    server.files |= {path.name: path.read_bytes() for path in (shared_data / "macro").iterdir()}
    assert cli.main(["fetch", "nb201", "macro", "--base-url", server.url]) == 0
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 4
    assert "NAS-Bench-201-v1_1-096897.pth, which has no stable address" in output.err
    table = find_table("nb201", "benchmark", "cifar100")
    assert len(table) == 15_625 and table.accuracy("test").max() == pytest.approx(73.513, abs=0.001)
    sources = {entry.name for entry in list_tables() if entry.origin == "source"}
    assert sources >= {f"nb201-benchmark-{t}" for t in ("cifar10", "cifar100", "imagenet16-120")}


def test_the_command_line(server, capsys, tmp_path):
    assert cli.main(["fetch", "toy", "--to", str(tmp_path), "--base-url", server.url]) == 0
    output = capsys.readouterr()
    assert output.out == f"{tmp_path / 'toy' / NAME}\n"
    assert f"--data {tmp_path}" in output.err
    for arguments, sentence in (
        (["cifra10"], "nothing called 'cifra10' can be fetched; did you mean 'cifar10'?"),
        ([], "required: NAME"),
        (["toy", "--base-url", "localhost:80"], "takes an http:// or https:// address"),
    ):
        assert cli.main(["fetch", *arguments]) == 2
        assert sentence in capsys.readouterr().err
    assert len(server.asked) == 1
