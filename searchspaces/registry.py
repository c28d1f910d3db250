"""Lazy name → object registries with "did you mean"."""

from __future__ import annotations

import ast
import difflib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from searchspaces.errors import UsageError, first_line

_PART = re.compile(r"(?!\.*$)[^/\\\x00-\x1f]+")  # of a file's name: no separators, not dots alone


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause such as ``"; did you mean 'spos'?"`` or the list of what is known."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}."


def file_of(name: str) -> Path | None:
    """The file of a name such as ``./my_method.py:MyMethod``; None for a registered name.

    Raises :class:`UsageError` for what is no text.
    """
    if not isinstance(name, str):
        raise UsageError(f"a name is a text, not {name!r}.")
    file, colon, _ = name.rpartition(":")
    return Path(file).expanduser().resolve() if colon and file.endswith(".py") else None


def check_name(kind: str, name: str, of: str) -> None:
    """Raise :class:`UsageError` where ``name`` is no part of the name of a file; ``of`` has it."""
    if not _PART.fullmatch(name):
        raise UsageError(
            f"the {kind} {of} has {name!r} for a name, and names are parts of those of files and "
            "folders; give it one of letters, digits, '-' and '_'."
        )


def short(name: str) -> str:
    """``name`` as a part of a file's name: of one in a file, what is after the colon."""
    return name.rpartition(":")[2] if file_of(name) else name


class Registry:
    """Names bound to ``"module:attribute"`` strings, imported on first use.

    Third parties add names through the entry-point group given as ``group``. What no package
    registers is named as ``FILE.py:NAME``; there, ``needs`` are attributes that it must have.
    """

    def __init__(self, kind: str, group: str, builtin: dict[str, str], needs: tuple[str, ...] = ()):
        self.kind, self.group, self._targets = kind, group, dict(builtin)
        self.needs = needs
        self._builtin = dict(builtin)
        self._scanned = False

    def _all(self) -> dict[str, str]:
        if not self._scanned:
            for point in entry_points(group=self.group):
                self._targets.setdefault(point.name, point.value)
            self._scanned = True
        return self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._all()))

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __getitem__(self, name: str) -> Any:
        """The registered object, or that in a file.

        Raises :class:`UsageError` for an unknown name, for a file that cannot be imported, and for
        what in it is something else.
        """
        targets = self._all()
        if path := file_of(name):
            found = self.made(self._attribute(path, name.rpartition(":")[2]))
            abstract = sorted(getattr(found, "__abstractmethods__", ()))
            lacking = [need for need in self.needs if not hasattr(found, need)]
            if missing := list(dict.fromkeys(lacking + abstract)):
                raise UsageError(f"{name} is no {self.kind}: it has no {' and no '.join(missing)}.")
            return found
        if name not in targets:
            raise self.unknown(name, targets)
        check_name(self.kind, name, name)
        module, _, attribute = targets[name].partition(":")
        return self.made(getattr(import_module(module), attribute))

    def unknown(self, name: str, known: Iterable[str]) -> UsageError:
        """What a name that is none of ``known`` is answered with; a file without a name, too."""
        if not name.endswith(".py"):
            return UsageError(f"unknown {self.kind} '{name}'{nearest(name, known)}")
        own = ", ".join(self._own(_imported(Path(name).expanduser().resolve())))
        return UsageError(
            f"name what is in {name} as FILE.py:NAME; it has {own or f'no {self.kind}'}."
        )

    def _attribute(self, path: Path, name: str) -> Any:
        module = _imported(path)
        if hasattr(module, name):
            return getattr(module, name)
        own = self._own(module)
        raise UsageError(
            f"{path} has no '{name}'{nearest(name, own) if own else f', and no {self.kind}.'}"
        )

    def _own(self, module: ModuleType) -> list[str]:
        """What is defined in ``module``, not imported there, and can be what this registry is of."""
        return [
            name
            for name, found in vars(module).items()
            if getattr(found, "__module__", None) == module.__name__ and self._fits(found)
        ]

    def _fits(self, found: Any) -> bool:
        try:
            made = self.made(found)
        except UsageError:
            return False
        return all(hasattr(made, need) for need in self.needs)

    def summary(self, name: str) -> str:
        """What a registered name stands for, in a line; read from the source, nothing is imported.

        The first paragraph of its module, or its own where several names share that; may be empty.
        """
        module, _, attribute = self._all()[name].partition(":")
        shared = sum(target.partition(":")[0] == module for target in self._all().values()) > 1
        try:
            spec = find_spec(module)
            tree: Any = ast.parse(Path(str(spec and spec.origin)).read_text(encoding="utf-8"))
        except (ImportError, OSError, SyntaxError, ValueError):
            return ""
        if shared:
            named = (node for node in tree.body if getattr(node, "name", "") == attribute)
            tree = next(named, ast.Module([], []))
        return " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split())

    def made(self, found: Any) -> Any:
        """What stands for ``found``, as it was imported: itself, unless a registry knows better."""
        return found


