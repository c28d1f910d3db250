"""Fixed orders of labelled images, from which every split is cut."""

from __future__ import annotations

import numpy as np

SPLIT_SEED = 20_090_408  # changing it changes every train / validation split


def ranks_in_class(labels: np.ndarray) -> np.ndarray:
    """The place of each image in a fixed random order of its class, from 0; int64 ``[N]``.

    It depends on the labels alone, on every machine: NumPy promises never to change PCG64's raw
    stream.
    """
    keys = np.random.PCG64(SPLIT_SEED).random_raw(len(labels))
    by_class = np.lexsort((keys, labels))
    sizes = np.bincount(labels)
    ranks = np.empty(len(labels), np.int64)
    ranks[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def stratified_order(labels: np.ndarray) -> np.ndarray:
    """A fixed order of the images in which every class is spread evenly, int64 ``[N]``.

    Each class comes in the order of :func:`ranks_in_class`. Any run of consecutive images takes
    one share of every class, give or take an image of each; equally large classes take turns.
    """
    sizes = np.bincount(labels)[labels]
    return np.lexsort((labels, (2 * ranks_in_class(labels) + 1) / sizes))
