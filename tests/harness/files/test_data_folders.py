"""Where the harness keeps what it fetches and builds."""

from pathlib import Path

import pytest

from harness.files.data_folders import fetched_folder, home


@pytest.mark.parametrize(
    ("own", "caches", "expected"),
    [
        ("", "", "/someone/.cache/nas-harness"),
        ("", "/caches", "/caches/nas-harness"),
        ("", "caches", "/someone/.cache/nas-harness"),  # no absolute path counts for nothing
        ("/own", "/caches", "/own"),
        ("~/own", "", "/someone/own"),
    ],
)
def test_the_home_is_named_or_among_the_caches(monkeypatch, own, caches, expected):
    monkeypatch.setenv("HOME", "/someone")
    for name, value in (("NAS_HARNESS_HOME", own), ("XDG_CACHE_HOME", caches)):
        monkeypatch.setenv(name, value)
    assert home() == Path(expected)
    assert fetched_folder() == Path(expected) / "data"
