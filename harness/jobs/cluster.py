"""Jobs on the nodes of a Ray cluster: the other implementation of an executor."""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from harness.files.store import atomic_path
from harness.jobs.cluster_files import File, read_files
from harness.jobs.cluster_job import Movable, Task, carry_out
from harness.jobs.cluster_options import Cluster
from harness.jobs.executor import PATIENCE, Event
from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError, first_line

MOST_DEATHS = 5  # of the workers of one job, before it counts as failed
ROOM_PATIENCE = 60.0  # seconds to wait for a node that has room for a job, once there was one
ROUNDING = 1e-6  # jobs: 7 / 0.14 is less than 50


class RayExecutor:
    """A Ray task per job, which has a fresh process for it on its node.

    What jobs write below ``root`` ends up there: on nodes that see this folder at once, from
    others through Ray's object store, every few seconds; the folder of such a job is held from
    the first of its files on. A job whose worker or node dies ends with ``again``, a few times;
    started again it goes on from the files that are below ``root``. ``slots`` follow the nodes that
    come and go, unless ``workers`` sets them, which may be more than there is room for as yet.
    """

    def __init__(
        self, cluster: Cluster, root: Path, workers: int = 0, preload: tuple[str, ...] = ()
    ):
        """Raises :class:`UsageError` without Ray, without a cluster, and if no node has room."""
        self.cluster, self.workers, self.root = cluster, workers, root.absolute()
        self.preload = () if cluster.gpus else preload
        with ExitStack() as stack:
            # Ray prints what happens to nodes, where results are printed that programs read
            stack.enter_context(redirect_stdout(sys.stderr))
            self.ray = connect(cluster.address)
            self._own_output = stack.pop_all()
        self._running: dict[Any, str] = {}
        self._deaths: Counter[str] = Counter()
        self._group_of: dict[str, str] = {}
        self._made: defaultdict[str, set[str]] = defaultdict(set)
        self._held: dict[str, ExitStack] = {}
        self._had_room = time.monotonic()
        try:
            if not workers:
                self._check_room(patience=0.0)
            self._marker = mark(self.root)
        except UsageError:
            self._leave()
            raise
        self._carry_out = self.ray.remote(
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
            max_retries=0,  # a job that is started again begins with other files
            num_returns="streaming",
        )(carry_out)

    @property
    def slots(self) -> int:
        return self.workers or self._room()

    def start(self, job: str, work: Movable) -> None:
        self._group_of[job] = work.group
        files = read_files(self.root, [job, *sorted(self._made[work.group])])
        task = Task(
            job, work, self.root, self._marker, tuple(files), version("torch"), self.preload
        )
        # by that name Ray shows it, and the process that carries it out
        self._running[self._carry_out.options(name=job).remote(task)] = job

    def events(self, seconds: float) -> list[Event]:
        if not self._running:
            self._check_room(ROOM_PATIENCE)
            time.sleep(seconds)
            return []
        running = list(self._running)
        self.ray.wait(running, num_returns=1, timeout=seconds)
        ready, _ = self.ray.wait(running, num_returns=len(running), timeout=0)
        return [event for stream in ready if (event := self._next(stream)) is not None]

    def stop(self) -> None:
        try:
            for stream in self._running:
                self.ray.cancel(stream)
            if self._running:  # so that nodes leave no folder behind
                streams = list(self._running)
                self.ray.wait(streams, num_returns=len(streams), timeout=PATIENCE)
            self._running.clear()
            (self.root / self._marker).unlink(missing_ok=True)
        finally:
            for job in list(self._held):
                self._release(job)
            self._leave()

    def _leave(self) -> None:
        self.ray.shutdown()
        self._own_output.close()

    def _next(self, stream: Any) -> Event | None:
        """What the job tells next, a file put in its place."""
        job, errors = self._running[stream], self.ray.exceptions
        try:
            item = self.ray.get(next(stream))
        except errors.RayTaskError as defect:
            cause = defect.cause
            error = f"{type(cause).__name__}: {first_line(cause)}, on its node."
            item = Event(job, ended=True, error=error)
        except errors.RayError as death:
            item = Event(job, ended=True, error=first_line(death), died=True)
        if isinstance(item, File):
            try:
                self._hold(job, item)
            except UsageError as refusal:
                self.ray.cancel(stream)
                item = Event(job, ended=True, error=str(refusal))
            else:
                self._keep(job, item)
                return None
        if item.ended:
            del self._running[stream]
            self._release(job)
        return self._judge(item) if item.died else item

    def _hold(self, job: str, file: File) -> None:
        """Keep other processes out of the job's folder, as a node that shares it does itself.

        Raises :class:`UsageError` if one of them works in it.
        """
        if file.path.startswith(f"{job}/") and job not in self._held:
            lock = ExitStack()
            lock.enter_context(Workspace(self.root / job).lock())
            self._held[job] = lock

    def _release(self, job: str) -> None:
        self._held.pop(job, ExitStack()).close()

    def _keep(self, job: str, file: File) -> None:
        file.store(self.root)
        if not file.path.startswith((f"{job}/", "logs/")):
            self._made[self._group_of[job]].add(file.path)

    def _judge(self, event: Event) -> Event:
        """The end of a job whose worker died: it is worth another try unless there were many."""
        self._deaths[event.job] += 1
        deaths = self._deaths[event.job]
        if deaths < MOST_DEATHS:
            return Event(event.job, ended=True, died=True, again=True)
        error = f"its worker died {deaths} times, at last: {event.error}"
        return Event(event.job, ended=True, died=True, error=error)

    def _room(self) -> int:
        """Jobs that the nodes which are there can carry out side by side."""
        cpus, gpus = self.cluster.cpus, self.cluster.gpus
        room = 0
        for node in self.ray.nodes():
            has = node["Resources"] if node["Alive"] else {}
            fits = [has.get("CPU", 0) / cpus] + ([has.get("GPU", 0) / gpus] if gpus else [])
            room += int(min(fits) + ROUNDING)
        return room

    def _check_room(self, patience: float) -> None:
        """Raises :class:`UsageError` when no node has had room for a job for so many seconds."""
        if self._room():
            self._had_room = time.monotonic()
        elif time.monotonic() - self._had_room >= patience:
            wanted = f"{self.cluster.cpus} CPUs and {self.cluster.gpus:g} GPUs"
            raise UsageError(
                f"no node of the Ray cluster has the {wanted} that a job asks for; lower "
                "--cpus-per-job and --gpus-per-job, or add such a node, then run the same command "
                "again."
            )


