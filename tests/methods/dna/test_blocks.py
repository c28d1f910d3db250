"""Blocks of stages: which there are, what scores them, and how the best are combined."""

from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from scored import setting_of

from methods.dna import blocks as dna_blocks
from methods.dna.blocks import Blocks
from methods.dna.method import DNA
from methods.dna.options import DNAOptions
from methods.options import SearchLimits
from searchspaces.errors import UsageError


class Stages:
    """Three stages of one, two and one sites."""

    sites = [SimpleNamespace(operators="abc"[:size]) for size in (3, 2, 3, 2)]

    def stage_sites(self):
        return [range(1), range(1, 3), range(3, 4)]


def test_every_block_stands_in_an_architecture_and_the_best_come_first():
    blocks, rng = Blocks(Stages(), 3), np.random.default_rng(0)
    archs, every = list(blocks.all()), list(product(range(3), range(2), range(3), range(2)))
    assert blocks.apart and blocks.numbers == [3, 2 * 3, 2]
    assert len(archs) == 6 and set(archs) <= set(every)
    known = {block for arch in archs for block in blocks.of(arch)}
    assert known == {block for arch in every for block in blocks.of(arch)} and len(known) == 11
    assert blocks.of((2, 1, 0, 1)) == [(0, (2,)), (1, (1, 0)), (2, (1,))]
    blocks.errors = {block: rng.random() for block in sorted(known)}
    errors = {arch: sum(blocks.errors[block] for block in blocks.of(arch)) / 3 for arch in every}
    assert {arch: blocks.error(arch) for arch in every} == pytest.approx(errors)
    ranked = sorted(every, key=errors.get)
    assert list(blocks.best_first(36)) == list(blocks.best_first(99)) == ranked
    assert list(blocks.best_first(5)) == ranked[:5]


def test_as_many_blocks_are_scored_as_the_options_say(monkeypatch):
    """63 are those of macro; without a feasible combination there is a way out."""
    where = replace(setting_of("macro"), search=SearchLimits(generations=3, max_madds=0.001))
    few, enough = (DNA(where, DNAOptions(blocks=blocks)) for blocks in (62, 63))
    assert (few.exhaustive, few.search_epochs) == (False, 3)
    assert (enough.exhaustive, enough.search_epochs) == (True, 1)
    monkeypatch.setattr(enough, "score", lambda archs: None)
    monkeypatch.setattr(enough.blocks, "best_first", lambda tries: iter([(0,) * 8, (1,) * 8]))
    with pytest.raises(UsageError, match="combinations of blocks has at most 0.001 million mult"):
        enough.search_epoch(0)


def test_blocks_are_calibrated_in_the_batches_of_the_scoring(monkeypatch):
    asked, where = [], setting_of("nb201")
    monkeypatch.setattr(dna_blocks, "recalibrate", lambda *given, run: asked.append(given[2:]))
    scoring = replace(where.scoring, calibration_images=60, calibration_batch=25)
    DNA(replace(where, scoring=scoring), DNAOptions()).score([(3, 1, 2, 4, 1, 3)])
    assert asked == [(60, 25)] * 2
