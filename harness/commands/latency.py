"""``nas-harness latency measure|show``: how long networks take on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.options import Parser, add_whole_numbers
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, nearest, stem

if TYPE_CHECKING:
    from harness.latency.table import LatencyTable

_USAGE = """usage: nas-harness latency COMMAND [options]

  measure  time a sample of a space's networks, fit what each operator adds, write a file
  show     what such a file holds: times, how steady the machine was, how good the fit is

nas-harness latency COMMAND --help"""


def main(arguments: list[str]) -> None:
    actions: dict[str, Callable[[list[str]], None]] = {"measure": _measure, "show": _show}
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return
    if arguments[0] not in actions:
        hint = nearest(arguments[0], actions)
        raise UsageError(f"unknown latency command '{arguments[0]}'{hint}")
    actions[arguments[0]](arguments[1:])


def _measure(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness latency measure",
        description="Time a sample of a space's stand-alone networks on this machine, and fit a sum: "
        "a constant, and for each site what its operator adds. The file that it writes is for "
        "--latency of `run` and `search`. A measuring that was stopped continues where it was.",
    )
    parser.add_argument("--space", default="nb201", help="search space; or FILE.py:CLASS")
    parser.add_argument("--scale", default="", help="its scale; empty: the task's usual one")
    parser.add_argument("--task", default="digits", help="task, whose images networks are for")
    parser.add_argument("--data", type=Path, help="folder with data sets")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--dtype", default="float32", choices=("float32", "bfloat16"), help="of weights and images"
    )
    numbers = (
        ("--batch", 1, 1, "images of a pass"),
        ("--threads", 1, 1, "threads of a CPU"),
        ("--count", 0, 0, "networks; 0: three for each term of the sum"),
        ("--warm-up", 1, 5, "passes of a network before any is timed"),
        ("--repeats", 2, 20, "timed passes of a network in each round"),
        ("--rounds", 1, 2, "rounds, each through all networks in another order"),
    )
    add_whole_numbers(parser, numbers)
    parser.add_argument("--output", type=Path, help="file; default: latency-*.json in this folder")
    parser.add_argument(
        "--again", action="store_true", help="also where the file is there, which is replaced"
    )
    parser.add_argument("--json", action="store_true", help="print the file's content")
    given = parser.parse_args(arguments)
    kind = SPACES[given.space]

    from harness.environment import choose_device
    from harness.latency.measuring import Measuring, measure
    from harness.running.own_files import errors_located
    from harness.tabular.ground_truth import usual_scale
    from harness.tasks import image_of, load_task, settled_task

    task = settled_task(given.task, given.data)
    scale = given.scale or usual_scale(given.space, task)
    device = choose_device(given.device)
    image = image_of(task) or load_task(task, given.data).image
    how = Measuring(
        task=task,
        batch=given.batch,
        dtype=given.dtype,
        threads=given.threads,
        count=given.count,
        warm_up=given.warm_up,
        repeats=given.repeats,
        rounds=given.rounds,
    )
    names = (stem(given.space), scale, task, str(device).replace(":", ""))
    output = given.output or Path(f"latency-{'-'.join(names)}-batch{given.batch}.json")
    with errors_located("", given.space):
        table = measure(kind(scale), image, how, output, str(device), again=given.again)
        _tell(table, given.json)


def _show(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness latency show",
        description="What a file of `nas-harness latency measure` holds.",
        example="nas-harness latency show latency-nb201-compact-digits-cpu-batch1.json",
    )
    parser.add_argument("file", type=Path, help="the file")
    parser.add_argument("--json", action="store_true", help="print its content")
    given = parser.parse_args(arguments)

    from harness.latency.table import LatencyTable

    _tell(LatencyTable.load(given.file), given.json)


def _tell(table: LatencyTable, as_json: bool) -> None:
    from harness.latency.rendering import render

    print(json.dumps(table.content, indent=2) if as_json else f"{table.path}\n{render(table)}")
