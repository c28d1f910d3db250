"""A file of measured latencies and of the operators' shares in them, which predicts any network's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.files.store import read_json, write_json
from harness.latency.additive import AdditiveModel
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.errors import UsageError

SCHEMA_VERSION, KIND = 1, "latency"


@dataclass(frozen=True)
class LatencyTable:
    """What ``nas-harness latency measure`` writes.

    ``content``: ``space``, ``scale``, ``task``, ``image`` (channels, side, classes), ``device``,
    ``processor``, ``threads``, ``batch``, ``dtype``, ``versions``; ``networks``, a list of ``arch``,
    ``ms`` with ``low`` and ``high`` (the median of all repeats and their tenth and ninetieth
    hundredth), ``rounds`` (a median each), ``params``, ``madds``; ``noise``; ``model``;
    ``cross_validation``.
    """

    path: Path
    content: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str) -> LatencyTable:
        """Raises :class:`UsageError` for a file that is missing, damaged or of another kind."""
        path = Path(path)
        if not path.exists():
            raise UsageError(
                f"there is no file {path}; `nas-harness latency measure` makes one for --latency."
            )
        content = read_json(path)
        if not isinstance(content, dict) or content.get("kind") != KIND:
            raise UsageError(f"{path} is no file of `nas-harness latency measure`.")
        if content.get("schema_version") != SCHEMA_VERSION:
            raise UsageError(f"{path} was written by another version; measure again.")
        table = cls(path, content)
        try:
            table.model, table.image, table.sentence  # noqa: B018
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{path} is damaged ({error!r}); delete it, measure again.") from error
        return table

    def save(self) -> None:
        """Atomically; raises :class:`UsageError` where it cannot be written."""
        write_json(self.path, self.content)

    @cached_property
    def model(self) -> AdditiveModel:
        of, sites = self.content["model"], []
        for site in of["sites"]:
            pairs = zip(site["operators"], site["ms"], strict=True)
            sites.append(tuple(math.nan if ms is None else float(ms) for _, ms in pairs))
        idle = (place for place, site in enumerate(of["sites"]) if not site["always_runs"])
        return AdditiveModel(float(of["constant_ms"]), tuple(sites), frozenset(idle))

    @cached_property
    def image(self) -> ImageSpec:
        channels, size, classes = self.content["image"]
        return ImageSpec(channels, size, classes)

    @property
    def sentence(self) -> str:
        """On what it was measured, and how far its predictions are off."""
        of, found = self.content, self.content["cross_validation"]
        noisy = "; the machine was noisy" if of["noise"]["noisy"] else ""
        return (
            f"latencies are predicted by {self.path.name}: {of['device']}, "
            f"{of['threads']} thread{'s' * (of['threads'] > 1)}, batch {of['batch']}, {of['dtype']}; "
            f"on held-out networks off by {found['rmse_ms']:.2g} ms (RMSE), "
            f"{100 * found['relative']:.2g} %{noisy}"
        )

    def predictor(self, space: SearchSpace, image: ImageSpec | None) -> Callable[[Arch], float]:
        """What gives the milliseconds of an architecture of ``space``; NaN where they are not known.

        That is of an operator that was in no network that was measured. Raises :class:`UsageError`
        where the networks of ``space`` on ``image`` are others than the file's; where ``image`` is
        None only the space is looked at.
        """
        self._check_fits(space, image)
        return self.model.of_space(space)

    def _check_fits(self, space: SearchSpace, image: ImageSpec | None) -> None:
        of = self.content
        sites = [[site["site"], site["operators"]] for site in of["model"]["sites"]]
        own = [[site.name, list(site.operators)] for site in space.sites]
        if (of["space"], of["scale"]) != (space.name, space.scale) or sites != own:
            raise UsageError(
                f"{self.path} is of {of['space']} at scale {of['scale']}, and these networks are of "
                f"{space.name} at scale {space.scale}; measure those, or take another --latency."
            )
        if image not in (None, self.image):
            raise UsageError(
                f"{self.path} is of images of {self.image}, and these are of {image}; measure with "
                "their --task, or take another --latency."
            )
