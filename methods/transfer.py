"""Between host and device without waiting: a GPU works on what it was given while the host goes on.

What the host has goes up by :func:`to_device`. What only the device knows comes down as a
:class:`Reading`, which waits for what was given to the device before, and for nothing after it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from methods.lazy import torch
from searchspaces.errors import UsageError


def to_device(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """``values`` of the host on ``device``; a GPU fetches them from page-locked memory."""
    tensor = torch.as_tensor(values)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@lru_cache(maxsize=64)
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """``[len(values)]``, made once; not to be changed."""
    return to_device(torch.tensor(values, dtype=dtype), device)


class Reading:
    """Values of a device on their way to the host, of a tensor that nobody changes any more.

    ``waited``: how often a host has waited for one in this process.
    """

    waited = 0

    def __init__(self, tensor: torch.Tensor):
        self._copy = tensor.detach().to("cpu", non_blocking=True)
        self._known, self._arrived = False, None
        if tensor.device.type == "cuda":
            self._arrived = torch.cuda.current_stream(tensor.device).record_event()

    def numpy(self) -> np.ndarray:
        """Them, once they have arrived; who asks again need not wait."""
        if not self._known:
            Reading.waited += 1
            if self._arrived is not None:
                self._arrived.synchronize()
        self._known = True
        return self._copy.numpy()

    def finite(self, what: str) -> np.ndarray:
        """As :meth:`numpy`; raises :class:`UsageError` where a number of ``what`` is not finite."""
        values = self.numpy()
        if not np.isfinite(values).all():
            raise UsageError(
                f"{what} are not finite; lower --train.lr or set --train.clip, then run again."
            )
        return values
