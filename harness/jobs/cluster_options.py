"""The flags that send jobs to a Ray cluster; nothing of Ray is imported for them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from harness.config.options import Parser, whole_number
from methods.options import check_limits
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Cluster:
    """Where a Ray cluster is, and what of it each job gets."""

    address: str
    cpus: int = 1
    gpus: float = 0.0

    def device(self, name: str) -> str:
        """The device of a job for what ``--device`` names; raises :class:`UsageError`."""
        if name.startswith("cuda:"):
            raise UsageError(f"a cluster chooses the GPU of a job: not --device {name}, but cuda.")
        if name == "auto":
            return "cuda" if self.gpus else "cpu"
        if name == "cuda" and not self.gpus:
            raise UsageError("--device cuda needs --gpus-per-job above 0 on a cluster.")
        return name


def add_cluster_options(parser: Parser) -> None:
    """``--ray`` and what each job gets there."""
    group = parser.add_argument_group("cluster (changes no result)")
    group.add_argument(
        "--ray",
        metavar="auto|ADDRESS",
        help="carry the jobs out on this Ray cluster: auto for the one that this machine is part "
        "of, or HOST:PORT",
    )
    least = whole_number(1)
    absent = argparse.SUPPRESS
    group.add_argument(
        "--cpus-per-job", type=least, default=absent, metavar="N", help="cores; by default 1"
    )
    text = "at most 1; by default 1 on a GPU"
    group.add_argument("--gpus-per-job", type=float, default=absent, metavar="X", help=text)


def cluster_of(given: argparse.Namespace, device: str) -> Cluster | None:
    """What the flags say; None without ``--ray``. Raises :class:`UsageError`."""
    asked = vars(given)
    if not given.ray:
        for flag in ("cpus-per-job", "gpus-per-job"):
            if flag.replace("-", "_") in asked:
                raise UsageError(
                    f"--{flag} says what a job gets on a cluster; name one with --ray, or leave it "
                    "out."
                )
        return None
    gpus = asked.get("gpus_per_job", float(device.startswith("cuda")))
    check_limits({"gpus_per_job": gpus}, {"gpus_per_job": (0, 1)})
    return Cluster(given.ray, asked.get("cpus_per_job", 1), gpus)
