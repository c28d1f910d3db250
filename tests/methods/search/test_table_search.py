"""Searches on a table: where they can move, what ages, what is learned."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import PlantedSpace

from methods.search.candidates import Candidates
from methods.search.random_search import RandomSearch
from methods.search.rea import REA, REAOptions
from methods.search.reinforce import REINFORCE, REINFORCEOptions
from methods.search.table_search import SEARCHES, NoOptions
from searchspaces.errors import UsageError
from searchspaces.nb101.space import NASBench101

SPACE = PlantedSpace()
ALL = [SPACE.encode(arch) for arch in itertools.product(range(3), repeat=4)]
TRUTH = np.array([SPACE.truth(SPACE.decode(text)) for text in ALL])
COMPLETE = Candidates(SPACE, ALL)
SOME = Candidates(SPACE, ALL[::4])


def distance(first, second):
    return sum(a != b for a, b in zip(first, second, strict=True))


def run(search, truth, queries):
    asked = []
    for _ in range(queries):
        asked.append(search.ask())
        search.tell(asked[-1], truth[asked[-1]])
    return asked


@st.composite
def parts(draw):
    """A sample of the space, some of it allowed, and an allowed row."""
    archs = draw(st.lists(st.sampled_from(ALL), min_size=2, max_size=80, unique=True))
    size = len(archs)
    allowed = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    allowed[:2] = True
    return archs, allowed, draw(st.sampled_from(np.flatnonzero(allowed).tolist()))


@given(parts(), st.integers(0, 99))
def test_in_a_sample_a_mutation_is_one_of_the_nearest_candidates(part, seed):
    archs, allowed, row = part
    candidates, rng = Candidates(SPACE, archs, allowed), np.random.default_rng(seed)
    others = [r for r in np.flatnonzero(allowed).tolist() if r != row]
    least = min(distance(archs[r], archs[row]) for r in others)
    nearest = {r for r in others if distance(archs[r], archs[row]) == least}
    assert {candidates.neighbour(row, rng) for _ in range(5)} <= nearest
    assert not candidates.complete
    assert allowed[candidates.sample(rng)]


def test_each_of_the_nearest_is_as_likely():
    archs, rng = ["0000", "1100", "0022", "1111", "2222"], np.random.default_rng(0)
    candidates = Candidates(SPACE, archs)
    counts = np.bincount([candidates.neighbour(0, rng) for _ in range(2000)], minlength=5)
    assert np.abs(counts - [0, 1000, 1000, 0, 0]).max() < 4 * np.sqrt(500)


@given(st.integers(0, 80), st.integers(0, 99))
def test_in_the_whole_space_a_mutation_is_the_spaces_own(row, seed):
    child = COMPLETE.neighbour(row, np.random.default_rng(seed))
    own = SPACE.neighbour(SPACE.decode(ALL[row]), np.random.default_rng(seed))
    assert COMPLETE.complete and ALL[child] == SPACE.encode(own)


def test_in_the_whole_space_what_is_not_allowed_is_redrawn():
    allowed = np.array([text.count("0") >= 2 for text in ALL])
    candidates, rng = Candidates(SPACE, ALL, allowed), np.random.default_rng(0)
    rows = [candidates.sample(rng) for _ in range(400)]
    children = [candidates.neighbour(row, rng) for row in rows]
    assert set(rows) == set(np.flatnonzero(allowed).tolist())
    assert allowed[children].all()
    assert {distance(ALL[r], ALL[c]) for r, c in zip(rows, children, strict=True)} == {1}
    assert candidates.find((1, 1, 1, 0)) == -1


def test_what_is_no_architecture_is_not_found():
    space = NASBench101()
    candidates = Candidates(space, ["out:0", "3x3:0|out:1"])
    assert candidates.find((0,) * 26) == -1
    assert candidates.find(space.decode("3x3:0|out:1")) == 1


def test_candidates_that_leave_no_choice_are_refused():
    with pytest.raises(UsageError, match="1 of the 81"):
        Candidates(SPACE, ALL, np.arange(81) == 7)
    apart = Candidates(SPACE, ALL, np.isin(ALL, ["0000", "1111"]))
    with pytest.raises(UsageError, match="no architecture next to 0000"):
        apart.neighbour(0, np.random.default_rng(0))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_the_oldest_member_leaves_however_good(population, sample, seed):
    options = REAOptions(population, sample)
    search = REA(COMPLETE, options, 40, np.random.default_rng(seed))
    accuracies = np.random.default_rng(seed).permutation(40).astype(float)
    told = []
    for accuracy in accuracies:
        row = search.ask()
        search.tell(row, accuracy)
        told.append((accuracy, row))
        assert list(search.members) == told[-population:]


def test_the_parent_is_the_best_living_member_of_those_drawn():
    search = REA(COMPLETE, REAOptions(3, 200), 40, np.random.default_rng(0))
    for row, accuracy in ((0, 99.0), (80, 50.0), (40, 70.0)):
        search.ask()
        search.tell(row, accuracy)
    assert distance(ALL[search.ask()], ALL[0]) == 1
    search.tell(79, 60.0)  # row 0 leaves
    assert distance(ALL[search.ask()], ALL[40]) == 1


def test_of_members_as_good_each_is_as_often_the_parent():
    """The first that is drawn, wherever in the table it is."""
    search = REA(COMPLETE, REAOptions(3, 2), 400, np.random.default_rng(0))
    for row in (0, 40, 80):
        search.tell(row, 50.0)
    search.candidates = SimpleNamespace(neighbour=lambda parent, rng: parent)
    counts = np.bincount([search.ask() for _ in range(300)], minlength=81)
    assert np.abs(counts[[0, 40, 80]] - 100).max() < 4 * np.sqrt(300 * 2 / 9)


def test_the_usual_population_is_a_hundred_or_a_third_of_the_queries():
    sizes = [REA(SOME, REAOptions(), n, np.random.default_rng(0)).size for n in (1, 30, 300, 900)]
    assert sizes == [1, 10, 100, 100]


@given(st.booleans(), st.integers(0, 999))
def test_the_gradient_is_that_of_the_log_probability(whole, seed):
    rng = np.random.default_rng(seed)
    candidates = COMPLETE if whole else SOME
    search = REINFORCE(candidates, REINFORCEOptions(), 9, rng)
    search.logits = rng.normal(size=(4, 3))
    logits = torch.tensor(search.logits, requires_grad=True)
    row = search.ask()
    of_row = logits[range(4), torch.tensor(candidates.genes)].sum(1).log_softmax(0)
    of_row[int(np.flatnonzero(candidates.rows == row)[0])].backward()
    np.testing.assert_allclose(search.gradient, logits.grad, atol=1e-12)


@pytest.mark.parametrize("candidates", [COMPLETE, SOME])
def test_rows_are_drawn_by_the_product_of_their_sites(candidates):
    search = REINFORCE(candidates, REINFORCEOptions(), 9, np.random.default_rng(0))
    search.logits = np.random.default_rng(1).normal(size=(4, 3))
    products = np.exp(search.logits[np.arange(4), candidates.genes].sum(axis=1))
    expected = 4000 * products / products.sum()
    drawn = [search.ask() for _ in range(4000)]
    counts = (candidates.rows[:, None] == drawn).sum(axis=1)
    assert ((counts - expected) ** 2 / expected).sum() < len(candidates) + 5 * np.sqrt(
        2 * len(candidates)
    )


def test_an_operator_is_drawn_from_where_those_before_it_end():
    """A random number that is where one ends picks the next: none has two ends, or none."""
    search = REINFORCE(COMPLETE, REINFORCEOptions(), 9, np.random.default_rng(0))
    search.logits[:, 2] = -np.inf  # two operators at each site, as likely
    search.rng = SimpleNamespace(random=lambda *_: np.full((4, 1), 0.5))
    assert ALL[search.ask()] == "1111"


def test_the_update_is_adams_on_the_advantage():
    search = REINFORCE(COMPLETE, REINFORCEOptions(0.05, 0.8), 9, np.random.default_rng(0))
    rewards = np.random.default_rng(1).uniform(0, 100, 20)
    gradients, logits = [], np.zeros((4, 3))
    for step, reward in enumerate(rewards, start=1):
        search.tell(search.ask(), reward)
        mean = np.average(rewards[:step], weights=0.8 ** np.arange(step)[::-1])
        gradients.append((reward - mean) * search.gradient)
        ages = np.arange(step)[::-1]
        first = np.average(gradients, axis=0, weights=0.9**ages)
        second = np.average(np.square(gradients), axis=0, weights=0.999**ages)
        logits += 0.05 * first / (np.sqrt(second) + 1e-8)
        np.testing.assert_allclose(search.logits, logits, atol=1e-9)


@pytest.mark.parametrize("candidates", [COMPLETE, SOME])
def test_reinforce_makes_rewarded_operators_likelier(candidates):
    search = REINFORCE(candidates, REINFORCEOptions(lr=0.05), 400, np.random.default_rng(0))
    wanted = candidates.genes[7]
    rewards = 10.0 * (candidates.genes == wanted).sum(axis=1)
    asked = run(search, rewards, 400)
    assert (search.probabilities()[range(4), wanted] > 0.6).all()
    assert rewards[asked[-50:]].mean() > rewards[asked[:50]].mean() + 10


def test_sites_of_fewer_operators_never_get_one_too_many():
    space = PlantedSpace()
    space.sites = (*space.sites[:3], type(space.sites[0])("short", ("poor", "fair")))
    archs = [t for t in ALL if t[3] != "2"]
    candidates = Candidates(space, archs)
    search = REINFORCE(candidates, REINFORCEOptions(lr=0.5), 99, np.random.default_rng(0))
    run(search, np.arange(len(archs)), 99)
    assert candidates.complete and (search.probabilities()[3, 2], search.logits[3, 2]) == (0, 0)


@pytest.mark.parametrize("candidates", [COMPLETE, SOME])
@pytest.mark.parametrize("name", ["random", "rea", "reinforce", "local-search"])
def test_a_search_is_decided_by_its_random_numbers(name, candidates):
    cls = SEARCHES[name]

    def asked(seed):
        search = cls(candidates, cls.Options(), 60, np.random.default_rng(seed))
        return run(search, TRUTH, 60)

    assert asked(1) == asked(1) != asked(2)


def test_random_search_draws_every_candidate_alike():
    search = RandomSearch(SOME, NoOptions(), 2100, np.random.default_rng(0))
    counts = np.bincount(run(search, TRUTH, 2100), minlength=21)
    assert np.abs(counts - 100).max() < 4 * np.sqrt(100)


@pytest.mark.parametrize(
    "build",
    [
        lambda: REAOptions(population=-1),
        lambda: REAOptions(sample=0),
        lambda: REINFORCEOptions(lr=0.0),
        lambda: REINFORCEOptions(lr=float("nan")),
        lambda: REINFORCEOptions(momentum=1.0),
        lambda: REA(SOME, REAOptions(population=30), 30, np.random.default_rng(0)),
        lambda: SEARCHES["reinforcement"],
    ],
)
def test_impossible_options_are_refused(build):
    with pytest.raises(UsageError):
        build()
