"""Pictures of one seed say nothing of intervals over seeds."""

from dataclasses import replace

import pandas as pd
import pytest
from pictures import words

from reports.papers.definition.loading import load_item
from reports.papers.figures import curves, history, scatter
from reports.papers.measured.results import TRAINED_REDUCED, Cell, Results, RowResults
from reports.runs.record import Record


def found(row, column, seeds):
    values = {seed: 0.5 + 0.01 * seed for seed in seeds}
    cell = Cell(None, (), TRAINED_REDUCED, 0.5, None, len(seeds), values, task="digits")
    return RowResults(row, {column.id: cell}, {})


@pytest.mark.parametrize(("seeds", "bars"), [((0,), False), ((0, 1), True)])
def test_curves_have_bars_where_there_are_several(seeds, bars):
    item = load_item("mngnas", "fig-13")
    column = item.columns[0]
    rows = tuple(found(row, column, seeds) for row in item.rows)
    results = Results(replace(item, columns=(column,)), "laptop", "digits", seeds, rows)
    told = " ".join(words(curves.picture(results, curves.frame(results))))
    assert (curves.BARS in told) == bars and curves.ASIDE in told


@pytest.mark.parametrize(
    ("seeds", "said"), [((0,), scatter.OF_ONE_SEED), ((0, 1), scatter.OVER_SEEDS)]
)
def test_a_scatter_says_what_its_interval_is_over(seeds, said, tmp_path, make_record, make_scores):
    item = load_item("mngnas", "fig-10")
    make_scores(40, dead=0).to_parquet(tmp_path / "scores.parquet")
    records = {seed: Record(tmp_path, make_record("spos", seed, 0.5)) for seed in seeds}
    cells = {c.id: Cell(None, (), TRAINED_REDUCED, 0.5, None, len(seeds)) for c in item.columns}
    rows = tuple(RowResults(row, cells, {"digits": records}) for row in item.rows)
    results = Results(item, "laptop", "digits", seeds, rows)
    drawn = scatter.frame(results)
    assert isinstance(drawn, pd.DataFrame) and set(drawn["n"]) == {len(seeds)}
    told = " ".join(words(scatter.picture(results, drawn)))
    assert [text in told for text in (scatter.OF_ONE_SEED, scatter.OVER_SEEDS)] == [
        text == said for text in (scatter.OF_ONE_SEED, scatter.OVER_SEEDS)
    ]


@pytest.mark.parametrize(("seeds", "band"), [((0,), False), ((0, 1), True)])
def test_lines_have_a_band_where_there_are_several(seeds, band, tmp_path, make_record, monkeypatch):
    item = load_item("ennas", "fig-2")
    monkeypatch.setattr(
        history, "series", lambda run, _: {1: 0.5, 9: 1.0 + run.get("config", "seed")}
    )
    records = {seed: Record(tmp_path, make_record("ennas", seed, 0.5)) for seed in seeds}
    cells = {c.id: Cell(None, (), TRAINED_REDUCED, 0.5, None, len(seeds)) for c in item.columns}
    rows = tuple(RowResults(row, cells, {"digits": records}) for row in item.rows)
    results = Results(item, "laptop", "digits", seeds, rows)
    drawn = history.frame(results)
    assert drawn["y_low"].notna().any() == band
    assert (history.BAND in " ".join(words(history.picture(results, drawn)))) == band
