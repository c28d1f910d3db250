"""Command-line flags from a tree of dataclasses, with errors of one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import reduce, wraps
from typing import Any, NoReturn, TypeVar, get_type_hints

from searchspaces.errors import UsageError
from searchspaces.registry import nearest

T = TypeVar("T")

TRUTH = (
    "training that test accuracies are of, where a benchmark has several: NAS-Bench-201 on CIFAR-10 "
    "has cifar10 (all 50,000 images) and cifar10-valid (25,000); empty: its own"
)
SPLITS = ("val", "test")  # of images, whose accuracies scores are compared with
PROTOCOLS = (
    "all, unique (a mean for each class of equal networks), topN (the N % best by truth: top10, "
    "top5), no-none (cells without the operator none), random-N (N drawn at random), stratified "
    "(the best of each of 400 intervals of accuracy)"
)
TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false"}


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Defaults where there are any; paragraphs, and in them what is indented stays as it is."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        told = action.default is not None and action.default is not False
        told = told and action.default not in ("", [])
        return super()._get_help_string(action) if told else action.help

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        filled = (
            paragraph
            if paragraph.startswith(" ")
            else super(HelpFormatter, self)._fill_text(paragraph, width, indent)
            for paragraph in paragraphs
        )
        return "\n\n".join(filled)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError` where argparse would print and exit.

    ``example``: a command that lacks nothing, for who leaves out what is required.
    """

    def __init__(self, *args: Any, example: str = "", **kwargs: Any):
        kwargs.setdefault("formatter_class", HelpFormatter)
        super().__init__(*args, allow_abbrev=False, **kwargs)
        self.example = example

    def error(self, message: str) -> NoReturn:
        if self.example and message.startswith("the following arguments are required"):
            message += f", as in `{self.example}`"
        raise UsageError(f"{message}; see '{self.prog} --help'.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As any, but for texts with the nearest that is known."""
        if action.choices is not None and isinstance(value, str):
            name = "/".join(action.option_strings) or action.dest
            check_choice(name, value, action.choices)
        super()._check_value(action, value)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, extra = self.parse_known_args(args, namespace)
        if extra:
            flag = next((e for e in extra if e.startswith("-")), extra[0]).split("=")[0]
            flags = [s for a in self._actions for s in a.option_strings]
            raise UsageError(f"unknown option '{flag}'{_meant(flag, flags)}")
        return known


def _meant(flag: str, flags: list[str]) -> str:
    """As :func:`searchspaces.registry.nearest`, of what ``--branch.`` has where that is right."""
    branch, dot, leaf = flag.rpartition(".")
    own = {name.removeprefix(f"{branch}."): name for name in flags if name.startswith(f"{branch}.")}
    if not (dot and own):
        return nearest(flag, flags)
    same = [name for name in flags if name.endswith(f".{leaf}")]
    close = same or [own[name] for name in get_close_matches(leaf, own, 1, 0.5)]
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(own.values())}."


def add_options(
    parser: argparse._ActionsContainer, tree: Any, prefix: str = "", flags: str = ""
) -> None:
    """One ``--dotted.name`` flag per leaf of ``tree``, whose values are shown as the defaults.

    Each branch is a group of the parser's help.

    Flags left out stay absent from the namespace, so that only what the user gave is returned,
    by the path of its leaf. Both begin with ``prefix``, but the flag with ``flags`` if that is
    given: a branch may have another name in flags, in its metadata.
    """
    flags = flags or prefix
    hints = get_type_hints(type(tree))
    for item in fields(tree):
        value = getattr(tree, item.name)
        if is_dataclass(value):
            name = item.metadata.get("flag", item.name)
            group = parser if prefix else parser.add_argument_group(f"--{flags}{name}.*")
            add_options(group, value, f"{prefix}{item.name}.", f"{flags}{name}.")
            continue
        if "help" not in item.metadata:
            continue
        name = f"{prefix}{item.name}"
        text = f"{item.metadata['help']} (default: {value!r})".replace("%", "%%")
        parser.add_argument(
            f"--{f'{flags}{item.name}'.replace('_', '-')}",
            dest=name,
            type=_converter(hints[item.name]),
            choices=item.metadata.get("choices") or None,
            default=argparse.SUPPRESS,
            metavar=None if item.metadata.get("choices") else hints[item.name].__name__.upper(),
            help=text,
        )


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise :class:`UsageError`, with the nearest, where ``value`` is none of the ``choices``."""
    known = list(choices)
    if value not in known:
        raise UsageError(f"{name}: unknown '{value}'{nearest(value, known)}")


def typed(tree: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` of dotted options in the types that the command line would give them.

    Raises :class:`UsageError` for options that ``tree`` does not have, and for wrong types.
    """
    known = dict(_options(tree))
    converted = {}
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"unknown option '{name}'{nearest(name, known)}")
        kind, choices = known[name]
        _check_type(name, value, kind)
        if choices:
            check_choice(name, value, choices)
        converted[name] = kind(value)
    return converted


def check_types(tree: Any) -> None:
    """Raise :class:`UsageError` for an option of another type than it has."""
    for name, (kind, _) in _options(tree):
        _check_type(name, reduce(getattr, name.split("."), tree), kind)


def _check_type(name: str, value: Any, kind: type) -> None:
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{name} takes {TYPE_NAMES.get(kind, 'text')}, not {value!r}.")


def check_names(tree: Any, names: Iterable[str]) -> None:
    """Raise :class:`UsageError` for a dotted name of no field in a tree of dataclasses."""
    for name in names:
        branch: Any = tree
        for part in name.split("."):
            if not is_dataclass(branch) or part not in {item.name for item in fields(branch)}:
                raise UsageError(f"unknown option '{name}'{nearest(name, dict(_options(tree)))}")
            branch = getattr(branch, part, None)


def unknown_refused(kind: type[T]) -> type[T]:
    """A dataclass that raises :class:`UsageError` where it is made with a field it has not."""
    made: Any = kind
    plain = made.__init__

    @wraps(plain)
    def init(self: T, *values: Any, **named: Any) -> None:
        known = [item.name for item in fields(made)]
        for name in named:
            if name not in known:
                raise UsageError(f"unknown option '{name}'{nearest(name, known)}")
        plain(self, *values, **named)

    made.__init__ = init
    return kind


def _options(tree: Any, prefix: str = "") -> Iterable[tuple[str, tuple[type, tuple[str, ...]]]]:
    """Dotted name, type and choices of each option in a tree of dataclasses."""
    hints = get_type_hints(type(tree))
    for item in fields(tree):
        name, value = f"{prefix}{item.name}", getattr(tree, item.name)
        if is_dataclass(value):
            yield from _options(value, f"{name}.")
        elif "help" in item.metadata:
            yield name, (hints[item.name], item.metadata["choices"])


def whole_number(low: int) -> Callable[[str], int]:
    """A converter for whole numbers of at least ``low``."""

    def convert(text: str) -> int:
        try:
            if int(text) >= low:
                return int(text)
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least {low}")

    return convert


def add_whole_numbers(
    parser: argparse._ActionsContainer, flags: Iterable[tuple[str, int, int, str]]
) -> None:
    """A flag for each (name, smallest value, default, help text)."""
    for name, low, default, text in flags:
        parser.add_argument(name, type=whole_number(low), default=default, metavar="N", help=text)


def _converter(kind: type) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            if kind is bool:
                return {"true": True, "false": False}[text.lower()]
            return kind(text)
        except (ValueError, KeyError):
            raise argparse.ArgumentTypeError(f"'{text}' is not {TYPE_NAMES[kind]}") from None

    return convert
