"""Trackers have all the time that they need: a busy machine imports their packages for long."""

import pytest

from harness.trackers import tracking


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(tracking, "PATIENCE", 300.0)
