"""Stand-alone trainings beside the runs: a table of what each trained and how well it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files.store import read_json
from harness.measured.packaged import place
from harness.standalone.record import in_full
from reports.style.formatting import decimal
from reports.text.escaping import HTML
from searchspaces.errors import UsageError

FILE = "standalone.json"


@dataclass(frozen=True)
class Training:
    """One training by the ``name`` of its folder; ``problem`` says why it has no ``record``."""

    name: str
    record: dict[str, Any]
    problem: str = ""


def read_trainings(folders: Iterable[Path]) -> list[Training]:
    """Those in ``standalone/`` of each of ``folders``, by their names, each once."""
    inside = {
        path.resolve()
        for folder in folders
        for path in place(folder).glob("standalone/*/")
        if (path / FILE).exists() or (path / "checkpoint.pt").exists()
    }
    return [_read(path) for path in sorted(inside)]


def _read(folder: Path) -> Training:
    if not (folder / FILE).exists():
        return Training(folder.name, {}, "not finished: its command continues it.")
    try:
        record = read_json(folder / FILE)
        for column in COLUMNS.values():
            column(record)
        return Training(folder.name, record)
    except (UsageError, KeyError, TypeError, ValueError):
        return Training(folder.name, {}, "its record is damaged: delete its folder.")


def section(trainings: Sequence[Training]) -> str:
    """Their table, whose rows the filter of the page reaches; empty where there is none."""
    if not trainings:
        return ""
    heads = "".join(f'<th scope="col">{HTML.escape(head)}</th>' for head in COLUMNS)
    rows = "\n".join(map(_row, trainings))
    return (
        '<h2>Stand-alone trainings</h2>\n<section class="context"><p class="key">Networks trained by '
        "themselves, none of them with shared weights; in full is as the recipe is printed, at full "
        'size.</p>\n<div class="scroll"><table class="trainings"><thead><tr>'
        f'<th scope="col">architecture</th>{heads}</tr></thead>\n<tbody>\n{rows}\n'
        "</tbody></table></div></section>"
    )


def _row(training: Training) -> str:
    if training.problem:
        cells = [
            f'<td colspan="{len(COLUMNS)}" class="reason">{HTML.escape(training.problem)}</td>'
        ]
        head, words = training.name, training.name
    else:
        texts = [column(training.record) for column in COLUMNS.values()]
        cells = [f"<td>{HTML.escape(text) or '–'}</td>" for text in texts]
        head = training.record["arch"]
        words = " ".join([training.name, head, *texts])
    title = HTML.escape(training.name)
    return (
        f'<tr class="method" data-words="{HTML.escape(words)}"><th scope="row" title="{title}">'
        f"<code>{HTML.escape(head)}</code></th>{''.join(cells)}</tr>"
    )


def _percent(name: str) -> Callable[[dict[str, Any]], str]:
    def text(record: dict[str, Any]) -> str:
        value = record["result"][name]
        return "" if value is None else decimal(value, ".2f")

    return text


COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "test (%)": _percent("test_accuracy"),
    "validation (%)": _percent("val_accuracy"),
    "space": lambda record: record["config"]["space"],
    "task": lambda record: record["config"]["task"],
    "recipe": lambda record: (
        f"{record['config']['recipe']}, {'in full' if in_full(record) else 'reduced'}"
    ),
    "epochs": lambda record: f"{record['costs']['epochs']}",
    "images": lambda record: f"{record['data']['train']:,}",
    "seed": lambda record: f"{record['config']['seed']}",
    "parameters": lambda record: f"{record['network']['params'] / 1e6:.3f} M",
    "multiply-adds": lambda record: f"{record['network']['madds'] / 1e6:.2f} M",
    "seconds": lambda record: decimal(record["costs"]["seconds"], ".0f"),
    "found by": lambda record: ", ".join(str(found["run"]) for found in record["found_by"]),
}
