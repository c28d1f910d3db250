"""Untrusted input: whatever is in a file or on the command line is accepted as it is or refused
in a sentence. ``pytest tests/reliability/test_fuzz.py --hypothesis-profile campaign`` tries many
more cases."""

import contextlib
import hashlib
import io
import json
import pickle
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import EDITS, JSON, edited, replaced
from scored import make
from tables import made_meta

from harness.cli import main
from harness.commands.run import parse
from harness.config.config import SCHEMA_VERSION
from harness.files.checksums import BLANK, seal
from harness.files.store import read_json, read_lines
from harness.metrics.evaluate import evaluate_scores
from harness.resuming.workspace import load_tensors, save_tensors
from harness.scores.reading import read_scores
from harness.tabular.table import Table
from harness.tabular.tfrecord import read_records
from harness.tasks.pickled_batches import parse_batch
from reports.papers.definition.fields import Fields
from reports.papers.definition.parsing import parse_item
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

FOLDER = Path(tempfile.mkdtemp())
SPACE = SPACES["nb201"]("compact")
ARCHS = [SPACE.encode(SPACE.sample(np.random.default_rng(n))) for n in range(8)]
PLACE = st.floats(0, 1)


def written(name: str, content: bytes | str) -> Path:
    path = FOLDER / name
    path.write_bytes(
        content.encode(errors="surrogatepass") if isinstance(content, str) else content
    )
    return path


def accepted(call, *arguments):
    """What ``call`` answers; None where it refuses in one sentence."""
    try:
        return call(*arguments)
    except UsageError as error:
        assert str(error).strip()
        return None


# Tables -----------------------------------------------------------------------------------------


@cache
def table() -> Table:
    rng = np.random.default_rng(0)
    columns = {
        f"{split}.5.{seed}": rng.uniform(10, 90, 8)
        for split in ("val", "test")
        for seed in (0, 1, "mean")
    }
    whole = Table(
        made_meta(scale="compact", resolution={"val": 0.1, "test": 0.01}),
        ARCHS,
        columns,
        np.arange(8) + 10,
        np.arange(8) + 100,
    )
    whole.save(FOLDER / "whole.parquet")
    return Table.load(FOLDER / "whole.parquet")


def used(path: Path) -> dict:
    loaded = Table.load(path)
    return evaluate_scores(loaded, dict.fromkeys(loaded.archs, 1.0), "test")


@given(EDITS)
def test_a_table_with_changed_bytes_is_refused(edits):
    table()
    content = (FOLDER / "whole.parquet").read_bytes()
    changed = edited(content, edits)
    assert (accepted(Table.load, written("t.parquet", changed)) is None) == (changed != content)


@pytest.mark.slow
@given(PLACE, JSON)
def test_a_table_with_other_metadata_is_used_or_refused(place, value):
    table()
    stored = pq.read_table(FOLDER / "whole.parquet")
    meta = replaced(json.loads(stored.schema.metadata[b"nas_harness"]), place, value)
    sink = pa.BufferOutputStream()
    pq.write_table(
        stored.replace_schema_metadata({"nas_harness": json.dumps(meta), "seal": BLANK}), sink
    )
    accepted(used, written("m.parquet", seal(sink.getvalue().to_pybytes())))


@pytest.mark.slow
@given(
    st.sampled_from(["arch", "params", "test.5.mean", "test.5.0", "val.5.mean"]),
    st.lists(st.none() | st.integers(-9, 9) | st.floats(), min_size=8, max_size=8)
    | st.lists(st.text(max_size=3), min_size=8, max_size=8),
)
def test_a_table_with_other_columns_is_used_or_refused(name, values):
    table()
    stored = pq.read_table(FOLDER / "whole.parquet")
    with contextlib.suppress(pa.ArrowException, OverflowError, TypeError):
        stored = stored.set_column(stored.column_names.index(name), name, [values])
    sink = pa.BufferOutputStream()
    pq.write_table(stored.replace_schema_metadata(stored.schema.metadata | {b"seal": BLANK}), sink)
    accepted(used, written("c.parquet", seal(sink.getvalue().to_pybytes())))


# Scores -----------------------------------------------------------------------------------------

SCORES = {
    ".csv": "arch,score\n" + "\n".join(f"{arch},{n}.5" for n, arch in enumerate(ARCHS)),
    ".json": json.dumps({arch: n + 0.5 for n, arch in enumerate(ARCHS)}),
}


def check_scores(path: Path) -> None:
    scores = accepted(read_scores, path, table())
    assert scores is None or set(scores) <= set(ARCHS) and np.isfinite(list(scores.values())).all()


@given(st.sampled_from(sorted(SCORES)), EDITS)
def test_score_files_with_changed_bytes(suffix, edits):
    check_scores(written(f"s{suffix}", edited(SCORES[suffix].encode(), edits)))


