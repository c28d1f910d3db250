"""Download published data sets: each file is checked, a download that was cut short continues."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.files.data_folders import fetched_folder
from harness.files.progress import bar
from harness.files.sizes import check_size
from searchspaces.errors import UsageError

ATTEMPTS = 3  # in a row that bring nothing new
PAUSE = 1.0  # seconds after the first of them, twice as many after the second
TIMEOUT = 30.0  # seconds without a byte
BLOCK, MEGABYTE = 1 << 16, 10**6


@dataclass(frozen=True)
class File:
    """A published file; ``digest`` is ``algorithm:hexadecimal``."""

    url: str
    digest: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Dataset:
    """Published files that are of use together; ``note`` is for who has fetched them."""

    files: tuple[File, ...]
    note: str = ""


_CIFAR = "https://www.cs.toronto.edu/~kriz"
_RAW = "https://raw.githubusercontent.com"
_NASGRAPH = f"{_RAW}/Zhenhan-Huang/NASGraph-Public/1f8fd621c60a48728fcc890818b6b94eee62e4dc/data"
_MACRO = f"{_RAW}/xiusu/NAS-Bench-Macro/61a2bfc2ca0dce04d0997e6cf498047c27d6acf2/data"

DATASETS = {
    "cifar10": Dataset(
        (File(f"{_CIFAR}/cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a"),)
    ),
    "cifar100": Dataset(
        (File(f"{_CIFAR}/cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85"),)
    ),
    "nb101": Dataset(
        (
            File(
                "https://storage.googleapis.com/nasbench/nasbench_only108.tfrecord",
                "sha256:4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
            ),
        )
    ),
    "nb201": Dataset(
        (
            File(
                f"{_NASGRAPH}/nasbench201_cifar10.csv",
                "sha256:c82e70b5ffb0dba0f09d88ecc8df5a6d3ce8da8a99ad223285104f4537314033",
            ),
            File(
                f"{_NASGRAPH}/nasbench201_cifar100.csv",
                "sha256:87a42005d7005fdb5e4a938ed83dd306d907523f23e70af907dfd276dd5fe35d",
            ),
            File(
                f"{_NASGRAPH}/nasbench201_ImageNet16-120.csv",
                "sha256:f5225573584977b283f473b0ded7fe51ae599a67063b3bd02b18de36b29fcd6b",
            ),
        ),
        note="these are NAS-Bench-201's means after 200 epochs. Accuracies per seed and of the "
        "networks trained on all of CIFAR-10 are in NAS-Bench-201-v1_1-096897.pth, which has no "
        "stable address: download it by hand, then `nas-harness table import nb201 FILE`.",
    ),
    "macro": Dataset(
        (
            File(
                f"{_MACRO}/nas-bench-macro_cifar10.json",
                "sha256:686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297",
            ),
        )
    ),
}
"""What ``nas-harness fetch`` can bring, with the checksums that its publishers state or that its
files had when this was written."""


def fetch(name: str, folder: Path | None = None, base_url: str = "") -> list[Path]:
    """Bring the files of ``DATASETS[name]`` into ``folder / name``; returns their paths.

    ``folder`` is :func:`fetched_folder` by default, where everything is found without being
    named. Files that are there already are only checked. With ``base_url`` they come from a
    mirror that holds them all side by side. Raises :class:`UsageError` when a file cannot be
    had, is not the published one, or cannot be written.
    """
    from filelock import FileLock

    place = (folder or fetched_folder()) / name
    base = base_url.rstrip("/")
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".lock"):
            return [
                _fetch_file(file, f"{base}/{file.name}" if base else file.url, place / file.name)
                for file in DATASETS[name].files
            ]
    except OSError as error:
        raise UsageError(
            f"cannot write to {place}: {error.strerror or error}; free some space or choose "
            "another folder with --to, then run the same command again, it continues."
        ) from error


def _fetch_file(file: File, url: str, path: Path) -> Path:
    if path.exists() and _digest(path, file) == file.digest:
        return path
    part = path.with_name(f"{path.name}.part")
    _download(url, part)
    found = _digest(part, file)
    if found != file.digest:
        part.unlink()
        raise UsageError(
            f"what {url} sent is damaged or not the published {file.name} ({found} where "
            f"{file.digest} is expected) and was removed; run the same command again or choose "
            "another --base-url."
        )
    os.replace(part, path)
    return path


def _digest(path: Path, file: File) -> str:
    algorithm = file.digest.partition(":")[0]
    with open(path, "rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def _download(url: str, part: Path) -> None:
    """Bring ``part`` to its full length, from where it ends, through cut connections.

    Raises :class:`UsageError`, also where it would become too large.
    """
    import requests

    failures, longest = 0, _size(part)
    while True:
        cause = "the connection was cut"
        try:
            if _receive(url, part):
                return
        except UsageError:
            part.unlink(missing_ok=True)  # so that another address is asked for all of it
            raise
        except requests.HTTPError as error:
            answer = error.response
            raise UsageError(
                f"{url} answers {answer.status_code} {answer.reason}; try again later or choose "
                f"another --base-url, or put {part.stem} into {part.parent} by hand."
            ) from error
        except requests.RequestException as error:
            cause = type(error).__name__
        failures = 0 if _size(part) > longest else failures + 1
        longest = max(longest, _size(part))
        if failures == ATTEMPTS:
            raise UsageError(
                f"cannot download {url} ({cause}); check that {urlsplit(url).netloc} can be "
                "reached from here or choose another --base-url, then run the same command again, "
                "it continues."
            )
        time.sleep(PAUSE * failures)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(url: str, part: Path) -> bool:
    """Ask once for what ``part`` lacks and append it; whether that was all.

    A server that cannot send a part of a file sends it from the beginning.
    """
    import requests

    size = _size(part)
    headers = {"Accept-Encoding": "identity"}  # or else the range would be one of packed bytes
    if size:
        headers["Range"] = f"bytes={size}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if size and response.status_code == requests.codes.range_not_satisfiable:
            return True  # nothing follows the end of a part that is complete
        response.raise_for_status()
        continues = response.status_code == requests.codes.partial_content
        size = size if continues else 0
        total = size + int(response.headers.get("Content-Length", 0))
        check_size(total, "download", url, "sends")
        with (
            open(part, "ab" if continues else "wb") as stream,
            bar(total // MEGABYTE, part.stem, "MB", size // MEGABYTE) as progress,
        ):
            for block in response.iter_content(BLOCK):
                size += stream.write(block)
                check_size(size, "download", url, "sends at least")
                progress.update(size // MEGABYTE - progress.n)
    return size >= total
