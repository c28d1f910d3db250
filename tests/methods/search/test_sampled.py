"""Optuna's samplers as searches on a table."""

import sys

import numpy as np
import pytest
from searched import ARCHS, SPACE, options, planted_table

from harness.simulation.searches import compare_searches
from methods.search.candidates import Candidates
from methods.search.table_search import SEARCHES
from searchspaces.errors import UsageError

TRUTH = np.array([SPACE.truth(SPACE.decode(text)) for text in ARCHS])
COMPLETE = Candidates(SPACE, ARCHS)
TPE = "optuna:TPESampler"


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna", reason="Optuna is the extra 'optuna'")


def asked(name, candidates=COMPLETE, queries=40, seed=0):
    """The rows that a search trains, and the search."""
    search = SEARCHES[name](candidates, None, queries, np.random.default_rng(seed))
    rows = []
    for _ in range(queries):
        rows.append(search.ask())
        search.tell(rows[-1], TRUTH[rows[-1]])
    return rows, search


def test_a_proposal_that_is_no_candidate_becomes_the_nearest():
    some = Candidates(SPACE, ["0000", "0011", "2222", "2221"])
    rng = np.random.default_rng(0)
    assert some.closest((0, 0, 1, 1), rng) == 1
    assert {some.closest((0, 0, 0, 1), rng) for _ in range(30)} == {0, 1}
    assert {some.closest((2, 2, 0, 1), rng) for _ in range(9)} == {3}
    allowed = np.array([False, False, True, True])
    limited = Candidates(SPACE, ["0000", "0011", "2222", "2221"], allowed)
    assert limited.closest((2, 2, 0, 1), rng) == 3  # its row in the table


def test_without_optuna_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match="pip install optuna"):
        SEARCHES[TPE]


def test_tpe_learns_where_the_good_operators_are(optuna):
    rows, search = asked(TPE, queries=60)
    assert TRUTH[rows[:10]].mean() + 3 < TRUTH[rows[-20:]].mean()
    assert [trial.value for trial in search.proposals.study.trials] == TRUTH[rows].tolist()
    assert search.proposals.study.trials[0].params == dict(
        zip([s.name for s in SPACE.sites], _operators(rows[0]), strict=True)
    )
    assert rows == asked(TPE, queries=60)[0] and rows != asked(TPE, queries=60, seed=1)[0]


def _operators(row):
    return [SPACE.sites[at].operators[int(gene)] for at, gene in enumerate(ARCHS[row])]


def test_any_sampler_can_be_named_and_given_arguments(optuna):
    rows, _ = asked("optuna:BruteForceSampler", queries=len(ARCHS) - 1)
    assert len(set(rows)) == len(ARCHS) - 1
    _, search = asked("optuna:NSGAIISampler(population_size=7)", queries=20)
    generations = [
        t.system_attrs["NSGAIISampler:generation"] for t in search.proposals.study.trials
    ]
    assert generations == [0] * 7 + [1] * 7 + [2] * 6


def test_a_sampler_that_has_proposed_all_there_is_says_so(optuna):
    with pytest.raises(UsageError, match="after 81 trainings; lower --queries"):
        asked("optuna:BruteForceSampler", queries=len(ARCHS) + 1)


@pytest.mark.parametrize(
    "name, hint",
    [
        ("optuna:TPESampel", r"no sampler 'TPESampel'; did you mean 'optuna:TPESampler'\?$"),
        ("optuna:tpe", r"did you mean 'optuna:TPESampler'\?$"),
        ("optuna:nsgaiisampler(swapping_prob=1)", r"did you mean 'optuna:NSGAIISampler'\?$"),
        ("optuna:Wizard", "it has .*, TPESampler"),
        ("optuna:BaseSampler", "no sampler 'BaseSampler'"),
        ("optuna:TPESampler(seed=1)", "leave seed out"),
        ("optuna:", "a sampler is named as"),
        ("optuna:TPESampler(7)", "a sampler is named as"),
        ("optuna:TPESampler(gamma=open)", "a sampler is named as"),
        ("optuna:TPESampler(startup=3)", "'startup'"),
        ("optuna:GridSampler", "search_space"),
    ],
)
def test_mistakes_are_one_sentence(optuna, name, hint):
    with pytest.raises(UsageError, match=hint):
        SEARCHES[name]


def test_samplers_stand_beside_the_other_searches(optuna):
    runs = {f"val.5.{kind}": TRUTH for kind in ("0", "mean")} | {"test.5.mean": TRUTH}
    result = compare_searches(
        planted_table(runs), SPACE, options("random", TPE), queries=30, repeats=2, max_madds=7
    )
    assert list(result["curves"]) == ["random-exact", "random", TPE]
    assert result["options"][TPE] == {}
    costs = [1 + sum(map(int, text)) for text in ARCHS]
    best = max(truth for truth, cost in zip(TRUTH, costs, strict=True) if cost <= 7)
    assert result["best_test"] == pytest.approx(best, abs=0.1)
    assert any("nearest in genes that can" in note for note in result["notes"])
    last = result["curves"][TPE][-1]
    assert last["queries"] == 30 and 0 <= last["regret"] < 10
