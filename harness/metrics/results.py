"""What an evaluation found, as objects: parts by name, the text and the JSON of the command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.metrics.ceiling import Ceiling
    from harness.metrics.evaluate import Metrics
    from harness.metrics.intervals import Interval


@dataclass(frozen=True, repr=False)
class Result:
    """``content`` is what the command prints with ``--json``; ``print`` shows its text."""

    content: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """Sentences that a reader of the numbers must know."""
        return self.content["notes"]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as the command prints it with ``--json``: JSON without NaN."""
        return self.content


class Evaluation(Result):
    """How scores rank architectures, beside the bounds between which that is to be read.

    ``content`` is what ``nas-harness evaluate --json`` prints. An interval is a dict of ``value``,
    ``low``, ``high`` (95 %; of best rank and regret the range of resamples) and ``n``, the number of
    architectures; what is not defined is None. ``print`` shows the same text as the command.
    """

    @property
    def tau(self) -> Interval:
        """Kendall's τ-b over all scored architectures, from -1 to 1."""
        return self.metrics["all"]["kendall_tau"]

    @property
    def metrics(self) -> Metrics:
        """Subset (``all``, ``unique``, ``top10``) → metric (``kendall_tau``, …) → interval."""
        return self.content["metrics"]

    @property
    def floors(self) -> dict[str, Interval]:
        """τ of ranking by ``params``, by ``flops`` and at ``random``, on the same architectures.

        And as ``epochs-12`` by the validation accuracy after so many epochs, where the table has it.
        """
        return self.content["floors"]

    @property
    def over_floors(self) -> dict[str, Interval]:
        """τ of the scores minus that of each floor that is known but ``random``.

        A score beats a floor where ``low`` is above 0: the interval is of the difference, on the
        same architectures.
        """
        return self.content["over_floors"]

    @property
    def ceiling(self) -> Ceiling:
        """τ of the truth against a second measurement of it, None where the table has no second.

        ``single_seed``: one training against another; ``seed_mean``: the mean of the seeds against
        another such mean; ``validation``: against the validation split.
        """
        return self.content["ceiling"]

    def __repr__(self) -> str:
        tau = self.tau["value"]
        value = "undefined" if tau is None else f"{tau:.4f}"
        return f"<Evaluation of {self.content['n']:,} architectures: τ = {value}>"

    def __str__(self) -> str:
        from harness.metrics.rendering import render

        return render(self.content)


class Transfer(Result):
    """How the same scores rank architectures on several data sets.

    ``content`` is what ``nas-harness evaluate --transfer --json`` prints. ``print`` shows the same
    text as the command.
    """

    @property
    def tasks(self) -> dict[str, Evaluation]:
        """Data set → the evaluation on it; all notes are this object's."""
        common: dict[str, Any] = {"notes": []}
        return {task: Evaluation(one | common) for task, one in self.content["tasks"].items()}

    @property
    def tau(self) -> dict[str, Interval]:
        """Data set → Kendall's τ-b over all scored architectures."""
        return {task: one.tau for task, one in self.tasks.items()}

    @property
    def between(self) -> dict[str, dict[str, Interval]]:
        """Data set → another → τ-b of the two ground truths, over the scored architectures."""
        return self.content["between"]

    def __repr__(self) -> str:
        return f"<Transfer of {self.content['n']:,} architectures to {', '.join(self.tasks)}>"

    def __str__(self) -> str:
        from harness.metrics.rendering import render_transfer

        return render_transfer(self.content)
