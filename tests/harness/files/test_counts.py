"""One thing is said in the singular."""

import pytest

from harness.files.counts import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (1200, "1,200 epochs")]
)
def test_one_thing_is_said_in_the_singular(number, said):
    assert counted(number, "epochs") == said
