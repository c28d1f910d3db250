"""``nas-harness check-gpu``: does a GPU give what the CPU gives, and how fast?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from harness.config.options import Parser
from harness.device_checks.suite import CHECKS, chosen
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.device_checks.outcomes import Outcome


def main(arguments: list[str]) -> int:
    """Print a line for each check, and a table of all; 1 if something is wrong, else 0."""
    parser = Parser(
        prog="nas-harness check-gpu",
        description="Does your GPU give what the CPU gives, and how fast? Carries out checks in "
        "two halves, of what is right and of how fast it is, each of some six minutes on a GPU, by "
        "an estimate. One that fails is said in a sentence, and the others go on. Exit status 1 if any failed.",
    )
    parser.add_argument(
        "--device", default="cuda", help="cuda, cuda:N, or cpu: the same, smaller, without a GPU"
    )
    parser.add_argument("--half", type=int, choices=(1, 2), help="only this half of the checks")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only this check, by its name in --list; repeatable",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, for a trial")
    parser.add_argument("--list", action="store_true", help="name the checks, and stop")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each check")
    given = parser.parse_args(arguments)
    checks = chosen(given.half, given.only)
    if given.list:
        width = max(len(check.name) for check in CHECKS)
        for check in checks:
            print(f"{check.name:<{width}}  half {check.half}  {check.asks}")
        return 0

    import torch

    from harness import environment
    from harness.device_checks.outcomes import carried_out
    from harness.device_checks.subject import FULL, SMALL, Subject

    try:
        device = environment.use_device(given.device)
    except UsageError as error:
        if not given.device.startswith("cuda"):
            raise
        built = torch.backends.cuda.is_built()
        why = "PyTorch sees no such GPU" if built else "this PyTorch is built without CUDA"
        raise UsageError(
            f"the device '{given.device}' is not available here: {why}; "
            "--device cpu carries the checks out without one, smaller."
        ) from error
    small = given.quick or device.type == "cpu"
    subject = Subject(device, SMALL if small else FULL)
    outcomes: list[Outcome] = []
    try:
        with environment.threads(1):
            for outcome in carried_out(checks, subject):
                outcomes.append(outcome)
                if given.json:
                    print(json.dumps(outcome.to_dict(), allow_nan=False), flush=True)
                how = "passed" if outcome.passed else "FAILED"
                number = f"{len(outcomes)} of {len(checks)}"
                print(f"[{number}] {outcome.check.name}: {how}", file=sys.stderr, flush=True)
    except BaseException as stop:
        if not isinstance(stop, Exception):  # from the keyboard, or from a scheduler
            rest = " ".join(f"--only {check.name}" for check in checks[len(outcomes) :])
            stop.args = (f"{rest} carries out the rest.",)
        raise
    finally:
        if outcomes and not given.json:
            show(outcomes)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def show(outcomes: list[Outcome]) -> None:
    """Print a table: a row a check."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "", "seconds", "found")
    table.columns[0].no_wrap, table.columns[2].justify = True, "right"
    for outcome in outcomes:
        how = Text("passed", "green") if outcome.passed else Text("FAILED", "bold red")
        table.add_row(outcome.check.name, how, f"{outcome.seconds:.1f}", Text(outcome.said))
    Console().print(table)