@given(JSON)
def test_score_files_of_any_json(content):
    check_scores(written("any.json", json.dumps(content)))


@given(EDITS)
def test_score_files_in_parquet_with_changed_bytes(edits):
    sink = io.BytesIO()
    pd.DataFrame({"arch": ARCHS, "score": np.arange(8.0)}).to_parquet(sink)
    check_scores(written("s.parquet", edited(sink.getvalue(), edits)))


# Architectures and options ----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SPACES))
@given(data=st.data())
def test_architecture_strings(name, data):
    space = SPACES[name]("compact")
    whole = space.encode(space.sample(np.random.default_rng(data.draw(st.integers(0, 99)))))
    text = data.draw(
        st.text(max_size=40)
        | EDITS.map(lambda edits: edited(whole.encode(), edits).decode(errors="replace"))
    )
    arch = accepted(space.decode, text)
    assert arch is None or space.decode(space.encode(arch)) == arch


WORDS = st.sampled_from(
    ["--method", "spos", "mngnas", "ennas", "--space", "nb201", "macro", "--task", "digits", "--preset", "smoke", "--seed", "1", "-1", "1e9", "nan", "inf", "--train.steps", "0", "--train.lr", "--options.kd", "full", "--options.base", "--options.teachers", "--score.bn", "--score.images", "--supernet.width", "--rank.architectures", "--equalise", "seconds", "--data", "--json", "--workers", "true", ""]
) | st.text(max_size=6)  # fmt: skip


@pytest.mark.slow
@given(st.lists(WORDS, max_size=8))
def test_options_of_a_run(words):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            accepted(parse, words)
        except SystemExit as stop:
            assert stop.code == 0  # help


# Records ----------------------------------------------------------------------------------------


@cache
def recorded() -> dict:
    """A record as runs write it, beside its scores."""
    frame = pd.DataFrame(
        {
            "arch": ARCHS,
            "score": np.arange(8.0),
            "truth": np.arange(8.0)[::-1],
            "params": 5,
            "madds": 7,
        }
    )
    (FOLDER / "run").mkdir(exist_ok=True)
    frame.to_parquet(FOLDER / "run" / "scores.parquet", index=False)
    result = json.loads(json.dumps(evaluate_scores(table(), dict.fromkeys(ARCHS, 1.0), "test")))
    config = parse(["--preset", "smoke"])[0].to_dict()
    return result | {
        "schema_version": SCHEMA_VERSION, "run": "run", "config": json.loads(json.dumps(config)),
        "ground_truth": {"table": "t", "split": "test", "seeds": 2, "version": "1", "sha256": "ab"},
        "scoring": {"split": "val", "bn": "recalibrate", "images": 10},
        "supernet": {"scale": "compact", "parameters": 10, "reduced": False},
        "found": {"arch": ARCHS[0], "truth": 50.0, "regret": 1.0, "how": "read from the table"},
        "costs": {"steps": 1, "image_passes": 10, "scoring_image_passes": 5, "seconds": 1.0, "device": "CPU"},
        "notes": [], "versions": {},
    }  # fmt: skip


@pytest.mark.slow
@given(PLACE, JSON)
def test_a_record_with_other_values_is_compared_or_refused(place, value):
    written("run/run.json", json.dumps(replaced(recorded(), place, value)))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(["compare", str(FOLDER / "run")]) in (0, 2)


@pytest.mark.slow
@given(EDITS)
def test_a_record_with_changed_bytes_is_compared_or_refused(edits):
    content = json.dumps(recorded()).encode()
    written("run/run.json", edited(content, edits))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(["compare", str(FOLDER / "run")]) in (0, 2)


@pytest.mark.slow
@given(EDITS)
def test_scores_of_a_run_with_changed_bytes(edits):
    recorded()
    content = (FOLDER / "run" / "scores.parquet").read_bytes()
    (FOLDER / "other").mkdir(exist_ok=True)
    written("other/run.json", json.dumps(recorded()))
    written("other/scores.parquet", edited(content, edits))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(["compare", str(FOLDER / "other")]) in (0, 2)


