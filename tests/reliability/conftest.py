"""What a campaign of kills really did."""

from pathlib import Path

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Jobs that died by a kill; a try that came too late is none."""
    tries = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "tries" and Path(report.fspath).parent.name == "reliability"
    ]
    if tries:
        late = sum(tries) - len(tries)
        terminalreporter.write_line(f"killed while they ran: {len(tries)} ({late} kills too late)")
