"""What benchmarks say of their figures: every number, in its unit."""

from harness.benchmarks import (
    ranking,
    scaling,
    solvers,
    students,
    tables,
    trackers,
    training,
)
from harness.benchmarks.measuring import said

RATIO = {"mean": 2.5, "sd": 0.25, "interval": (2.25, 2.75), "low": 2.0, "high": 3.0}


TOLD = "2.50 ± 0.25, 95 % interval 2.25 to 2.75, from 2.00 to 3.00"


def lines_of(render, result):
    return [" ".join(line.split()) for line in render(result).splitlines()]


def test_what_was_measured_is_told_in_its_unit():
    place = {"device": "a CPU", "repeats": 2}
    result = place | {
        "space": "macro", "scale": "compact", "bn": "running", "images": 50, "architectures": 3969,
        "timed": {"architectures": 64, "chunks": 8, "subnets": 60, "repeats": 2,
                  "one_by_one": 0.0125, "together": 0.005},
        "calibration_images": 80, "ratio": RATIO, "largest_difference": 0.0, "held_mb": 12.34,
        "whole": {"subnets": 3000, "one_by_one": 6000.0, "together": 1500.0},
        "block_evaluations": {"one_by_one": 31_752, "in_chunks": 9000, "distinct": 5000},
    }  # fmt: skip
    assert lines_of(ranking.render, result) == [
        "3,969 architectures of macro (compact), BN running, 80 images to calibrate and 50 to "
        "score, a CPU, one thread",
        "timed: 64 of them in 8 chunks, 60 distinct subnets; repeats: 2",
        "one by one 12.5 ms per architecture",
        "together 5.0 ms per architecture",
        f"ratio {TOLD}",
        "ranking all: 100.0 CPU minutes one by one, 25.0 together (3,000 subnets in chunks), ratio "
        "4.00",
        "largest difference of scores 0",
        "block evaluations per batch of images: 31,752 one by one, 9,000 in chunks, 5,000 distinct",
        "activations and scores held: at most 12.3 MB",
    ]
    problem = {"name": "it", "seconds": 0.0125, "difference": 1e-7, "excess": 2e-9,
               "others": [{"name": "cvxpy", "seconds": 0.25, "ratio": RATIO}]}  # fmt: skip
    assert lines_of(solvers.render, place | {"cvxpy": "1.9", "problems": [problem]}) == [
        "a CPU, CPU time; cvxpy 1.9; repeats: 2", "", "it: 12.500 ms", f"cvxpy 250.00 ms ratio {TOLD}",
        "largest difference of weights 1.0e-07, excess of the loss 2.0e-09",
    ]  # fmt: skip
    result = place | {
        "students": 30, "teachers": 5, "batch_size": 64, "steps": 2, "one_by_one": 1.5,
        "together": 0.25, "ratio": RATIO, "difference": 1e-6, "largest_logit": 3.0,
    }  # fmt: skip
    assert lines_of(students.render, result) == [
        "30 students, 5 teachers in each group, batches of 64, a CPU, one thread; repeats: 2",
        "one by one 1.500 s per step", "together 0.250 s per step", f"ratio {TOLD}",
        "largest difference of the logits after 2 steps 1.0e-06, of logits up to 3",
    ]  # fmt: skip
    result = place | {
        "space": "nb201", "scale": "compact", "batch_size": 64, "steps": 50, "harness": 0.0125,
        "bare": 0.01, "ratio": RATIO, "overhead": 25.5, "same": False, "waits": {"equal": 2},
    }  # fmt: skip
    assert lines_of(training.render, result) == [
        "SPOS on nb201 (compact), batches of 64, a CPU, one thread; 50 steps, repeats: 2",
        "harness 12.500 ms per step", "bare loop 10.000 ms per step", f"ratio {TOLD}",
        "overhead 25.50 % by the medians, 150.00 % by the mean ratio",
        "same weights afterwards: no",
        "operations of a step that make the host wait: equal 2",
    ]  # fmt: skip


def test_growth_is_told_in_tables():
    rows = {
        part: [{key: 1000 * place + 0.5 for place, key in enumerate(titles)} | {"number": 1000}]
        for part, titles in scaling.TITLES.items()
    }
    told = scaling.render(rows | {"device": "a CPU", "repeats": 3}).splitlines()
    assert told[0] == "a CPU, one thread; the fastest of 3"
    assert told[2] == "| architectures | open, ms | open, MB | tau, ms | interval, ms |"
    assert told[4] == "| 1,000 | 1,000 | 2,000 | 3,000 | 4,000 |"
    assert told[-3] == "| students | retraining step, ms | held, MB |"


