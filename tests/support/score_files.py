"""Score files as people write them: architectures in many writings, files in many layouts."""

from __future__ import annotations

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from searchspaces.base import SearchSpace
from searchspaces.darts.cell import genotype_of
from searchspaces.nb101.cell import EDGES, GENE, OPERATORS, OUTPUT, module_hash

Pairs = list[tuple[Any, float]]


# Writings: architecture → what a file says; those marked ambiguous must never be read ------------


def nodes_of(text: str) -> list[list[tuple[str, int]]]:
    return [
        [(term.split("~")[0], int(term.split("~")[1])) for term in node[1:-1].split("|")]
        for node in text.split("+")
    ]


def spec_of(arch: Any) -> dict[str, Any]:
    matrix = [[0] * (OUTPUT + 1) for _ in range(OUTPUT + 1)]
    for source, target in EDGES:
        matrix[source][target] = arch[GENE[source, target]]
    names = ["input", *(OPERATORS[gene] for gene in arch[:5]), "output"]
    return {"module_adjacency": matrix, "module_operations": names}


def cells_of(arch: Any) -> dict[str, Any]:
    genotype = genotype_of(arch)
    cells = ([list(edge) for node in cell for edge in node[::-1]] for cell in genotype)
    normal, reduce = cells
    concat = [2, 3, 4, 5]
    return {"normal": normal, "normal_concat": concat, "reduce": reduce, "reduce_concat": concat}


def text_of(space: SearchSpace, arch: Any) -> str:
    return space.encode(arch)


Writing = Callable[[SearchSpace, Any], Any]
CHAIN: dict[str, Writing] = {
    "own": text_of,
    "tuple": lambda space, arch: str(arch),
    "list": lambda space, arch: list(arch),
    "array": lambda space, arch: str(np.array(arch)),
    "number": lambda space, arch: int(space.encode(arch)),
}
WRITINGS: dict[str, dict[str, Writing]] = {
    "nb201": {
        "own": text_of,
        "tuples": lambda space, arch: str([tuple(n) for n in nodes_of(space.encode(arch))]),
        "lists": lambda space, arch: nodes_of(space.encode(arch)),
        "structure": lambda space, arch: f"Structure(4 nodes with {space.encode(arch)})",
        "code": lambda space, arch: "".join(map(str, arch)),
        "code as number": lambda space, arch: int("".join(map(str, arch))),
        "code as list": lambda space, arch: list(arch),
    },
    "nb101": {
        "own": text_of,
        "hash": lambda space, arch: module_hash(arch),
        "spec": lambda space, arch: spec_of(arch),
        "spec as text": lambda space, arch: json.dumps(spec_of(arch)),
    },
    "macro": CHAIN,
    "shufflenet": CHAIN,
    "darts": {
        "own": text_of,
        "by weight": lambda space, arch: f"genotype = Genotype({printed(cells_of(arch))})",
        "dict": lambda space, arch: cells_of(arch),
        "dict as text": lambda space, arch: str(cells_of(arch)),
        "members": lambda space, arch: list(cells_of(arch).values()),
    },
}
AMBIGUOUS = {("nb201", name) for name in ("code", "code as number", "code as list")}


def printed(cells: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={'range(2, 6)' if 'concat' in name else [tuple(edge) for edge in cell]}"
        for name, cell in cells.items()
    )


# Layouts: pairs → content ------------------------------------------------------------------------


def named(pairs: Pairs) -> Pairs:
    """With text for architectures that a cell or a member's name cannot be."""
    return [(k if isinstance(k, int) else k if isinstance(k, str) else str(k), s) for k, s in pairs]


def frame_of(pairs: Pairs, arch: str = "arch", score: str = "score") -> pd.DataFrame:
    keys, scores = zip(*named(pairs), strict=True)
    return pd.DataFrame({arch: list(keys), score: list(scores)})


def series_of(pairs: Pairs) -> pd.Series:
    keys, scores = zip(*named(pairs), strict=True)
    return pd.Series(scores, index=list(keys))


def parquet_of(pairs: Pairs) -> bytes:
    sink = io.BytesIO()
    frame_of(pairs, "architecture", "val_acc").to_parquet(sink)
    return sink.getvalue()


