"""How long trainings take that a table only knows the accuracy of."""

import numpy as np
import pytest

from harness.simulation.seconds import IMAGES, TIMED, Seconds
from harness.tabular.table import Table
from searchspaces.errors import UsageError

BOTH = pytest.mark.parametrize("task", IMAGES)


@pytest.mark.parametrize("timed", TIMED)
def test_the_two_timed_architectures_take_what_is_in_print(published, timed):
    _, table = published("cifar10")
    (row,) = table.index([timed.arch])
    assert table.madds[row] == round(timed.millions * 1e6)
    for epochs in (1, 12, 200):
        seconds = Seconds.estimated(table, epochs)
        assert seconds.each[row] == pytest.approx(epochs * timed.training + timed.validation)
        assert "ESTIMATED" in seconds.source and f"{seconds.each.mean():.0f}" in seconds.source


def test_a_third_architecture_in_print_is_estimated_to_a_fifth(published):
    """The table's best: 28.797 seconds a pass over 50,000 images, printed by a third project."""
    _, table = published("cifar10")
    row = int(table.truth("test").argmax())
    pass_ = Seconds.estimated(table, 2).each[row] - Seconds.estimated(table, 1).each[row]
    assert 2 * pass_ == pytest.approx(28.797, rel=0.2)


@BOTH
def test_more_multiply_adds_take_longer_and_equal_ones_as_long(published, task):
    _, table = published(task)
    each = Seconds.estimated(table, 12).each
    order = np.lexsort((each, table.madds))
    same = np.diff(table.madds[order]) == 0
    steps = np.diff(each[order])
    assert each.min() > 0 and (steps[same] == 0).all() and (steps[~same] > 0).all()


def test_times_are_never_made_up_for_other_tables(published):
    _, digits = published("digits")
    cifar = published("cifar10")[1]
    for table in (digits, Table(cifar.meta, cifar.archs, cifar.accuracies)):
        with pytest.raises(UsageError, match="--queries instead of --budget-seconds"):
            Seconds.estimated(table, 12)
