"""Runs on a Dask cluster: this machine's by default, any other by the address of its scheduler.

Knows groups of runs and `dask.distributed`; must not know designs, stores or models.

A Dask task is a group of runs worth about a second, because a task costs about two milliseconds.
Inside a Dask worker the runs are done by a `Crew` of one process, so that limits, retries and
reasons are those of one machine, and a run that crashes takes no Dask worker with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from experiments.sweep.crew import Crew, cores, packed
from experiments.sweep.design import Limits
from experiments.sweep.worker import Finished, Model, Task
from sim.errors import RunError, ScenarioError

__all__ = ["Dask", "local_cluster", "started"]

OnDone = Callable[[Sequence[Finished]], None]

_GROUP_SECONDS = 1.0
_LARGEST_GROUP = 500
_AHEAD = 3
_CONNECT_SECONDS = 60
_ADDRESS = re.compile(r"[a-z]+://[^\s/]+:\d{1,5}")
_TRIES = 3
_crews: dict[int, tuple[str, Crew]] = {}


def _held(blob: bytes) -> bytes:
    """Keep the model on the cluster under one name, sent once and made again if it is lost."""
    return blob


def _do_group(blob: bytes, limits: Limits, tasks: Sequence[Task]) -> list[Finished]:
    """Do some runs inside a Dask worker, in a process that stays for the next group."""
    mark = hashlib.sha256(blob).hexdigest()
    thread = threading.get_ident()
    known = _crews.get(thread)
    if known is None or known[0] != mark:
        if known is not None:
            known[1].close()
        _crews[thread] = known = (mark, Crew(blob, limits, 1))
    found: list[Finished] = []
    known[1].work(iter(tasks), found.extend)
    return found


def _close_crews() -> None:
    """End the processes that a Dask worker holds for its groups."""
    while _crews:
        _crews.popitem()[1][1].close()


def local_cluster(workers: int) -> Any:
    """Start a cluster of worker processes on this machine, a run at a time in each.

    Its pages, which nobody looks at, listen on this machine alone and on a free port: a second
    sweep beside this one would else be told that theirs is taken.
    """
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        # Limits of memory are those of the runs; the cluster's own would stop its workers.
        memory_limit=0,
    )


def started(workers: int) -> Any:
    """Start a cluster here, again if one of its workers is lost while it starts.

    Raises
    ------
    RunError
        If it cannot be started again and again.
    """
    for tries in itertools.count(1):
        try:
            return local_cluster(workers)
        except (RuntimeError, OSError, TimeoutError) as reason:
            # What is under way is ended by the cluster itself before it says that it cannot start.
            if tries == _TRIES:
                raise RunError(
                    f"a Dask cluster could not be started {tries} times ({reason})",
                    where="Dask",
                    remedy="The machine may be out of memory: lower --workers; "
                    "or take --executor process.",
                ) from None


class Dask:
    """Runs spread over a Dask cluster.

    Parameters
    ----------
    limits : Limits
    workers : int, optional
        Workers of a cluster on this machine; all cores if left out.
    scheduler : str, optional
        Address of a scheduler, such as ``tcp://host:8786``; the workers are then its own.

    Raises
    ------
    ScenarioError
        If the scheduler's address is none.
    """

    def __init__(
        self, limits: Limits, workers: int | None = None, scheduler: str | None = None
    ) -> None:
        if scheduler is not None and not _ADDRESS.fullmatch(scheduler):
            # Dask itself tells of it, and then does not let the program end.
            raise ScenarioError(
                "not the address of a scheduler",
                where="--scheduler",
                value=scheduler,
                allowed="an address such as tcp://host:8786",
            )
        self._limits = limits
        self._workers = workers or cores()
        self._scheduler = scheduler

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        """Connect to the cluster, or start one here and end it afterwards."""
        from distributed import Client

        if self._scheduler is not None:
            try:
                client = Client(self._scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as reason:
                raise RunError(
                    f"the scheduler cannot be reached ({reason})",
                    where="--scheduler",
                    value=self._scheduler,
                    allowed="an address such as tcp://host:8786",
                ) from None
            with client:
                yield client
            return
        with (
            started(self._workers) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client

    def run(self, model: Model, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do every task; results are handed over group by group.

        Raises
        ------
        RunError
            If the scheduler cannot be reached, or groups are lost again and again.
        """
        from distributed import as_completed

        from sim.runner import hidden_main

        raw = packed(model)
        # Also while runs go on: a worker of the local cluster that is lost is started again.
        with hidden_main(), self._client() as client:
            blob = client.submit(_held, raw, pure=False)
            seconds = [_GROUP_SECONDS]
            groups = self._groups(tasks, seconds)
            under_way: dict[Any, tuple[list[Task], int]] = {}

            def give(group: list[Task], tries: int) -> Any:
                future = client.submit(_do_group, blob, self._limits, group, pure=False)
                under_way[future.key] = (group, tries)
                return future

            threads = sum(client.nthreads().values()) or self._workers
            first = [give(group, 1) for group in itertools.islice(groups, _AHEAD * threads)]
            if not first:
                return
            try:
                waiting = as_completed(first, loop=client.loop)
                for future in waiting:
                    group, tries = under_way.pop(future.key)
                    if future.status == "finished":
                        done: list[Finished] = future.result()
                        for one in done:
                            seconds[0] += 0.1 * (one.seconds - seconds[0])
                        on_done(done)
                    elif tries >= _TRIES:
                        raise RunError(
                            f"a group of runs was lost {tries} times ({future.exception()})",
                            where="Dask",
                            remedy="Look at the logs of the cluster's workers.",
                        )
                    else:
                        waiting.add(give(group, tries + 1))
                    future.release()
                    for group in itertools.islice(groups, 1):
                        waiting.add(give(group, 1))
            finally:
                with contextlib.suppress(Exception):
                    client.run(_close_crews)

    def _groups(self, tasks: Iterator[Task], seconds: list[float]) -> Iterator[list[Task]]:
        """Group runs to about a second's work, by the mean time learned in `seconds`."""
        while True:
            size = int(min(max(_GROUP_SECONDS / max(seconds[0], 1e-6), 1.0), _LARGEST_GROUP))
            group = list(itertools.islice(tasks, size))
            if not group:
                return
            yield group