def mark(root: Path) -> str:
    """The name of a new file in ``root`` that there is nowhere else."""
    name = f".cluster-{uuid4().hex}"
    with atomic_path(root / name):
        pass
    return name


def connect(address: str) -> Any:
    """The module ``ray``, connected; raises :class:`UsageError` where that cannot be."""
    try:
        import ray
        import ray.exceptions
    except ModuleNotFoundError:
        raise UsageError(
            "--ray needs Ray, which is not installed; run pip install "
            "'nas-evaluation-harness[cluster]' on every node."
        ) from None
    if "://" in address:
        raise UsageError(
            f"--ray {address} is not HOST:PORT; run the command on a node of the cluster, for "
            "instance by 'ray job submit', with --ray auto."
        )
    if address != "auto":
        _check_listening(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "here" if address == "auto" else f"at {address}"
        raise UsageError(
            f"no Ray cluster can be joined {where} ({first_line(error)}); start one with "
            "'ray start --head', or leave --ray out to use this machine alone."
        ) from error
    return ray


def _check_listening(address: str) -> None:
    """Ask before Ray does, which waits for minutes where nobody answers."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=PATIENCE):
            return
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Ray cluster answers at '{address}' ({error}); give the HOST:PORT that 'ray start "
            "--head' printed, or leave --ray out to use this machine alone."
        ) from error