def _imported(path: Path) -> ModuleType:
    """The file ``path`` as a module.

    Its folder joins ``sys.path``, so that other processes of the program find the module too.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}; name what is in one as FILE.py:NAME.")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        module = import_module(path.stem)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    except Exception as error:
        raise UsageError(
            f"{path} cannot be imported: {type(error).__name__}{line_in(error, path)}: "
            f"{first_line(error)}."
        ) from error
    found = getattr(module, "__file__", None)
    if found is None or Path(found).resolve() != path:
        raise UsageError(f"{path} has the name of another module, {path.stem}; rename the file.")
    return module


def line_in(error: BaseException, path: Path) -> str:
    """Where in the file ``path`` an error came up; empty where that is not known."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" in line {lines[-1]}" if lines else ""


class Spaces(Registry):
    """Search spaces, whose ``name`` is that of their ground truth: no two may share one."""

    def __getitem__(self, name: str) -> Any:
        """As of any registry; a space that has the name of a built-in one is refused too.

        And one whose name, or that of a scale, is no part of the name of a table's file.
        """
        found = super().__getitem__(name)
        own = getattr(found, "name", name)
        for part in (own, *getattr(found, "scales", ())):
            check_name(self.kind, str(part), name)
        if name == own or own not in self._builtin or found is super().__getitem__(own):
            return found
        raise UsageError(
            f"the name of {name} is '{own}', that of a built-in search space with ground truth of "
            "its own; give the class another `name`."
        )


SPACES = Spaces(
    "search space",
    "nas_harness.spaces",
    {
        "nb201": "searchspaces.nb201.space:NASBench201",
        "nb101": "searchspaces.nb101.space:NASBench101",
        "nb101-mixpath": "searchspaces.nb101.variants:MixPathSpace",
        "nb101-1shot1-1": "searchspaces.nb101.variants:OneShot1Space1",
        "nb101-1shot1-2": "searchspaces.nb101.variants:OneShot1Space2",
        "nb101-1shot1-3": "searchspaces.nb101.variants:OneShot1Space3",
        "darts": "searchspaces.darts.space:DARTS",
        "macro": "searchspaces.chain.macro:NASBenchMacro",
        "mobilenet": "searchspaces.chain.mobilenet:MobileNet",
        "mobilenet-proxyless": "searchspaces.chain.mobilenet:ProxylessMobileNet",
        "shufflenet": "searchspaces.chain.shufflenet:ShuffleNet",
        "shufflenet-channels": "searchspaces.chain.shufflenet:ShuffleNetChannels",
        "ennas-s1": "searchspaces.chain.ennas:EnNASSmall",
        "ennas-s2": "searchspaces.chain.ennas:EnNASLarge",
        "ennas-s3": "searchspaces.chain.ennas:EnNASDeep",
    },
    needs=("name", "scales", "supernet", "standalone"),
)


def stem(space: str) -> str:
    """What the names of files of ``space`` begin with, those of runs as of tables: its own ``name``."""
    return space if file_of(space) is None else str(SPACES[space].name)


def called(kind: type) -> str:
    """What commands call a class of search spaces: by its name, or by its file in their folder."""
    name = str(getattr(kind, "name", ""))
    if name in SPACES:
        return name
    return f"./{Path(str(sys.modules[kind.__module__].__file__)).name}:{kind.__qualname__}"