MOMENT = datetime(2020, 1, 2, 3, 4, 5)
KINDS = {
    "structs": lambda: [{"a": 1, "b": "c"}],
    "lists": lambda: [[1.0, 2.0]],
    "maps": lambda: pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    "moments": lambda: [MOMENT],
    "moments of a zone": lambda: pa.array([MOMENT], pa.timestamp("us", "UTC")),
    "days": lambda: [MOMENT.date()],
    "times": lambda: [MOMENT.time()],
    "durations": lambda: [timedelta(days=1)],
    "decimals": lambda: [Decimal("1.5")],
    "bytes": lambda: [b"\xff\0"],
    "texts": lambda: ["nan"],
    "categories": lambda: pa.array(["a"]).dictionary_encode(),
    "truths": lambda: [True],
    "nothing": lambda: [None],
    "large numbers": lambda: pa.array([2**64 - 1], pa.uint64()),
    "half numbers": lambda: pa.array(np.array([1.5], np.float16)),
}
HISTORY = {
    "phase": ["train"] * 4 + ["epoch", "search"],
    "step": [2, 4, 6, 8, 8, 1],
    "loss": [2.0, 1.5, 1.2, 1.1, None, None],
    "best": [None] * 5 + [60.0],
}


@pytest.mark.slow
@given(
    st.sampled_from(["scores.parquet", "history.parquet"]),
    st.lists(
        st.tuples(PLACE, st.sampled_from(sorted(KINDS)), st.booleans()), min_size=1, max_size=3
    ),
)
def test_a_run_with_columns_of_other_kinds_is_shown_or_refused(name, changes):
    folder = FOLDER / "kinds"
    folder.mkdir(exist_ok=True)
    written("kinds/run.json", json.dumps(recorded()))
    stored = pq.read_table(FOLDER / "run" / "scores.parquet")
    tables = {"scores.parquet": stored, "history.parquet": pa.table(HISTORY)}
    for place, kind, gap in changes:
        table = tables[name]
        column = min(int(place * table.num_columns), table.num_columns - 1)
        one = pa.array(KINDS[kind]())
        values = pa.concat_arrays([one] * (len(table) - gap) + [pa.nulls(1, one.type)] * gap)
        changed = table.set_column(column, table.column_names[column], values)
        tables[name] = changed.replace_schema_metadata()
    for file, table in tables.items():
        pq.write_table(table, folder / file)
    output = FOLDER / "kinds.html"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(["compare", str(folder)]) in (0, 2)
        assert main(["page", str(folder), "--output", str(output)]) in (0, 2)


@pytest.mark.slow
@given(st.binary(max_size=60) | JSON.map(lambda tree: json.dumps(tree).encode()))
def test_json_and_lines_of_json(content):
    path = written("any.json", content)
    accepted(read_json, path)
    accepted(read_lines, path)


# Checkpoints ------------------------------------------------------------------------------------


@cache
def checkpoint() -> bytes:
    save_tensors(FOLDER / "c.pt", {"method": make().state_dict(), "phase": "train"})
    return (FOLDER / "c.pt").read_bytes()


@pytest.mark.slow
@given(EDITS)
@example([(0.5, 1, b"\0")])  # a weight
def test_a_checkpoint_with_changed_bytes_is_refused(edits):
    changed = edited(checkpoint(), edits)
    state = accepted(load_tensors, written("d.pt", changed))
    assert (state is None) == (changed != checkpoint())


class Intruder:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    stream = io.BytesIO()
    torch.save({"method": Intruder()}, stream)
    content = stream.getvalue()
    (tmp_path / "c.pt").write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(UsageError, match="damaged"):
        load_tensors(tmp_path / "c.pt")


# Data and published files -----------------------------------------------------------------------


@given(EDITS)
def test_pickled_images_with_changed_bytes(edits):
    images = np.arange(2 * 3 * 16 * 16, dtype=np.uint8).reshape(2, -1)
    content = pickle.dumps({"data": images, "labels": [0, 1]}, protocol=2)
    batch = accepted(parse_batch, edited(content, edits), Path("batch"), "labels", 16)
    assert batch is None or batch[0].shape == (len(batch[1]), 3, 16, 16)


@given(st.binary(max_size=200))
def test_records_of_any_bytes(content):
    accepted(lambda path: list(read_records(path)), written("r.tfrecord", content))


@given(PLACE, JSON)
def test_a_printed_item_with_other_values(place, value):
    item = {
        "title": "Table I", "kind": "table", "class": "N", "caption": "c", "reduced": "r",
        "needs": "n", "defects": ["d"],
        "study": {"space": "nb201", "task": "digits", "seeds": [0, 1]},
        "columns": [{"id": "tau", "head": "τ", "measure": "tau", "digits": 3, "better": "higher"}],
        "rows": [
            {"id": "a", "label": "A", "run": {"method": "spos"}, "printed": {"tau": "0.5±0.1"}, "flags": {"tau": [1]}},
            {"id": "b", "label": "B", "run": {"method": "mngnas", "options.kd": "none"}},
        ],
        "claims": [{"text": "t", "better": "b", "worse": "a", "column": "tau"}],
    }  # fmt: skip
    changed = replaced(item, place, value)
    if isinstance(changed, dict):
        accepted(lambda: parse_item("toy", "table-1", Fields(changed, "toy/table-1.toml")))
