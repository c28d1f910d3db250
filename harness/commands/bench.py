"""``nas-harness bench NAME``: measures two ways of doing the same, and compares their results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from harness.config.options import Parser, add_whole_numbers
from searchspaces.registry import Registry


@dataclass(frozen=True)
class Benchmark:
    """A benchmark and its options; calling it with arguments measures and prints.

    What is measured is in the module of ``harness.benchmarks`` that is named like the benchmark.
    ``summary`` is its line in the list, ``numbers`` are its whole numbers: flag, least, default,
    help. ``others`` are the arguments of its other flags.
    """

    name: str
    summary: str
    description: str
    numbers: Sequence[tuple[str, int, int, str]]
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __call__(self, arguments: list[str]) -> None:
        """Print what was measured, rendered or (``--json``) as JSON."""
        parser = Parser(prog=f"nas-harness bench {self.name}", description=self.description)
        for flag, how in self.others.items():
            parser.add_argument(flag, **how)
        add_whole_numbers(parser, self.numbers)
        parser.add_argument("--json", action="store_true", help="print JSON")
        given = vars(parser.parse_args(arguments))
        as_json = given.pop("json")
        module = import_module(f"harness.benchmarks.{self.name}")
        result = module.measure(**given)
        print(json.dumps(result, indent=2, allow_nan=False) if as_json else module.render(result))


TASK_AND_SCALE = {
    "--task": {"default": "digits", "help": "task that gives the images their shape"},
    "--scale": {"default": "", "help": "of the space; empty: the task's usual one"},
}

ranking = Benchmark(
    "ranking",
    "score architectures: shared beginnings against one by one",
    "Time the ranking of architectures whose shared beginnings are run once, beside scoring one "
    "subnet after another: the same architectures in the same run, in seconds of one CPU core, on "
    "random images. The scores must be the same, but for an image that rounding may turn.",
    numbers=(
        ("--architectures", 0, 0, "random ones to rank; 0: all, of a chain all distinct ones. The"
         " fewer, the less they share"),
        ("--chunks", 0, 2, "chunks of the ranking that a repeat times, spread over all; 0: all"),
        ("--repeats", 1, 3, "measurements, each of other chunks"),
        ("--images", 1, 500, "validation images to score"),
        ("--calibration-images", 0, 0, "training images that calibrate; 0: as many"),
        ("--batch-size", 1, 500, "images per forward pass"),
        ("--seed", 0, 0, "of weights, images and random architectures"),
    ),
    others={
        "--space": {"default": "macro", "help": "a chain space, or nb201"},
        **TASK_AND_SCALE,
        "--bn": {
            "default": "recalibrate",
            "choices": ("recalibrate", "batchstat", "running"),
            "help": "where BN statistics come from",
        },
    },
)  # fmt: skip

scorers = Benchmark(
    "scorers",
    "scorers: networks that compute the same once, against each by itself",
    "Time scorers, which look once at networks that compute the same, beside looking at each: the "
    "same architectures in the same run, in seconds of one CPU core, on random images. Networks "
    "that are looked at in both ways must get the same scores.",
    numbers=(
        ("--architectures", 0, 0, "random ones to rank; 0: all. The fewer, the fewer are alike"),
        ("--chunks", 1, 1, "chunks of the ranking that a repeat times, spread over all"),
        ("--repeats", 1, 3, "measurements, each of other chunks"),
        ("--seed", 0, 0, "of weights, images and random architectures"),
    ),
    others={
        "--space": {
            "default": "nb201",
            "help": "space of the networks; a large one needs --architectures",
        },
        **TASK_AND_SCALE,
        "--method": {
            "nargs": "+",
            "help": "scorers; left out: all but ensemble and short-training",
        },
    },
)

solvers = Benchmark(
    "solvers",
    "EnNAS's weights and MNGNAS's coefficients against cvxpy",
    "Time the weights of EnNAS's ensemble (10 and 100 classes) beside cvxpy with ECOS, and MNGNAS's "
    "coefficients (34 vectors) beside cvxpy with the solver it chooses itself. cvxpy in two ways: "
    "the problem written down for each call, and written once with parameters, compiled before "
    "anything is timed, and solved again for new values.",
    numbers=(
        ("--repeats", 1, 5, "measurements"),
        ("--subnets", 2, 4, "whose ensemble is weighted"),
        ("--images", 1, 96, "in the batch of the ensemble"),
        ("--seed", 0, 0, "of the problems"),
    ),
)

students = Benchmark(
    "students",
    "MNGNAS's retraining of all students together against one after the other",
    "Time MNGNAS's retraining on nb201, in which the outputs of teachers and peers are computed "
    "once per batch and all coefficients at once, beside the literal loop: each student runs its "
    "teachers and peers itself, asks cvxpy for its coefficients, and adds up the loss of every one "
    "of them. The retrained weights must be the same.",
    numbers=(
        ("--students", 2, 30, "architectures that are retrained"),
        ("--steps", 1, 2, "of the retraining, in each repeat"),
        ("--repeats", 1, 3, "measurements"),
        ("--batch-size", 1, 64, "images per step"),
        ("--seed", 0, 0, "of weights, images and architectures"),
    ),
)

training = Benchmark(
    "training",
    "a supernet's training against a bare loop of the same steps",
    "Time the training of a supernet by SPOS, with its sampling of paths, schedule, counting, "
    "progress and history, beside a bare loop of batch, forward, backward, clipping and step over "
    "the same batches along the same paths, written down before. Both change the weights by the "
    "same bits. Also counts the operations of a step that make the host wait for a device.",
    numbers=(
        ("--steps", 1, 50, "in each repeat"),
        ("--repeats", 1, 20, "measurements"),
        ("--batch-size", 1, 64, "images per step"),
        ("--seed", 0, 0, "of weights and images"),
    ),
    others={"--space": {"default": "nb201", "help": "space of the supernet"}, **TASK_AND_SCALE},
)

tables = Benchmark(
    "tables",
    "opening tables, looking up, tau and its interval; the command line's help",
    "Time what is done with ground truth: opening the tables of NAS-Bench-201 and 101 in a process "
    "of its own, looking architectures up, Kendall's tau of all of NAS-Bench-101, the intervals of "
    "NAS-Bench-201 beside resampling with scipy, all metrics of both; and the command line's help. "
    "Where the published tables are not to be had, they are made up in the same size.",
    numbers=(
        ("--repeats", 1, 5, "measurements"),
        ("--seed", 0, 0, "of scores, and of tables that are made up"),
    ),
    others={
        "--data": {"default": "", "help": "folder of tables; empty: $NAS_HARNESS_DATA"},
        "--quick": {"action": "store_true", "help": "small tables, for a trial"},
    },
)

scaling = Benchmark(
    "scaling",
    "time and memory against the numbers of architectures, classes and students",
    "Time and memory of tables, tau and its interval against the number of architectures (100 to "
    "400,000), of ranking nb201 against how many are ranked, of EnNAS's weights against classes "
    "(10 to 1,000) and of MNGNAS's retraining against students (1 to 100), in CPU time of one "
    "thread.",
    numbers=(
        ("--repeats", 1, 3, "measurements, of which the fastest counts"),
        ("--seed", 0, 0, "of everything made up"),
    ),
    others={"--quick": {"action": "store_true", "help": "the smallest sizes, for a trial"}},
)

trackers = Benchmark(
    "trackers",
    "a run that trackers are told of against one that is told to nobody",
    "Time whole runs of SPOS, in a process each, with and without `--log`, in turns: seconds on the "
    "wall and of the CPU, that of the trackers' own processes included; the ratio with its 95 % "
    "interval. What trackers add is the same for a short run as for a long one, so it is said in "
    "seconds too. Weights & Biases works offline. The scores must be the same to the bit.",
    numbers=(
        ("--repeats", 3, 3, "measurements, two runs each"),
        ("--steps", 0, 0, "of training; 0: as many as the preset has"),
        ("--seed", 0, 0, "of the runs"),
    ),
    others={
        "--log": {
            "action": "append",
            "help": "a tracker, several times for several; default: all that come with the harness",
        },
        "--preset": {"default": "laptop", "help": "of the runs: how long they are"},
        "--space": {"default": "nb201", "help": "of the runs"},
    },
)

BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (ranking, scorers, solvers, students, training, tables, scaling, trackers)
}
_REGISTRY = Registry(
    "benchmark",
    "nas_harness.benchmarks",
    {name: f"harness.commands.bench:{name}" for name in BENCHMARKS},
)


def main(arguments: list[str]) -> None:
    """Run the benchmark named first; without a name, or with ``--help``, list them."""
    if not arguments or arguments[0] in ("-h", "--help"):
        rows = [f"  {name:<10}{benchmark.summary}" for name, benchmark in BENCHMARKS.items()]
        print("\n".join(["usage: nas-harness bench NAME [options]", "", *rows]))
        print("\nnas-harness bench NAME --help")
        return
    _REGISTRY[arguments[0]](arguments[1:])
