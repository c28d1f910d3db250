"""The configuration of a finished run, from its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.config.config import DEFAULTS, Config, with_values
from searchspaces.errors import UsageError

_FIRST = ("preset", "method", "task", "space")  # decide which options there are


def recorded_config(tree: Mapping[str, Any]) -> Config:
    """Inverse of :meth:`Config.to_dict`.

    Raises :class:`UsageError` for options that this version does not have, and where a file that
    the run's method or space is named by is no longer what it was.
    """
    try:
        config = Config.from_preset(**{name: tree[name] for name in _FIRST})
        base = tree["options"].get("base")
        if base in getattr(config.options, "BASES", ()):  # decides which options it has
            config = with_values(config, {"options.base": base})
        config = with_values(config, dict(_values(config, tree)))
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(
            f"the record's configuration is damaged ({type(error).__name__}: {error}); run its "
            "command again."
        ) from error
    for of, sha256 in config.sources().get("sources", {}).items():
        if tree.get("sources", {}).get(of) != sha256:
            raise UsageError(
                f"{getattr(config, of)} is not what it was when the run was made; bring that file "
                "back, or run its command again."
            )
    return config


def _values(branch: Any, tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every option by its dotted name; what ``tree`` leaves out has its default."""
    for item in fields(branch):
        name, own = f"{prefix}{item.name}", getattr(branch, item.name)
        if is_dataclass(own):
            yield from _values(own, tree.get(item.name, {}), f"{name}.")
        elif item.name not in _FIRST or prefix:
            default = DEFAULTS.get(item.name, item.default) if not prefix else item.default
            yield name, tree.get(item.name, default)
