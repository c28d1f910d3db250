"""The page: tables and rankings as plain HTML; what runs show when asked, as JSON for its script."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from reports.page import anytime, standalone
from reports.page.drawings import Library
from reports.page.folders import Left
from reports.page.ranking import KEY, rankings
from reports.page.row import facts, options_text
from reports.page.run_data import Pool, curves, found, points
from reports.page.standalone import Training
from reports.page.table import FILTER, table
from reports.pictures.anytime_tau import panels_of
from reports.pictures.scatter import titles
from reports.runs.configuration import configurations, contexts, told_apart
from reports.runs.record import Record
from reports.runs.row import Row, describe
from reports.style import stacked
from reports.style.theme import SEQUENTIAL
from reports.text.escaping import HTML
from searchspaces.errors import UsageError

SCRIPTS = (
    "table.js",
    "axes.js",
    "layout.js",
    "drawing.js",
    "scatter.js",
    "curves.js",
    "anytime.js",
    "main.js",
)
SHADES = 12
RAMPS = {"": (0.05, 0.85), "@media (prefers-color-scheme: dark)": (0.32, 1.0)}


def compose(
    records: Mapping[str, Record],
    left: Sequence[Left],
    measured: Mapping[str, Record] | None = None,
    about: str = "",
    trainings: Sequence[Training] = (),
    tables: Path | None = None,
) -> str:
    """The page as HTML; the same runs give the same text, which begins with what it is ``about``.

    ``records`` by the names that the page calls them, as :func:`reports.page.folders.gather`
    gives them; ``measured`` are the same under a protocol, of which tables and rankings are. What
    a run lacks of scores or history is said in its place. Stand-alone ``trainings`` have a table.
    ``tables`` is a folder with published ones.
    """
    measured = measured or records
    groups = contexts(configurations(measured.values()))
    names = {id(record): name for name, record in measured.items()}
    rows: list[Row] = []
    for members in groups:
        for group, settings in zip(members, told_apart(members), strict=True):
            options = options_text(group.method, settings)
            for record in group.runs.values():
                row = {"run": names[id(record)], "options": options}
                rows.append(describe(record) | row)
    pool, library = Pool(), Library()
    runs = [_run(records[row["run"]], measured[row["run"]], row, pool, library) for row in rows]
    for row, run in zip(rows, runs, strict=True):
        row["status"] = "parts missing" if run["problems"] else "finished"
    shelves = [shelf.content() for shelf in library.shelves.values()]
    watched = panels_of(anytime.readable(contexts(configurations(records.values()))))
    data = {"runs": runs, "columns": pool.columns, "shelves": shelves, "shades": SHADES}
    data["anytime"] = anytime.drawn(watched)
    body = [
        "<h1>Recorded runs</h1>",
        f'<p class="soft">{_counts(len(rows), left, trainings)} {HTML.escape(about)}</p>',
        "<noscript><p>Sorting, scatter plots and curves need JavaScript.</p></noscript>",
        FILTER,
    ]
    if rows:
        body += ["<h2>Ranking of methods</h2>", f'<p class="key">{HTML.escape(KEY)}</p>']
        body += [*rankings(groups, tables), anytime.section(watched)]
    body += ["<h2>Runs</h2>", table(rows, left)]
    body += [_template("run.html")] if rows else []
    body += [standalone.section(trainings)]
    return _document("\n".join(body), data)


def _run(
    record: Record, measured: Record, row: Row, pool: Pool, library: Library
) -> dict[str, Any]:
    """All that the page shows of one run; ``problems`` say what could not be read.

    The scatter plot is of all scores, whatever the protocol of what was ``measured``.
    """
    head, *lines = titles(record)
    run: dict[str, Any] = {"name": row["run"], "title": head, "lines": lines, "row": row}
    run |= {"facts": facts(measured, row), "found": found(record, library)}
    problems = {}
    for part, read in (
        ("points", lambda: points(record, pool, library)),
        ("curves", lambda: curves(record)),
    ):
        try:
            run[part] = read()
        except UsageError as error:
            problems[part] = str(error).replace(f"{record.folder}/", "")
    return run | {"problems": problems}


def _counts(runs: int, left: Sequence[Left], trainings: Sequence[Training]) -> str:
    text = f"{runs} finished {'run' if runs == 1 else 'runs'}"
    others = sorted({folder.status for folder in left})
    counts = [f"{sum(one.status == status for one in left)} {status}" for status in others]
    counts += [f"{len(trainings)} stand-alone"] * bool(trainings)
    return HTML.escape(", ".join([text, *counts]) + ".")


def _shades() -> str:
    """Styles from few parameters to many, of the colours that stand out from the background."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    parts = []
    for media, (first, last) in RAMPS.items():
        steps = (first + (last - first) * shade / (SHADES - 1) for shade in range(SHADES))
        colours = (to_hex(colormaps[SEQUENTIAL](step)) for step in steps)
        rules = "\n".join(f".shade{n} {{ stroke: {paint}; }}" for n, paint in enumerate(colours))
        parts.append(f"{media} {{ {rules} }}" if media else rules)
    return "\n".join(parts) + "\n"


def _document(body: str, data: dict[str, Any]) -> str:
    """The whole file. Its policy lets nothing run or load but its own script and style."""
    style = _template("page.css") + stacked.STYLE + _shades() + anytime.styles()
    script = "\n".join([*map(_template, SCRIPTS), stacked.SCRIPT])
    script = f'"use strict";\n{script}'
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Recorded runs</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        f'</main>\n<script type="application/json" id="data">{embedded(data)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def embedded(data: Any) -> str:
    """``data`` as JSON in which HTML reads no markup, whatever its texts are."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _template(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
