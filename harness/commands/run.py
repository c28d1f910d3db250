"""``nas-harness run``: the main job."""

from __future__ import annotations

import json
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from harness.config.config import Config, with_values
from harness.config.constraints import add_constraints, limits_of
from harness.config.options import PROTOCOLS, Parser, add_options, add_whole_numbers
from harness.tasks import TASKS, is_tiny
from harness.trackers.tracker import TRACKERS, check_trackers
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

HELP = ("-h", "--help", "--help-all")
DESCRIPTION = """Train a supernet with a method, rank architectures with it, and compare with their \
stand-alone accuracies. Options with a dot belong to a part of the run; --options.* are the method's own, \
shown by --help beside --method.

  nas-harness run --method spos --space nb201 --preset smoke
  nas-harness run --method mngnas --options.kd average --seed 1
  nas-harness run --method spos --task cifar10 --data DIR --train.steps 16000"""


def main(arguments: list[str]) -> None:
    """Parse, run, print the summary (or the record with ``--json``)."""
    config, execution, as_json, threads = parse(arguments)
    require_method(arguments, "run")
    import torch

    from harness.distributed.crew import crew
    from harness.environment import usual_threads
    from harness.files.progress import watch
    from harness.running.assembly import with_settled_task
    from harness.running.pipeline import Execution, run
    from harness.running.run_record import render_record

    with crew(execution["device"]) as (company, device):
        config = with_settled_task(config, execution["data"])
        torch.set_num_threads(threads or usual_threads(is_tiny(config.task), company.beside))
        if not company.leads:
            watch(lambda *_: None)
        record = run(config, Execution(**execution | {"device": device}), company)
    if not company.leads:
        return
    if as_json:
        print(json.dumps(record, indent=2, allow_nan=False))
    else:
        print(render_record(record, execution["runs"] / record["run"]))


def require_method(arguments: list[str], command: str) -> None:
    """Raises :class:`UsageError` where none is named: nothing is trained unasked."""
    flags = {argument.partition("=")[0] for argument in arguments}
    if "--method" not in flags:
        raise UsageError(
            f"--method is missing, as in `nas-harness {command} --method spos --space nb201`; "
            "`nas-harness list` names methods and spaces."
        )


def parse(arguments: list[str], command: str = "run") -> tuple[Config, dict[str, Any], bool, int]:
    """The configuration, how to execute it, whether to print JSON, and the number of threads.

    ``command``: whose options they are, for what its mistakes are answered with. Preset, method, task and space come first, since they decide the other options and defaults.
    """
    first = _parser(command, add_help=False)
    first.add_argument("--method", default=Config.method)
    first.add_argument("--preset", default=Config.preset)
    first.add_argument("--task", default=Config.task)
    first.add_argument("--space", default=Config.space)
    first.add_argument("--options.base", dest="base")
    chosen, _ = first.parse_known_args([a for a in arguments if a not in HELP])
    defaults = Config.from_preset(
        chosen.preset, method=chosen.method, task=chosen.task, space=chosen.space
    )
    if chosen.base in getattr(defaults.options, "BASES", ()):  # decides which options it has
        defaults = with_values(defaults, {"options.base": chosen.base})

    parser = _parser(command)
    add_constraints(parser.add_argument_group("what the search may find"), "search.latency")
    add_options(parser, defaults)
    if "--help-all" not in arguments:
        _shorten_help(parser, arguments)
    run = parser.add_argument_group("execution (changes no result)")
    run.add_argument("--data", type=Path, help="folder with data sets and published tables")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of run records")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    numbers = (
        (
            "--workers",
            0,
            0,
            "processes that rank; 0: one per core, on a GPU one, which may have more",
        ),
        ("--threads", 0, 0, "0: one for digits and other tiny images, else all cores"),
        (
            "--watch",
            0,
            0,
            "how many of --train.steps lie between two measurements of τ on 200 architectures; 0: none",
        ),
    )
    add_whole_numbers(run, numbers)
    run.add_argument(
        "--protocol",
        action="append",
        default=[],
        metavar="NAME",
        help="also measure on some of the ranked architectures; may be given several times: "
        + PROTOCOLS.replace("%", "%%"),
    )
    run.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="TRACKER",
        help=f"tell it of the run; may be given several times: {', '.join(TRACKERS)}",
    )
    run.add_argument("--keep-checkpoint", action="store_true", help="keep the trained weights")
    run.add_argument("--json", action="store_true", help="print run.json on standard output")
    given = vars(parser.parse_args(arguments))
    names = ("data", "runs", "device", "workers", "keep_checkpoint", "watch")
    execution = {name: given.pop(name) for name in names}
    as_json, threads = given.pop("json"), given.pop("threads")
    execution["protocols"] = tuple(given.pop("protocol"))
    execution["log"] = tuple(given.pop("log"))
    check_trackers(execution["log"])
    given |= limits_of(given.pop("constraint"), given, "search.")
    config = with_values(defaults, given)
    for registry, name in ((SPACES, config.space), (TASKS, config.task)):
        registry[name]
    return config, execution, as_json, threads


def _parser(command: str, **kwargs: Any) -> Parser:
    parser = Parser(
        prog=f"nas-harness {command}",
        usage="nas-harness run --method METHOD [--space SPACE] [options]",
        description=DESCRIPTION,
        **kwargs,
    )
    parser.add_argument(
        "--help-all", action="help", help="also show the options of every part, as --train.steps"
    )
    return parser


def _shorten_help(parser: Parser, arguments: list[str]) -> None:
    """Leave out the options of all parts but those of a method that is named."""
    own = any(argument.partition("=")[0] == "--method" for argument in arguments)
    for action in parser._actions:
        [flag, *_] = action.option_strings
        if flag == "--method":
            action.help = str(action.help).partition(" (default")[0]
        elif "." in flag and not (own and flag.startswith("--options.")):
            action.help = SUPPRESS
