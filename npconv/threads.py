"""Threads: a function on the parts of its work, on several cores at once.

NumPy's loops and products release the interpreter's lock, so parts of an array can be computed side by side. The
threads are started once and wait for work; the calling thread takes its share. Parts are fixed by the sizes of arrays,
never by the number of threads, and each writes to a place of its own. So one thread gives the same bits as many, where
matrix products have one thread either way: threads of their own can change their last bits.

By default several threads are used only where they help. OpenBLAS, with which NumPy's wheels multiply matrices, has
threads of its own, and these spin for a tenth of a second after a product on the cores that the parts need. So there
are several where OPENBLAS_THREAD_TIMEOUT ends that soon, or where OpenBLAS has one thread; else there is one. The
environment variable NPCONV_THREADS and `use` choose another number. How to get them is told in docs/speed.md.
"""

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import Context, copy_context
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

# Operations, half a millisecond; of fewer, handing work to a thread takes as much as it gains: 0.05 to 0.15 ms.
WORTH = 3 * 2**20
SHORT = 20  # OPENBLAS_THREAD_TIMEOUT is a power of two of processor cycles: 20 is about 0.4 ms, 16 about 0.03 ms
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
OF_A_PROCESS = (*ONE_THREAD, "NPCONV_THREADS")  # all 1 for processes side by side, which would wait for a core

Part = TypeVar("Part")
Round = tuple[Callable[[Any], Any], Callable[[], Any] | None]


def each(work: Callable[[Part], Any], parts: Iterable[Part], operations: int, most: int | None = None) -> None:
    """Call `work` once with each part, on as many threads as are in use; return when all is done.

    Args:
        work: a function of one part, which shares nothing that it writes with other parts.
        parts: what it is called with; the first ones are begun first.
        operations: about how many numbers are computed in all, a product or a sum each; below `WORTH` nothing is
            handed over.
        most: how many parts may be computed at once, where their memory must be bounded.

    An exception in a part is raised here, once, when no part is being computed any more; parts that have not begun are
    left out then. Floating-point errors are treated as in the calling thread (`np.errstate`). Further calls of `each`
    within a part stay on its thread, until another thread has no more parts: that one then takes some of theirs.

    >>> squares = np.zeros(4)
    >>> def square(i):
    ...     squares[i] = i * i
    >>> each(square, range(4), operations=4)
    >>> squares
    array([0., 1., 4., 9.])
    """
    in_rounds([(work, None)], list(parts), operations, most)


def in_rounds(rounds: Iterable[Round], parts: Sequence[Any], operations: int, most: int | None = None) -> None:
    """`each` several times with the same parts, with threads that are called once.

    A round is a function of one part, and what one thread calls when all parts of the round are done, or None; then
    the next round begins. `operations` are those of one round; the rest is as in `each`.

    >>> numbers = [1.0, 2.0, 3.0]
    >>> def double(i):
    ...     numbers[i] *= 2
    >>> in_rounds([(double, None), (double, numbers.reverse)], range(3), operations=3)
    >>> numbers
    [12.0, 8.0, 4.0]
    """
    helpers = 0 if operations < WORTH else min(count(), len(parts), most or len(parts)) - 1
    if helpers < 1 or (_state.within and _state.order is None):
        for work, then in rounds:
            for part in parts:
                work(part)
            if then is not None:
                then()
        return
    if _state.order is not None:
        _state.order.nest(_Order(rounds, parts, helpers + 1, _state.order.changed))
        return
    errors: dict[str, Any] = {**np.geterr(), "call": np.geterrcall()}
    order = _Order(rounds, parts, helpers + 1)

    def share() -> None:
        before, _state.within = _state.within, True
        try:
            with np.errstate(**errors):
                while (task := order.take()) is not None:
                    of, work, part = task
                    if of is not order:
                        of.guard(work, part)
                        continue
                    _state.order = order
                    work(part)
                    _state.order = None
                    order.done()
        except BaseException:
            order.end()
            raise
        finally:
            _state.within, _state.order = before, None

    shares: list[Future[None]] = [Future() for _ in range(helpers)]
    with _blas:
        try:
            _pool.run(share, shares)
            share()
        finally:
            shares = [future for future in shares if not future.cancel()]
            try:
                wait(shares)
            except BaseException:  # Ctrl-C: parts write into arrays until they end
                wait(shares)
                raise
    while shares:
        shares.pop().result()


