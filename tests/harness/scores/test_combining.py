"""Scores that are no numbers: what is said of the architectures that have them."""

import math

import pytest

from harness.scores.columns import Chosen
from harness.scores.combining import Scores, combined, number, without_nan
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201()
NAN = float("nan")
BAD = [(3, 4, 3, 2, 1, 2), (2, 4, 3, 3, 1, 3)]  # both with 4 and 3 on the second and third edge


def told(bad, rest, value=NAN, drop=True):
    names = [SPACE.encode(arch) for arch in (*rest, *bad)]
    scores = [*map(float, range(len(rest))), *[value] * len(bad)]
    found = combined(names, Chosen(names, scores))
    kept = without_nan(found, names, Chosen(names, scores), drop, SPACE)
    assert dict(kept) == dict(zip(names[: len(rest)], scores, strict=False))
    return kept.notes


def operator(place, gene):
    return f"{SPACE.sites[place].operators[gene]} at {SPACE.sites[place].name}"


def test_what_architectures_without_a_score_have_in_common_is_the_rarest_gene_of_the_rest():
    rest = [(3, 1, 3, 2, 1, 2), (3, 4, 3, 2, 1, 1), (3, 2, 3, 3, 1, 2), (2, 2, 2, 3, 3, 3)]
    assert told(BAD, rest) == [
        f"Left out: 2 of 6 scores are nan, all of architectures with {operator(1, 4)}."
    ]
    common = [(1, 4, 2, 1, 1, 1), (3, 1, 3, 2, 1, 1)]  # half of the rest have each of them, too
    assert told(BAD, common) == ["Left out: 2 of 4 scores are nan."]


def test_architectures_that_are_cut_are_said_to_be():
    cut = (0, 1, 1, 0, 0, 0)
    assert told([cut, BAD[0]], [BAD[1]], math.inf) == [
        "Left out: 2 of 3 scores are inf, 1 of them of architectures that do not join input and "
        "output."
    ]
    with pytest.raises(UsageError, match="1 of 2 scores are nan, 1 of them of .* --drop-nan"):
        told([cut], [BAD[1]], drop=False)


def test_what_is_too_large_is_infinite_and_every_kind_is_told():
    huge = [10**400, -(10**400), "", 2.5]
    assert [number("a", value) for value in huge[:2]] == [math.inf, -math.inf]
    chosen = Chosen(list("abcd"), huge)
    kept = without_nan(combined("abcd", chosen), "abcd", chosen, True, None)
    assert kept == {"d": 2.5}
    assert kept.notes == ["Left out: 3 of 4 scores are -inf or inf or nan."]
    with pytest.raises(UsageError, match="^the score of 'a' is inf, and 3 of 4 scores are"):
        without_nan(combined("abcd", chosen), "abcd", chosen, False, None)
    turned = Chosen(list("dc"), [2.5, ""])
    with pytest.raises(UsageError, match="^the score of 'c' is no number: empty, and 1 of 2 scor"):
        without_nan(combined("dc", turned), "dc", turned, False, None)


def test_numbers_that_are_all_finite_stay_as_they_are():
    scores = Scores({"a": 1.0, "b": -2.0}, ["A note."])
    assert without_nan(scores, ["a", "b"], Chosen(["a", "b"], [1.0, -2.0]), False, None) is scores


def test_seeds_are_averaged_for_each_architecture_and_counted():
    names = ["a", "b", "a", "c", "b", "a"]
    chosen = Chosen(names, [1.0, 5.0, 2.0, 7.0, 6.0, 6.0], ["0", "0", "1", "0", "1", "2"], ["One."])
    found = combined(names, chosen)
    assert found == {"a": 3.0, "b": 5.5, "c": 7.0}
    assert found.notes[0] == "One." and found.notes[1].startswith("2 architectures have several")
    twice = Chosen(["a", "a"], [1.0, 2.0], ["0", "0"])
    with pytest.raises(UsageError, match="'a' has two scores of 0, 1.0 and 2.0"):
        combined(["a", "a"], twice)
