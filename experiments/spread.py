"""Do many independent jobs on this machine's processes.

Knows how work is handed out; must not know what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

_Job = TypeVar("_Job")
_Found = TypeVar("_Found")


def spread(
    act: Callable[[_Job], _Found], jobs: Sequence[_Job], workers: int, chunk: int = 1
) -> Iterator[_Found]:
    """Give what ``act`` finds for every job, in the jobs' order.

    Parameters
    ----------
    act : callable
        A function of a module, so that another process finds it.
    jobs : sequence
    workers : int
        Processes; below 2 everything is done here.
    chunk : int
        Jobs handed out at once.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If a process is killed: the study stops rather than waits for ever.
    """
    if workers < 2:
        yield from map(act, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(act, jobs, chunksize=chunk)
