import numpy as np
import pytest
from searched import ARCHS, SPACE, planted_table

from harness.tabular.ground_truth import space_with_table


@pytest.fixture(scope="module")
def published():
    """Space and packaged table of NAS-Bench-201 on a task."""
    return lambda task: space_with_table("nb201", task)


@pytest.fixture(scope="module")
def table():
    """All of the planted space: truth as planted, three noisy validation seeds with gaps."""
    rng = np.random.default_rng(0)
    truth = np.array([SPACE.truth(SPACE.decode(text)) for text in ARCHS])
    runs = truth + rng.normal(scale=4, size=(3, len(ARCHS))) + 10
    runs[1:, rng.random(len(ARCHS)) < 0.4] = np.nan
    columns = {f"val.5.{seed}": run.clip(0, 100) for seed, run in enumerate(runs)}
    columns |= {"val.5.mean": np.nanmean(runs, axis=0).clip(0, 100), "test.5.mean": truth}
    return planted_table(columns)
