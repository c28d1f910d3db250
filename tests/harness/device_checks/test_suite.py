"""Which checks there are, and which are chosen."""

import pytest

from harness.device_checks.suite import CHECKS, chosen
from searchspaces.errors import UsageError


def names(half=None, only=()):
    return [check.name for check in chosen(half, only)]


def test_checks_are_chosen_by_half_and_name_in_their_own_order():
    first, second = names(1), names(2)
    assert first[0] == "versions" and "training" in second
    assert first + second == names() == [check.name for check in CHECKS]
    assert names(only=["ranking", "repeats"]) == ["repeats", "ranking"]
    assert names(2, ["ranking", "repeats"]) == ["ranking"]


def test_what_is_no_check_is_named():
    with pytest.raises(UsageError, match="unknown check 'wait'; did you mean 'waits'"):
        chosen(None, ["wait"])
    with pytest.raises(UsageError, match="half 1 has no such check"):
        chosen(1, ["ranking"])
