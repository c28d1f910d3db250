"""Orders: the same for ever, every class spread evenly."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from harness.tasks.base import ranks_in_class, stratified_order


def digest(order: np.ndarray) -> str:
    return hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()[:16]


def test_order_is_fixed_for_ever():
    labels = np.arange(50_000) % 10
    order = stratified_order(labels)
    assert np.array_equal(np.sort(order), np.arange(50_000))
    assert np.array_equal(labels[order].reshape(-1, 10), np.tile(np.arange(10), (5_000, 1)))
    assert digest(order) == "a6d909dbb6776d4c"
    unequal = np.repeat(np.arange(100), np.arange(700, 800))
    assert digest(stratified_order(unequal)) == "71e5b23dfd651d37"


def test_real_training_labels_are_split_as_ever(shared_data):
    table = parquet.read_table(shared_data / "cifar10" / "train.parquet", columns=["label"])
    labels = table["label"].to_numpy()
    assert labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert digest(stratified_order(labels)) == "dceee62845356f04"


def test_ranks_count_through_each_class_in_random_order():
    labels = np.random.default_rng(0).integers(0, 5, 2000)
    ranks = ranks_in_class(labels)
    for label in range(5):
        own = ranks[labels == label]
        assert sorted(own) == list(range(len(own)))
        assert abs(np.corrcoef(own, np.arange(len(own)))[0, 1]) < 0.2


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.data())
def test_every_run_of_images_takes_one_share_of_every_class(sizes, draw):
    labels = np.random.default_rng(sum(sizes)).permutation(np.repeat(np.arange(len(sizes)), sizes))
    order = stratified_order(labels)
    assert np.array_equal(np.sort(order), np.arange(len(labels)))
    stop = draw.draw(st.integers(0, len(labels)))
    start = draw.draw(st.integers(0, stop))
    counts = np.bincount(labels[order][start:stop], minlength=len(sizes))
    assert ((counts - 1) / sizes).max() <= ((counts + 1) / sizes).min()
