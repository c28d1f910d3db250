"""An executor that follows a script, so that a grid takes no time and no process."""

from harness.jobs.executor import Event

PHASES = ("time", "train", "search", "rank", "end")


class Scripted:
    """An executor without processes: every call of ``events`` moves each job on by a phase.

    ``broken`` maps jobs to the phase in which they fail. ``diary`` has what happened, in order.
    """

    def __init__(self, slots=9, broken=()):
        self.slots, self.broken, self.stopped = slots, dict(broken), False
        self.at, self.diary = {}, []

    def start(self, job, work):
        assert len(self.at) < self.slots
        self.at[job] = -1
        self.diary.append(f"start {job}")

    def events(self, seconds):
        told = []
        for job in list(self.at):
            self.at[job] += 1
            phase = PHASES[self.at[job]]
            self.diary.append(f"{phase} {job}")
            failed = "broken." if self.broken.get(job) == phase else ""
            ended = phase == "end" or bool(failed)
            if phase == "end":
                told.append(Event(job, result=job))
            told.append(Event(job, phase, ended=ended, error=failed))
            if ended:
                del self.at[job]
        return told

    def stop(self):
        self.stopped = True

    def order(self, *names):
        """Whether these entries of the diary follow one another."""
        places = [self.diary.index(name) for name in names]
        return places == sorted(places)
