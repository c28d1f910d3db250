"""Operators as CUDA graphs beside plain ones: are they right, and what do they give?"""

from __future__ import annotations

from functools import partial

from harness.device_checks.compiled import every_operator, spent_by
from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import apart
from harness.device_checks.subject import Subject
from harness.device_checks.timing import wall_ms
from harness.files.progress import bar
from harness.running.graphs import Graphed, made
from harness.running.training import replaced

COMPARED = 2  # steps, the second of which is behind an update by gradients of either
LIMIT = 1e-3  # largest relative difference of a loss


def check(subject: Subject) -> Finding:
    """The whole network. Wrong: a loss that is another, and where nothing became a graph."""
    if not subject.is_gpu:
        return Finding("skipped: there are CUDA graphs on a GPU only", {"skipped": True})
    sizes, before = subject.sizes, made["graphs"]
    plain, fast = (subject.large() for _ in range(2))
    with bar(2, "graphs", "way") as progress:
        every_operator(plain)
        expected = [plain.train_step(step)["loss"].item() for step in range(COMPARED)]
        usual = spent_by(subject, plain)
        progress.update()
        with replaced(fast.supernet, partial(Graphed, batch=sizes.batch)):
            seconds = wall_ms(lambda: every_operator(fast), subject.device) / 1e3
            losses = [fast.train_step(step)["loss"].item() for step in range(COMPARED)]
            replayed = spent_by(subject, fast)
        progress.update()
    number, unlike = made["graphs"] - before, max(map(apart, losses, expected))
    wrong = [] if number else ["no operator became a graph."]
    if not unlike <= LIMIT:
        wrong.append(
            f"a loss differs by {unlike:.2g} from that without graphs, and may by {LIMIT:g}."
        )
    same = "the same losses to the bit" if losses == expected else f"losses differ by {unlike:.2g}"
    said = (
        f"SPOS on nb201 ({sizes.scale}), {number} graphs, ready after {seconds:.3g} s: {same}; a "
        f"step takes {replayed}; plain {usual}"
    )
    figures = {"plain": usual.to_dict(), "graphs": replayed.to_dict(), "ready_after_s": seconds}
    return Finding(said, figures | {"number": number, "loss": unlike}, wrong)