def count() -> int:
    """The number of threads that are used for large arrays, the calling one among them."""
    return _chosen or _by_default(*_settings())[0]


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
    number, reason = (_chosen, f"as npconv.threads.use({_chosen}) says") if _chosen else _by_default(*_settings())
    return f"{number} thread{'s' * (number > 1)}, {reason}"


def _settings() -> tuple[str, str, int | None]:
    return os.environ.get("NPCONV_THREADS", ""), os.environ.get("OPENBLAS_THREAD_TIMEOUT", ""), blas_threads()


@cache
def _by_default(wanted: str, timeout: str, own: int | None) -> tuple[int, str]:
    """The number of threads and the reason, from the settings and the cores that this process may use."""
    if wanted.isdecimal() and int(wanted):
        return int(wanted), f"as NPCONV_THREADS={wanted} says"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1:
        return 1, "as there is one core"
    if own == 1:
        return cores, "one for each core, as NumPy's matrix product has one thread"
    if own and timeout.isdecimal() and 0 < int(timeout) <= SHORT:  # OpenBLAS takes 0 for its default
        return cores, f"one for each core, as OPENBLAS_THREAD_TIMEOUT={timeout} ends the spinning of OpenBLAS's threads"
    return (
        1,
        "as the threads of NumPy's matrix product would spin on the other cores (OPENBLAS_THREAD_TIMEOUT=16 helps)",
    )


def blas_threads() -> int | None:
    """The number of threads of NumPy's matrix product outside parts, or None where it can't be found."""
    if functions := _openblas():
        return _blas.before if _blas.users else int(functions[0]())
    return 1 if any(os.environ.get(name) == "1" for name in ONE_THREAD) else None


@cache
def _openblas() -> tuple[Any, Any] | None:
    """OpenBLAS's functions that get and set its number of threads, of the library that NumPy has loaded."""
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        library = ctypes.PyDLL(sys.modules[module].__file__) if module in sys.modules else None
        for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads"):
            if hasattr(library, name.format("get")):
                return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


class _Order:
    """The order in which threads take the parts of rounds, and help with those of orders within a part.

    `most` threads compute parts at once, and `running` do. `nested` are orders within this one's parts, which share its
    condition.
    """

    def __init__(
        self, rounds: Iterable[Round], parts: Sequence[Any], most: int, changed: threading.Condition | None = None
    ) -> None:
        self.rounds, self.parts, self.most = deque(rounds), parts, most
        self.changed = changed or threading.Condition()
        self.todo: deque[Any] = deque(parts if self.rounds else ())
        self.left, self.running = len(self.todo), 0
        self.nested: list[_Order] = []
        self.error: BaseException | None = None
        self.errors: dict[str, Any] = {**np.geterr(), "call": np.geterrcall()}

    def take(self) -> "tuple[_Order, Callable[[Any], Any], Any] | None":
        """The work of this round and a part of it, or of an order within a part; None when all is done.

        Waits for the next round, and for parts of others where it has none.
        """
        with self.changed:
            while self.rounds:
                for order in (self, *self.nested):
                    if order.todo and order.running < order.most:
                        order.running += 1
                        return order, order.rounds[0][0], order.todo.popleft()
                self.changed.wait()
            return None

    def done(self) -> None:
        """A part is done; after the last of a round what follows, and the next round."""
        with self.changed:
            self.left -= 1
            if self.left:
                self._release()
                return
        _, then = self.rounds[0]
        if then is not None:
            then()
        with self.changed:
            self.rounds.popleft()
            self.todo.extend(self.parts if self.rounds else ())
            self.left = len(self.todo)
            self._release()
            self.changed.notify_all()

    def end(self) -> None:
        """Leave out what has not begun."""
        with self.changed:
            self.todo.clear()
            self.rounds.clear()
            self.left = -1
            self.changed.notify_all()

    def nest(self, order: "_Order") -> None:
        """Compute an order within a part of this one, with the threads that have no more parts of this one."""
        _state.order = None
        with self.changed:
            self.nested.append(order)
            self.changed.notify_all()
        try:
            while (task := order.take()) is not None:
                order.guard(*task[1:])
        finally:
            order.end()
            try:
                self._leave(order)
            except BaseException:  # Ctrl-C: parts write into arrays until they end
                self._leave(order)
                raise
            _state.order = self
        if order.error is not None:
            try:
                raise order.error
            finally:
                order.error = None  # whose traceback holds it

    def guard(self, work: Callable[[Any], Any], part: Any) -> None:
        """Compute a part of an order within a part; an exception ends it, and is raised by the thread of that part."""
        try:
            with np.errstate(**self.errors):
                work(part)
                self.done()
        except BaseException as error:
            self.error = self.error or error
            self.end()
            with self.changed:
                self._release()

    def _release(self) -> None:
        """A part less is computed, for which others may wait: as many as may be were, or this was the last."""
        self.running -= 1
        if not self.running or self.running == self.most - 1:
            self.changed.notify_all()

    def _leave(self, order: "_Order") -> None:
        """Wait until no thread computes a part of an order within a part, which no thread takes up any more."""
        with self.changed:
            while order.running:
                self.changed.wait()
            if order in self.nested:
                self.nested.remove(order)


