"""One run in several processes that ``torchrun`` started: who they are, what they agree on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

# Some wait while one searches, however long; torchrun ends all as soon as one has died.
PATIENCE = timedelta(days=365)


@dataclass(frozen=True)
class Crew:
    """The process number ``rank`` of ``size``, of which ``beside`` are on this machine.

    All must call the methods, in the same order. Alone nothing happens in them.
    """

    rank: int = 0
    size: int = 1
    beside: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes what there is one of."""
        return self.rank == 0

    def agree(self, value: Any) -> Any:
        """The leader's ``value``, which must be picklable."""
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        box = [value if self.leads else None]
        distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            import torch

            self.add(torch.zeros(1))

    def check_shared(self, folder: Path) -> None:
        """Raises :class:`UsageError` in a process that does not see the leader's ``folder``."""
        if self.size == 1:
            return
        marker, content = folder / ".crew", self.agree(uuid4().hex)
        if self.leads:
            marker.write_text(content)
        self.wait()
        if not marker.exists() or marker.read_text() != content:
            raise UsageError(
                f"not all processes see the same {folder}; give torchrun on several machines a "
                "--runs folder on a path that they share."
            )
        self.wait()
        if self.leads:
            marker.unlink()

    def add(self, tensor: Tensor) -> None:
        """Put the sum over all processes into ``tensor``; the same bits in each of them."""
        from torch import distributed

        distributed.all_reduce(tensor)

    def gather(self, tensor: Tensor) -> Tensor:
        """Those of all processes, ``[size, ...]``."""
        import torch
        from torch import distributed

        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        distributed.all_gather(parts, tensor)
        return torch.stack(parts)


ALONE = Crew()


@contextmanager
def crew(device: str) -> Iterator[tuple[Crew, str]]:
    """This process's place among those that ``torchrun`` started, and the device that it uses.

    On CUDA each has a GPU of its own. Raises :class:`UsageError` for a GPU chosen otherwise.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys():
        yield ALONE, device
        return
    import torch
    from torch import distributed

    rank, size, own, beside = (
        int(os.environ.get(name, default))
        for name, default in (
            ("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1)
        )
    )  # fmt: skip
    if device.startswith("cuda:"):
        raise UsageError(f"torchrun gives each process its GPU: not --device {device}, but cuda.")
    backend = "gloo"
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        backend, device = "cpu:gloo,cuda:nccl", f"cuda:{own}"
        if own >= torch.cuda.device_count():
            raise UsageError(
                f"torchrun started {beside} processes on a machine of {torch.cuda.device_count()} "
                "GPUs; start one per GPU, or use --device cpu."
            )
        torch.cuda.set_device(own)
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Crew(rank, size, beside), device
    finally:
        distributed.destroy_process_group()
