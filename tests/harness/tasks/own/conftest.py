"""Every test has a home of its own, in which images are kept, and no data folder."""

import sys

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])  # files named FILE.py:NAME add their folders
    before = {*sys.modules}
    yield tmp_path / "home"
    for name in {*sys.modules} - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def refused():
    """``refused(task, *words)``: the sentence with which images are refused has these words."""
    from harness.tasks import load_task
    from searchspaces.errors import UsageError

    def check(task, *words):
        with pytest.raises(UsageError) as caught:
            load_task(task)
        told = str(caught.value)
        assert told[-1] in ".?" and "\n" not in told
        for word in words:
            assert str(word) in told, told
        return told

    return check
