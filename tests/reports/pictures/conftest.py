"""Records of several methods and seeds."""

from pathlib import Path

import pytest

from reports.runs.record import Record


@pytest.fixture
def records(make_record):
    """Records of (method, τ per seed), with changes."""

    def make(*runs, **changes):
        return [
            Record(Path(f"{method}{seed}"), make_record(method, seed, tau, **changes))
            for method, taus in runs
            for seed, tau in enumerate(taus)
        ]

    return make
