"""``nas-harness fetch``: download published data sets and ground truth."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.config.options import Parser
from harness.files.data_folders import fetched_folder
from harness.files.fetch import DATASETS, fetch
from searchspaces.errors import UsageError
from searchspaces.registry import nearest


def main(arguments: list[str]) -> None:
    """Fetch, print the path of each file on standard output."""
    parser = Parser(
        prog="nas-harness fetch",
        example="nas-harness fetch cifar10",
        description="Download data sets and published ground truth, checked against their "
        "checksums. The same command continues a download that was interrupted.",
    )
    names = ", ".join(DATASETS)
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"what to fetch: {names}")
    parser.add_argument(
        "--to", type=Path, default=fetched_folder(), metavar="DIR", help="folder to fetch into"
    )
    parser.add_argument(
        "--base-url", default="", metavar="URL", help="address of a mirror with all files in it"
    )
    given = parser.parse_args(arguments)
    for name in given.names:
        if name not in DATASETS:
            raise UsageError(f"nothing called '{name}' can be fetched{nearest(name, DATASETS)}")
    if given.base_url and not given.base_url.startswith(("http://", "https://")):
        raise UsageError(f"--base-url takes an http:// or https:// address, not {given.base_url}.")
    for name in given.names:
        for path in fetch(name, given.to.expanduser(), given.base_url):
            print(path)
        if DATASETS[name].note:
            print(f"{name}: {DATASETS[name].note}", file=sys.stderr)
    if given.to != fetched_folder():
        print(f"pass --data {given.to} to the commands that need them.", file=sys.stderr)
