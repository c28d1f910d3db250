"""Which images are for what: every class in every part, no image in two, the same on every machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tasks.own.parts import split

CLASSES = st.lists(st.integers(3, 40), min_size=2, max_size=6)


def labels_of(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(seed).permutation(labels)


@settings(max_examples=20)
@given(sizes=CLASSES, tested=st.booleans(), seed=st.integers(0, 9))
def test_parts_are_disjoint_complete_and_stratified(sizes, tested, seed):
    labels = labels_of(sizes, seed)
    test = labels_of([2] * len(sizes), seed) if tested else None
    rows = split(labels, test)
    own = rows.of_training()
    assert sorted(np.concatenate(list(own.values()))) == list(range(len(labels)))
    assert rows.held_out != tested and set(own) == {"train", "val"} | (
        set() if tested else {"test"}
    )
    assert sorted(rows.test) == list(range(len(test))) if tested else len(rows.test)
    left = np.array(sizes)
    if not tested:
        counts = np.bincount(labels[rows.test])
        assert np.array_equal(counts, np.maximum(left // 5, 1))
        left = left - counts
    assert np.array_equal(np.bincount(labels[rows.val]), np.maximum(left // 5, 1))
    assert (np.bincount(labels[rows.train], minlength=len(sizes)) >= 1).all()


def test_the_split_depends_on_labels_alone_and_stays_as_it_is():
    labels = np.arange(20) % 2
    rows = split(labels, None)
    again = split(labels.copy(), None)
    assert all(np.array_equal(rows.of_training()[k], v) for k, v in again.of_training().items())
    assert sorted(rows.test) == PINNED["test"] and sorted(rows.val) == PINNED["val"]


PINNED = {"test": [0, 5, 10, 13], "val": [1, 18]}


@pytest.mark.parametrize("number", [4, 10])
def test_the_first_images_of_a_part_are_of_all_classes(number):
    labels = labels_of([50, 50], 1)
    rows = split(labels, None)
    for part in (rows.train, rows.val, rows.test):
        assert abs(np.bincount(labels[part[:number]], minlength=2) - number / 2).max() <= 1
