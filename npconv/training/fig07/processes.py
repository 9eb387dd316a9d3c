"""Runs in processes side by side, each with one thread; an error in one stops all, and no process is left behind."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from ... import threads

GLANCE = 0.5  # seconds between two looks at how far other processes are

Key = TypeVar("Key")
Run = Callable[..., dict[str, Any]]
"""A run that can be sent to another process; called with progress=, a function of the number of steps done."""


def counter(steps: Any, then: Callable[[], None]) -> Callable[[int], None]:
    """A run's progress, counted into steps[0], those done, and steps[1], those made now and not in an earlier run."""
    last = 0

    def count(done: int) -> None:
        nonlocal last
        steps[0] += done - last  # the first time all those of its checkpoint too
        steps[1] += 1
        last = done
        then()

    return count


def side_by_side(
    runs: Mapping[Key, Run], processes: int, tell: Callable[[int, int], None], function: str = "run_fig07"
) -> Generator[tuple[Key, dict[str, Any]], None, None]:
    """Runs in processes of their own: the name and the result of each, as it ends.

    An error anywhere stops all others at their next step. `tell` is called twice a second with the steps that are done,
    and with those of them that were made now. `function` begins the error for a process that was killed.
    """
    context = get_context("spawn")
    stop, steps = context.Event(), context.Array("q", 2)
    with (
        _environment(dict.fromkeys(threads.OF_A_PROCESS, "1")),  # for the processes to come, one a core
        ProcessPoolExecutor(processes, mp_context=context, initializer=_share, initargs=(stop, steps)) as pool,
    ):
        with _deaf():  # the processes inherit it: Ctrl-C reaches them too, and the first one sets the event
            jobs = {pool.submit(_shared_run, run): key for key, run in runs.items()}
        try:
            while jobs:
                for job in wait(jobs, timeout=GLANCE, return_when=FIRST_COMPLETED).done:
                    yield jobs.pop(job), job.result()
                tell(*steps[:])
        except BrokenExecutor as error:
            raise OSError(f"{function}: a process was killed; another call continues from what is done") from error
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore Ctrl-C for a while, if this is the thread that receives it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_shared: Any = None
"""In a process of `side_by_side`: the event that stops it, and the counts of steps."""


def _share(stop: Any, steps: Any) -> None:
    global _shared
    _shared = stop, steps
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the first process ends: if it was killed, nobody sets the event, and nobody waits for the results."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # files are written whole, at whatever moment


def _shared_run(run: Run) -> dict[str, Any]:
    stop, steps = _shared

    def end_if_stopped() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    count = counter(steps, end_if_stopped)

    def progress(done: int) -> None:
        with steps.get_lock():
            count(done)

    return run(progress=progress)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