def indexed_parquet_of(pairs: Pairs) -> bytes:
    sink = io.BytesIO()
    frame_of(pairs).set_index("arch").to_parquet(sink)
    return sink.getvalue()


def records(pairs: Pairs, arch: str = "arch", score: str = "score") -> list[dict[str, Any]]:
    return [{arch: key, score: value} for key, value in pairs]


def lines(rows: list[Any]) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


def wandb_of(pairs: Pairs) -> str:
    return json.dumps({"columns": ["arch", "score"], "data": [list(pair) for pair in pairs]})


def nested_of(pairs: Pairs, task: str) -> str:
    inner = {key: {"synflow": {"score": score, "time": 0.5}} for key, score in named(pairs)}
    return json.dumps({task: inner, "other-task": {key: {} for key, _ in named(pairs)}})


def oriented(orient: str) -> Callable[[Pairs, str], Any]:
    return lambda pairs, task: frame_of(pairs, "arch", "acc").to_json(orient=orient)


LAYOUTS: dict[str, Callable[[Pairs, str], str | bytes]] = {
    "csv": lambda p, t: frame_of(p).to_csv(index=False),
    "csv, pandas index": lambda p, t: frame_of(p, "arch_str", "val_acc").to_csv(),
    "csv, no header": lambda p, t: frame_of(p).to_csv(index=False, header=False),
    "csv, semicolons": lambda p, t: frame_of(p).to_csv(index=False, sep=";"),
    "csv, decimal commas": lambda p, t: frame_of(p).to_csv(index=False, sep=";", decimal=","),
    "csv, tabs": lambda p, t: frame_of(p).to_csv(index=False, sep="\t"),
    "csv, byte order mark": lambda p, t: frame_of(p).to_csv(index=False).encode("utf-8-sig"),
    "series": lambda p, t: series_of(p).to_csv(),
    "series, no header": lambda p, t: series_of(p).to_csv(header=False),
    "series json": lambda p, t: json.dumps(dict(named(p))),
    "series split": lambda p, t: series_of(p).to_json(orient="split"),
    "pairs": lambda p, t: json.dumps(p),
    "swapped pairs": lambda p, t: json.dumps([[s, k] for k, s in p]),
    "records": lambda p, t: json.dumps(records(p)),
    "records, other names": lambda p, t: json.dumps(records(p, "genotype", "accuracy")),
    "json lines": lambda p, t: lines(records(p)),
    "json lines of pairs": lambda p, t: lines([list(pair) for pair in p]),
    "json lines of members": lambda p, t: lines([{k: s} for k, s in named(p)]),
    "wandb": lambda p, t: wandb_of(p),
    "side by side": lambda p, t: json.dumps({"archs": [k for k, _ in p], "scores": [s for _, s in p]}),
    "two lists": lambda p, t: json.dumps([[k for k, _ in p], [s for _, s in p]]),
    "around": lambda p, t: json.dumps({"method": "spos", "seed": 0, "scores": dict(named(p))}),
    "nested": nested_of,
    "proxies": lambda p, t: json.dumps({"synflow": dict(named(p))}),
    "printed dict": lambda p, t: str(dict(named(p))),
    "printed dict of NumPy": lambda p, t: str({k: np.float64(s) for k, s in named(p)}),
    "printed defaultdict": lambda p, t: str(defaultdict(float, named(p))),
    "assignment": lambda p, t: f"scores = {dict(named(p))}\n",
    "gzip": lambda p, t: gzip.compress(frame_of(p).to_csv(index=False).encode()),
    "csv, comment": lambda p, t: "# by hand\n" + frame_of(p).to_csv(index=False),
    "csv, of Excel": lambda p, t: "sep=;\r\n" + frame_of(p).to_csv(index=False, sep=";"),
    "csv, percent": lambda p, t: frame_of([(k, f"{s!r}%") for k, s in p]).to_csv(index=False),
    "json lines of several members": lambda p, t: lines([dict(named(p)[:1]), dict(named(p)[1:])]),
    "parquet": lambda p, t: parquet_of(p),
    "parquet, index": lambda p, t: indexed_parquet_of(p),
} | {f"to_json {o}": oriented(o) for o in ("columns", "index", "records", "split", "table", "values")}  # fmt: skip
SUFFIXES = ("", ".csv", ".json", ".jsonl", ".txt", ".parquet", ".tsv")