def test_figures_of_tables_are_told_in_their_units():
    spread = {"mean": 0.02, "low": 0.01, "high": 0.03}
    megabytes = {"mean": 12.4, "low": 1.0, "high": 99.0}
    table = {"space": "nb201", "rows": 15_625, "origin": "published", "file_mb": 1.25, "wall": spread,
             "cpu": spread | {"low": 0.005}, "mb": megabytes, "peak_mb": megabytes | {"mean": 20.0}}  # fmt: skip
    parts = {name: spread | {"low": low} for name, low in (
        ("tau", 0.001), ("rho", 0.002), ("literal_tau", 0.003), ("weighted_tau", 0.004),
        ("literal_weighted_tau", 0.006))}  # fmt: skip
    result = {
        "device": "a CPU", "repeats": 2, "open": [table],
        "look_ups_per_s": {"low": 1.5e6, "high": 2.25e6},
        "help": {"wall": spread, "cpu": spread | {"low": 0.005}},
        "tau": {"pairs": 423_624, "seconds": spread, "scipy": spread | {"low": 0.02}, "ratio": RATIO,
                "difference": 0.0},
        "intervals": {"n": 15_625, "folds": 1000, "ratio": RATIO,
                      "weighted_ratio": RATIO | {"mean": 7.0}, **parts},
        "evaluation": [{"n": 15_625, "seconds": spread}],
        "command": [{"n": 15_625, "space": "nb201", "wall": spread, "cpu": spread | {"low": 0.005}}],
    }  # fmt: skip
    assert tables.render(result).splitlines() == [
        "a CPU; repeats: 2; from the fastest to the slowest",
        "open nb201, 15,625 rows, published, 1.2 MB on disk: 10.0 to 30.0 ms on the wall, 5.0 to "
        "30.0 ms of CPU; 12 MB stay, 20 MB at the peak",
        "look-ups: 1.50 to 2.25 million a second",
        "--help: 10.0 to 30.0 ms on the wall, 5.0 to 30.0 ms of CPU",
        "tau of 423,624 pairs: 10.0 to 30.0 ms; scipy.stats.kendalltau: 20.0 to 30.0 ms; ratio "
        f"{TOLD}; difference 0",
        "intervals at n = 15,625: tau by the jackknife 1.0 to 30.0 ms; rho's 2.0 to 30.0 ms; tau by "
        f"1,000 resamples with scipy (extrapolated) 3.0 to 30.0 ms, ratio {TOLD}",
        "weighted tau's by the jackknife 4.0 to 30.0 ms; by so many resamples with scipy "
        f"(extrapolated) 6.0 to 30.0 ms, ratio {TOLD.replace('2.50', '7.00')}",
        "all metrics of 15,625 architectures with their intervals: 10.0 to 30.0 ms",
        "nas-harness evaluate of 15,625 scores of nb201: 5.0 to 30.0 ms of CPU, 10.0 to 30.0 ms on "
        "the wall",
    ]


def test_runs_with_and_without_trackers_as_told():
    result = {
        "trackers": ["mlflow", "wandb"], "preset": "laptop", "space": "nb201", "device": "a CPU",
        "steps": 0, "repeats": 2, "same_scores": True, "ratio": {"wall": RATIO, "cpu": RATIO},
        "seconds": {"plain": {"wall": 200.0, "cpu": 150.0}, "told": {"wall": 203.0, "cpu": 160.0}},
        "more": {"wall": {"mean": 3.0, "interval": (2.0, 4.0)},
                 "cpu": {"mean": 10.0, "interval": (9.0, 11.0)}},
    }  # fmt: skip
    finely = "2.500 ± 0.250, 95 % interval 2.250 to 2.750, from 2.000 to 3.000"
    assert lines_of(trackers.render, result) == [
        "spos on nb201, preset laptop, a CPU; repeats: 2",
        "told to nobody 200.0 s, 150.0 s of the CPU",
        "with trackers 203.0 s, 160.0 s of the CPU: mlflow, wandb",
        "more 3.0 s, 95 % interval 2.0 to 4.0: at most 2 % of a run of 200 s or more",
        "more of the CPU 10.0 s, 95 % interval 9.0 to 11.0",
        f"ratio {finely}",
        f"of CPU seconds {finely}",
        "scores the same file",
    ]
    assert trackers.render(result | {"same_scores": False}).endswith("NOT THE SAME")
    assert "preset laptop, 9,000 steps, a CPU" in trackers.render(result | {"steps": 9000})
    noise = result["more"] | {"wall": {"mean": -0.5, "interval": (-0.75, -0.25)}}
    noise = trackers.render(result | {"more": noise})
    assert "-0.5 s, 95 % interval -0.8 to -0.2\n" in noise


def test_a_ratio_as_said():
    ratio = {"mean": 3.0, "sd": None, "interval": None, "low": 3.0, "high": 3.0}
    assert said(ratio).strip() == "3.00, from 3.00 to 3.00"
    several = ratio | {"sd": 0.5, "interval": (2.5, 3.5)}
    assert "± 0.50, 95 % interval 2.50 to 3.50" in said(several)
    assert "± 0.5, 95 % interval 2.5 to 3.5, from 3.0 to 3.0" in said(several, 1)
