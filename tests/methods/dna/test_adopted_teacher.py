"""A teacher that comes trained is kept, and one that does not fit is refused."""

import pytest
import torch

from searchspaces.errors import UsageError


@pytest.mark.slow
def test_a_teacher_that_comes_trained_is_kept(make):
    first = make()
    for step in range(8):
        first.train_step(step)
    named = first.space.encode(first.teacher_arch)
    second = make(teacher=named, teacher_share=0.0)
    second.teacher_from = "runs/standalone/x"
    second.adopt(first.teacher.state_dict())
    for step in range(8):
        second.train_step(step)
    for name, tensor in second.teacher.state_dict().items():
        assert torch.equal(tensor, first.teacher.state_dict()[name])
    assert "trained before, in runs/standalone/x" in second.notes()[0]
    assert second.costs["compute"] == 8 * 16 * 4
    with pytest.raises(UsageError, match="comes trained; set --options.teacher-share 0"):
        make(teacher=named).adopt(first.teacher.state_dict())
    with pytest.raises(UsageError, match="cannot teach this supernet"):
        second.adopt({"nothing": torch.zeros(1)})
