"""What the authors of a benchmark report of searches on it, to stand beside simulated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Options of the searches as NAS-Bench-201's authors run them within a budget of seconds
# (AutoDL-Projects, exps/NAS-Bench-201-algos: a population of 10 of which 3 are drawn).
WITHIN_SECONDS: dict[str, dict[str, Any]] = {"rea": {"population": 10, "sample": 3}}


@dataclass(frozen=True)
class Published:
    """Mean and standard deviation of the test accuracy, in percent, that searches found.

    They are of the protocol ``measured_on``: values of the result of
    :func:`harness.simulation.searches.compare_searches`, and of ``options``, which name what is
    not at its own default.
    """

    source: str
    measured_on: Mapping[str, Any]
    tests: Mapping[str, tuple[float, float]]

    def fits(self, result: Mapping[str, Any]) -> bool:
        """Whether ``result`` was simulated by the same protocol."""
        same = all(result[key] == value for key, value in self.measured_on.items())
        given = result["options"]
        return same and all(
            given[name][key] == value
            for name, values in WITHIN_SECONDS.items()
            if name in given
            for key, value in values.items()
        )


PUBLISHED = (
    Published(
        "Dong & Yang, NAS-Bench-201, ICLR 2020: 500 runs on measured seconds",
        {
            "space": "nb201",
            "scale": "benchmark",
            "task": "cifar10",
            "truth": "cifar10",
            "signal": "val.12",
            "budget_seconds": 12_000,
            "max_madds": 0,
            "cost": "",
        },
        {"random": (93.70, 0.36), "rea": (93.92, 0.30), "reinforce": (93.85, 0.37)},
    ),
)


def beside(result: Mapping[str, Any]) -> dict[str, Any]:
    """``source`` and, for each search of ``result`` that is in print, ``test`` and ``test_sd``.

    Empty where nobody has published anything of the same protocol.
    """
    for published in PUBLISHED:
        if published.fits(result):
            found = {
                name: {"test": test, "test_sd": deviation}
                for name, (test, deviation) in published.tests.items()
                if name in result["curves"]
            }
            return {"source": published.source, "searches": found} if found else {}
    return {}
