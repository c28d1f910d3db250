"""Random scores of random architectures in every layout: whoever wrote the file knows the scores.

Each is read rightly or refused in one sentence. ``--hypothesis-profile campaign`` tries ten times
1,000 files.
"""

import tempfile
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_files import AMBIGUOUS, LAYOUTS, SUFFIXES, WRITINGS

from harness.scores.reading import Given
from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

TABLES = {
    "nb201": "nb201-benchmark-cifar10",
    "nb101": "nb101-benchmark-cifar10",
    "macro": "macro-benchmark-cifar10",
    "darts": "darts-compact-digits",
    "shufflenet": "shufflenet-compact-digits",
}
FOLDER = Path(tempfile.mkdtemp())
PER_EXAMPLE = 10  # files


@cache
def opened(name):
    table = Table.load(EMBEDDED / f"{TABLES[name]}.parquet")
    return table, SPACES[name](table.meta.scale)


def some_scores(rng, count):
    """Of many kinds; never two equal ones, so that no mistake goes unseen."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.permutation(count * 3)[:count].tolist()
    values = rng.normal(50, 20, count) * 10.0 ** rng.integers(-3, 4)
    return [round(value, 4) for value in values.tolist()] if kind == 1 else values.tolist()


def written(rng, name, writing, layout):
    """A file, and the scores in it by the names of the table."""
    table, space = opened(name)
    rows = rng.permutation(len(table))[: rng.integers(2, 13)].tolist()
    archs, scores = [table.archs[row] for row in rows], some_scores(rng, len(rows))
    if writing == "row":
        keys = rows
    else:
        keys = [WRITINGS[name][writing](space, space.decode(arch)) for arch in archs]
    content = LAYOUTS[layout](list(zip(keys, scores, strict=True)), table.meta.task)
    path = FOLDER / f"scores{rng.choice(SUFFIXES)}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path, dict(zip(archs, scores, strict=True))


def read(path, name):
    """The scores, or the sentence that refuses the file."""
    table, space = opened(name)
    try:
        return Given.of(path).scores(table, space, task=table.meta.task)
    except UsageError as error:
        assert str(error).strip() and "\n" not in str(error)
        return str(error)


@given(st.integers(0, 2**32 - 1))
@hypothesis.settings(max_examples=1000 if hypothesis.settings().max_examples > 50 else 20)
@pytest.mark.slow
def test_a_score_file_is_read_rightly_or_refused(seed):
    rng = np.random.default_rng(seed)
    for _ in range(PER_EXAMPLE):
        name = str(rng.choice(list(TABLES)))
        writing = str(rng.choice([*WRITINGS[name], "row"]))
        layout = str(rng.choice(list(LAYOUTS)))
        path, scores = written(rng, name, writing, layout)
        found = read(path, name)
        if isinstance(found, dict):
            assert (name, writing) not in AMBIGUOUS, (layout, path.read_bytes()[:300])
            assert found == pytest.approx(scores, rel=1e-6, abs=1e-9), (name, writing, layout)
            assert writing != "row" or any("row numbers" in note for note in found.notes)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read_with_the_spaces_own_strings(name, layout):
    rng = np.random.default_rng(len(layout))
    path, scores = written(rng, name, "own", layout)
    if name in ("macro", "shufflenet") and layout.startswith(("to_json values", "swapped")):
        return  # digits of architectures on the side of scores: refused or read, see above
    found = read(path, name)
    assert found == pytest.approx(scores, rel=1e-6, abs=1e-9), found


@pytest.mark.parametrize(("name", "writing"), [(n, w) for n in WRITINGS for w in WRITINGS[n]])
def test_every_writing_is_read_in_records_and_csv(name, writing):
    for layout in ("records", "csv", "pairs", "wandb"):
        path, scores = written(np.random.default_rng(7), name, writing, layout)
        found = read(path, name)
        if (name, writing) in AMBIGUOUS:
            assert isinstance(found, str), layout
        elif writing == "number":
            assert isinstance(found, str) or found == pytest.approx(scores)
        else:
            assert found == pytest.approx(scores), found
