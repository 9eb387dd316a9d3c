"""Threads: a function on the parts of its work, on several cores at once.

NumPy's loops and products release the interpreter's lock, so parts of an array can be computed side by side. The
threads are started once and wait for work; the calling thread takes its share. Parts are fixed by the sizes of arrays,
never by the number of threads, and each writes to a place of its own, so one thread gives the same bits as many.

By default several threads are used only where they help. OpenBLAS, with which NumPy's wheels multiply matrices, has
threads of its own, and these spin for tens of milliseconds after a product on the cores that the parts need. So there
are several where OPENBLAS_THREAD_TIMEOUT ends that soon, or where OpenBLAS has one thread; else there is one. The
environment variable NPCONV_THREADS and `use` choose another number. How to get them is told in docs/speed.md.
"""

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np

WORTH = 2**20  # operations; handing work to a thread takes 0.03 ms or more, as long as 2**18 of them
SHORT = 20  # OPENBLAS_THREAD_TIMEOUT is a power of two of processor cycles: 2**20 are less than a millisecond
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

Part = TypeVar("Part")


def each(work: Callable[[Part], Any], parts: Iterable[Part], operations: int, most: int | None = None) -> None:
    """Call `work` once with each part, on as many threads as are in use; return when all is done.

    Args:
        work: a function of one part, which shares nothing that it writes with other parts.
        parts: what it is called with; the first ones are begun first.
        operations: about how many numbers are computed in all, a product or a sum each; below `WORTH` nothing is
            handed over.
        most: how many parts may be computed at once, where their memory must be bounded.

    An exception in a part is raised here, once; parts that have not begun are left out then. Floating-point errors are
    treated as in the calling thread (`np.errstate`). Within a part further calls of `each` stay on the part's thread.

    >>> squares = np.zeros(4)
    >>> def square(i):
    ...     squares[i] = i * i
    >>> each(square, range(4), operations=4)
    >>> squares
    array([0., 1., 4., 9.])
    """
    todo = deque(parts)
    helpers = 0 if operations < WORTH or _state.within else min(count(), len(todo), most or len(todo)) - 1
    if helpers < 1:
        for part in todo:
            work(part)
        return
    errors: dict[str, Any] = {**np.geterr(), "call": np.geterrcall()}

    def share() -> None:
        before, _state.within = _state.within, True
        try:
            with np.errstate(**errors):
                while (part := _next(todo)) is not todo:
                    work(part)
        except BaseException:
            todo.clear()
            raise
        finally:
            _state.within = before

    with _blas_on_one_thread():
        started = _pool.start(share, helpers)
        try:
            share()
        finally:
            running = [future for future in started if not future.cancel()]
            wait(running)
    for future in running:
        future.result()


def count() -> int:
    """The number of threads that are used for large arrays, the calling one among them."""
    return _chosen or _by_default()[0]


def use(number: int | None) -> None:
    """Use that many threads from now on, in the whole process; None leaves it to the default.

    Raises TypeError where the number is no int, ValueError where it is below 1.

    >>> use(2)
    >>> count(), report()
    (2, '2 threads, as npconv.threads.use(2) says')
    >>> use(None)
    """
    global _chosen
    if number is None:
        _chosen = None
        return
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"use: number must be an int or None; got {number!r}")
    if number < 1:
        raise ValueError(f"use: number must be 1 or more; got {number}")
    _chosen = int(number)


def report() -> str:
    """The number of threads, and the reason for it, in one line."""
    number, reason = (_chosen, f"as npconv.threads.use({_chosen}) says") if _chosen else _by_default()
    return f"{number} thread{'s' * (number > 1)}, {reason}"


def _by_default() -> tuple[int, str]:
    wanted = os.environ.get("NPCONV_THREADS", "")
    if wanted.isdigit() and int(wanted):
        return int(wanted), f"as NPCONV_THREADS={wanted} says"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1:
        return 1, "as there is one core"
    if (own := blas_threads()) == 1:
        return cores, "one for each core, as NumPy's matrix product has one thread"
    timeout = os.environ.get("OPENBLAS_THREAD_TIMEOUT", "")
    if own and timeout.isdigit() and int(timeout) <= SHORT:
        return cores, f"one for each core, as OPENBLAS_THREAD_TIMEOUT={timeout} ends the spinning of OpenBLAS's threads"
    return (
        1,
        "as the threads of NumPy's matrix product would spin on the other cores (OPENBLAS_THREAD_TIMEOUT=16 helps)",
    )


def blas_threads() -> int | None:
    """The number of threads of NumPy's matrix product, or None where it can't be found."""
    if functions := _openblas():
        return int(functions[0]())
    return 1 if any(os.environ.get(name) == "1" for name in ONE_THREAD) else None


@cache
def _openblas() -> tuple[Any, Any] | None:
    """OpenBLAS's functions that get and set its number of threads, of the library that NumPy has loaded."""
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        library = ctypes.CDLL(sys.modules[module].__file__) if module in sys.modules else None
        for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads"):
            if hasattr(library, name.format("get")):
                return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


@contextmanager
def _blas_on_one_thread() -> Iterator[None]:
    """One thread for each product while parts are computed: several would wait for one another's second thread."""
    functions = _openblas()
    if functions is None:
        yield
        return
    get, put = functions
    with _blas.lock:
        if _blas.users == 0:
            _blas.before = get()
            put(1)
        _blas.users += 1
    try:
        yield
    finally:
        with _blas.lock:
            _blas.users -= 1
            if _blas.users == 0:
                put(_blas.before)


def _next(todo: "deque[Part]") -> Any:
    """The next part, or the empty deque itself."""
    try:
        return todo.popleft()
    except IndexError:
        return todo


class _State(threading.local):
    within = False  # a part of another call


class _Blas:
    """The parts' hold on OpenBLAS's number of threads."""

    def __init__(self) -> None:
        self.lock, self.users, self.before = threading.Lock(), 0, 1


class _Pool:
    """The threads, started when first needed; a forked process starts its own."""

    def __init__(self) -> None:
        self.lock, self.size = threading.Lock(), 0
        self.executor: ThreadPoolExecutor | None = None

    def start(self, share: Callable[[], None], helpers: int) -> list[Any]:
        """Futures of `share`; none where the interpreter is about to end."""
        with self.lock:
            if self.executor is None or self.size < helpers:
                if self.executor:
                    self.executor.shutdown(wait=False)
                self.executor, self.size = ThreadPoolExecutor(helpers, "npconv"), helpers
            try:
                return [self.executor.submit(share) for _ in range(helpers)]
            except RuntimeError:
                return []


def _after_fork() -> None:
    """Threads and held locks stay behind in the parent."""
    global _pool, _blas, _state
    if _blas.users and (functions := _openblas()):
        functions[1](_blas.before)
    _pool, _blas, _state = _Pool(), _Blas(), _State()


_chosen: int | None = None
_state, _blas, _pool = _State(), _Blas(), _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
