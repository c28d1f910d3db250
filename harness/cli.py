"""The command line. Commands import what they need when they run, so that help answers at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext

from harness.files.endings import status_of
from harness.files.progress import patience
from searchspaces.errors import UsageError
from searchspaces.registry import Registry, file_of

COMMANDS = {
    "run": "train a supernet with a method, rank architectures, compare with ground truth",
    "grid": "carry out many runs side by side: every combination of values of their options",
    "study": "choose options on a development sample by validation truth, report on the rest",
    "evaluate": "compare a file of scores with ground truth, without any training",
    "search": "simulate random search, REA and REINFORCE on ground truth, without any training",
    "draw": "draw an architecture: cells as graphs, chains as rows of blocks",
    "train-standalone": "train one architecture from scratch by a paper's recipe",
    "export": "write a found network as one file that needs no harness, for PyTorch or as ONNX",
    "detect": "fine-tune a detector on a trained architecture",
    "compare": "set finished runs side by side",
    "pareto": "draw accuracy against cost of a run: the true front, and what its scores choose",
    "page": "write one HTML page of recorded runs: tables, rankings, scatter plots, curves",
    "report": "set printed tables and figures of papers beside recorded runs",
    "reproduce": "carry out the runs that printed tables and figures lack, then report",
    "latency": "measure how long networks take on this machine, and predict that of others",
    "bench": "measure how much faster the harness does something than the plain way",
    "conformance": "check that a method or a space of yours keeps what the harness builds on",
    "check-gpu": "check that a GPU gives what the CPU gives, and how fast",
    "table": "import, build, inspect and list ground truth",
    "fetch": "download data sets and published ground truth",
    "list": "show methods, spaces, tasks and tables",
}
_ELSEWHERE = {  # than in harness.commands
    "conformance": "harness.conformance.command:main",
    "report": "reports.commands.report:main",
    "reproduce": "reports.commands.reproduce:main",
    "compare": "reports.commands.compare:main",
    "page": "reports.commands.page:main",
    "pareto": "reports.commands.pareto:main",
    "draw": "reports.commands.draw:main",
}
_REGISTRY = Registry(
    "command",
    "nas_harness.commands",
    {
        name: f"harness.commands.{name.replace('-', '_')}:main"
        for name in COMMANDS
        if name not in _ELSEWHERE
    }
    | _ELSEWHERE,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status, as :func:`harness.files.endings.status_of` has it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return status_of(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
    elif arguments[0] == "--version":
        print(_version())
    else:
        command: Callable[[list[str]], int | None] = _REGISTRY[arguments[0]]
        silent = not sys.stderr.isatty()
        with nullcontext() if silent else patience(f"nas-harness {arguments[0]} is at work"):
            status = _carried_out(command, arguments[1:])
        sys.stdout.flush()
        return status or 0
    return 0


def _carried_out(command: Callable[[list[str]], int | None], arguments: list[str]) -> int | None:
    """The status of ``command``; an error that a file given brings about is told in a sentence."""
    try:
        return command(arguments)
    except (UsageError, BrokenPipeError):
        raise
    except Exception:
        from harness.running.own_files import errors_located

        with errors_located(_file_for("--method", arguments), _file_for("--space", arguments)):
            raise


def _file_for(flag: str, arguments: list[str]) -> str:
    """The first name such as ``./mine.py:Mine`` among the values of ``flag``; empty for none."""
    meant, names = False, []
    for argument in arguments:
        if argument.startswith("--"):
            name, _, argument = argument.partition("=")
            meant = name == flag
        if meant:
            names += [name for name in argument.split(",") if file_of(name)]
    return names[0] if names else ""


def _version() -> str:
    """Of what is installed; sources that are run in their place have none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"nas-harness {version('nas-evaluation-harness')}"
    except PackageNotFoundError:
        return "nas-harness, not installed"


def _overview() -> str:
    rows = [f"  {name:<18}{text}" for name, text in COMMANDS.items()]
    ways = "usage: nas-harness COMMAND [options]", "nas-harness COMMAND --help"
    return "\n".join([ways[0], "", *rows, "", ways[1], "nas-harness --version"])
