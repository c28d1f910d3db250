"""``nas-harness train-standalone``: one architecture trained from scratch, as papers do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.config.config import with_values
from harness.config.options import Parser, add_options, whole_number
from harness.standalone.config import StandaloneConfig, base_config
from harness.standalone.recipes import RECIPES
from harness.standalone.source_run import Origin, read_origin
from harness.tasks import TASKS, settled_task
from methods.options import check_limits
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

_EXECUTION = ("data", "runs", "device", "threads", "keep_checkpoint", "checkpoint_seconds")


def main(arguments: list[str]) -> None:
    """Parse, train, print the summary (or the record with ``--json``)."""
    if "--recipes" in arguments:
        print(render_recipes())
        return
    config, execution, origin, as_json = parse(arguments)

    from harness.standalone.record import render
    from harness.standalone.run import StandaloneExecution, run_standalone

    search, start = (origin.search, origin.start) if origin else (None, None)
    weights = start and start.weights
    record = run_standalone(config, StandaloneExecution(**execution), search, weights)
    if as_json:
        print(json.dumps(record, indent=2, allow_nan=False))
    else:
        print(render(record, execution["runs"] / "standalone" / record["name"], search))


def parse(
    arguments: list[str],
) -> tuple[StandaloneConfig, dict[str, Any], Origin | None, bool]:
    """The configuration, how to execute it, the run it is from, and whether to print JSON.

    Run, space, task, preset and recipe come first, since they decide the other defaults. Raises
    :class:`UsageError` for whatever is not known.
    """
    first = _parser(add_help=False)
    for name in ("--run", "--space", "--task", "--recipe"):
        first.add_argument(name)
    first.add_argument("--from", dest="exported")
    first.add_argument("--preset", default=StandaloneConfig.preset)
    chosen, _ = first.parse_known_args([a for a in arguments if a not in ("-h", "--help")])
    origin = _origin(chosen.run, chosen.exported)
    space = chosen.space or (origin.space if origin else StandaloneConfig.space)
    task = chosen.task or (origin.task if origin else StandaloneConfig.task)
    defaults = base_config(space, task, chosen.preset, chosen.recipe or "")
    if origin and origin.start:
        sizes = {"scale": origin.scale, "width": origin.width, "cells": origin.cells}
        defaults = replace(defaults, start=origin.start.sha256, **sizes)

    parser = _parser()
    parser.add_argument("--run", type=Path, help="folder of a run: train what it found")
    parser.add_argument(
        "--from",
        type=Path,
        dest="exported",
        metavar="FILE",
        help="begin with the weights of a network that 'nas-harness export' wrote for PyTorch",
    )
    parser.add_argument("--recipes", action="store_true", help="tell of the recipes, and stop")
    add_options(parser, defaults)
    run = parser.add_argument_group("execution (changes no result)")
    run.add_argument("--data", type=Path, help="folder with data sets")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of records")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    run.add_argument(
        "--threads",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="0: one for digits and other tiny images, else all cores",
    )
    run.add_argument(
        "--checkpoint-seconds", type=float, default=20.0, metavar="S", help="between checkpoints"
    )
    run.add_argument("--keep-checkpoint", action="store_true", help="keep the trained weights")
    run.add_argument("--json", action="store_true", help="print standalone.json")
    given = vars(parser.parse_args(arguments))
    execution = {name: given.pop(name) for name in _EXECUTION}
    check_limits({"checkpoint_seconds": execution["checkpoint_seconds"]}, {})
    as_json = given.pop("json")
    del given["run"], given["exported"], given["recipes"]
    config = with_values(defaults, given | {"recipe": defaults.recipe})
    config = replace(config, task=settled_task(config.task, execution["data"]))
    return _with_architecture(config, origin), execution, origin, as_json


def _origin(run: str | None, exported: str | None) -> Origin | None:
    """Where the architecture is from, if not from --arch."""
    if run and exported:
        raise UsageError("--run and --from each bring an architecture; leave one of them out.")
    if not exported:
        return read_origin(Path(run)) if run else None
    from harness.exporting.reading import exported_origin

    return exported_origin(Path(exported))


def _with_architecture(config: StandaloneConfig, origin: Origin | None) -> StandaloneConfig:
    """With the one architecture that is asked for, as its space writes it."""
    if bool(config.arch) == bool(origin):
        raise UsageError(
            "give either an architecture with --arch, or with --run the folder of the run that "
            "found it, or with --from an exported network."
        )
    if origin and config.space != origin.space:
        raise UsageError(
            f"the architecture is one of {origin.space}, not of {config.space}; leave out --space."
        )
    from harness.tabular.ground_truth import usual_scale

    TASKS[config.task]
    space_class = SPACES[config.space]
    scale = config.scale or usual_scale(config.space, config.task)
    if origin and not config.scale and config.task == origin.task:
        scale = origin.scale
    space = space_class(scale, config.width, config.cells)
    arch = space.decode(origin.arch if origin else config.arch)
    return replace(config, arch=space.encode(arch), scale=space.scale)


def render_recipes() -> str:
    """What every recipe is, where from, and what its source leaves open."""
    lines = []
    for name, recipe in RECIPES.items():
        lines += [name, f"  {recipe.source}"]
        lines += [f"  open: {text}" for text in recipe.open]
        lines += [f"  departs: {text}" for text in recipe.departs]
    return "\n".join(lines)


def _parser(**kwargs: Any) -> Parser:
    return Parser(
        prog="nas-harness train-standalone",
        description="Train one architecture from scratch by the recipe of a paper or benchmark: "
        "test error, parameters, multiply-adds, and what the search cost that found it. The test "
        "images are looked at once, at the end. --recipes tells where each recipe is from.",
        **kwargs,
    )