class _State(threading.local):
    within = False  # a part of another call
    order: "_Order | None" = None  # of that call, where other threads may help with calls within the part


class _Blas:
    """One thread for each product while parts are computed: several would wait for one another's second thread."""

    def __init__(self) -> None:
        self.lock, self.users, self.before = threading.RLock(), 0, 1

    def __enter__(self) -> None:
        with self.lock:
            if self.users == 0 and (functions := _openblas()):
                self.before = functions[0]()
                functions[1](1)
            self.users += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.restore()

    def restore(self) -> None:
        """As many threads as before."""
        if functions := _openblas():
            functions[1](self.before)


Task = tuple["Future[None]", Context, Callable[[], None]]


class _Pool:
    """Threads that wait for work, started when first needed.

    They are daemons: those of a ThreadPoolExecutor are gone when functions that `atexit` calls still compute.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.threads: list[threading.Thread] = []
        self.tasks: SimpleQueue[Task | None] = SimpleQueue()

    def run(self, share: Callable[[], None], futures: "list[Future[None]]") -> None:
        """Let a thread for each future call `share`; fewer where no more can be started."""
        with self.lock:
            with suppress(RuntimeError):
                while len(self.threads) < len(futures):
                    thread = threading.Thread(target=_serve, args=(self.tasks,), name="npconv", daemon=True)
                    thread.start()
                    self.threads.append(thread)
            for future, _ in zip(futures, self.threads, strict=False):
                self.tasks.put((future, copy_context(), share))

    def end(self) -> None:
        """End the threads, and wait for those that have nothing to do."""
        with self.lock:
            threads, self.threads = self.threads, []
            for _ in threads:
                self.tasks.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=0.1)


def _serve(tasks: "SimpleQueue[Task | None]") -> None:
    """Do one task after the other, and hold no arrays between them."""
    while task := tasks.get():
        future, context, share = task
        if future.set_running_or_notify_cancel():
            try:
                context.run(share)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)
        del task, future, context, share


def _before_fork() -> None:
    """Python warns of a fork beside threads."""
    _pool.end()


def _after_fork() -> None:
    """Held locks stay behind in the parent, with the threads that hold them."""
    global _pool, _blas, _state
    if _blas.users:
        _blas.restore()
    _pool, _blas, _state = _Pool(), _Blas(), _State()


_chosen: int | None = None
_state, _blas, _pool = _State(), _Blas(), _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
