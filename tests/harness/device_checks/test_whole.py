"""The whole command without a GPU: every check, none left out, is green."""

import json

import pytest
import tiny

from harness.cli import main
from harness.device_checks import continued
from harness.device_checks import subject as subjects
from harness.device_checks.suite import CHECKS
from harness.running import pipeline


@pytest.mark.slow
def test_every_check_is_green_on_a_cpu(subject, monkeypatch, capsys):
    """Runs that are killed draw no pictures, and begin in a process that has imported much."""
    monkeypatch.setattr(subjects, "SMALL", subject.sizes)
    monkeypatch.setattr(continued, "get_context", tiny.quick_context)
    monkeypatch.setattr(pipeline, "FINISHERS", {})
    assert main(["check-gpu", "--device", "cpu", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["check"] for row in rows] == [check.name for check in CHECKS]
    assert all(row["passed"] and row["said"] and not row["wrong"] for row in rows)
    skipped = [row["check"] for row in rows if row["figures"].get("skipped")]
    assert skipped == ["graphs"]
