"""A submission in a process of its own, where npconv cannot be imported: load it, call it, see what that did.

>>> with Submission("def double(x):\\n    return 2 * x\\n") as submission:
...     submission.call("double", [np.array([1.0, 2.0])], {}).value
array([2., 4.])
"""

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from ... import threads
from ...kernels.geometry import Array
from .child import NO_REPLY, REQUEST_BYTES, START_SECONDS, Child, Frame, Limits
from .messages import UnreadableError, check_answer, cleaned, decode, encode, pack, receive

SMALL = 4096  # bytes that every system's pipe takes without waiting for its reader
FROM_THE_CHILD = ("returned", "raised", "exited", "out of memory", "unreadable")
KEPT_VARIABLES = ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # by which libraries are found
TOGETHER = "all its cases together take too long"

Number = Array | int | float | Fraction | None


@dataclass(frozen=True)
class Outcome:
    """The outcome of one call.

    Attributes:
        status: "returned", "raised", "exited" (sys.exit), "timed out", "out of memory", "died" (os._exit, a signal, a
            crash) or "unreadable" (what came back is no number, no array and no tuple of them, or no reply at all).
        value: what was returned: an ndarray, int, float, Fraction, None, or a tuple of these.
        arguments: the arrays after the call, None where they are unknown.
        message: the exception's type and text with the line in the file, the exit status, or what was unreadable.
        printed: what was printed, cut to a limit.
    """

    status: str
    value: Number | tuple[Number, ...] = None
    arguments: tuple[Array | None, ...] | None = None
    message: str = ""
    printed: str = ""


class Submission:
    """A student's file, loaded in a process of its own; a context manager.

    The process starts with the first call, again for another function than the last, which may have left anything
    behind, and again after it died, took too long or sent what is no reply. It is killed on the way out, with all that
    it started, and its folder is removed.
    """

    def __init__(self, source: str, filename: str = "submission.py", *, limits: Limits | None = None) -> None:
        self.source = source
        self.filename = filename
        self.limits = limits or Limits()
        self.names: frozenset[str] = frozenset()
        self.limited_memory = False
        self._loaded: Outcome | None = None  # what loading did last, whether or not that process still lives
        self._process: Child | None = None
        self._called = ""  # the function that was called last in that process
        self._trusted = False

    def __enter__(self) -> "Submission":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, *, deadline: float | None = None) -> Outcome:
        """Run the file's top level, once in each process; what it did.

        Args:
            deadline: a time on time.monotonic's clock at which to give up, where it comes before the limit.

        Raises:
            RuntimeError: Python and NumPy could not be started.
        """
        if self._loaded is not None and (self._process is not None or self._loaded.status != "returned"):
            return self._loaded
        self.names = frozenset()
        header = {"source": self.source, "filename": self.filename}
        outcome, reply = self._ask(header, [], deadline)
        names = reply.get("names")
        if outcome.status == "returned" and isinstance(names, list):
            self.names = frozenset(name for name in names if isinstance(name, str) and name.isidentifier())
        self._loaded = outcome
        return outcome

    def ready(self, name: str) -> Outcome:
        """Load the file for the calls of one function, in a new process if the last one called another or has ended.

        Returns what loading did. Raises RuntimeError where Python and NumPy could not be started.
        """
        foreign = not self._trusted and self._called not in ("", name)
        if self._process is not None and (foreign or self._process.ended()):
            self._drop()
        loaded = self.load()
        if loaded.status == "returned":
            self._called = name
        return loaded

    def call(
        self,
        name: str,
        arrays: Sequence[Array | None],
        options: Mapping[str, Any],
        *,
        deadline: float | None = None,
    ) -> Outcome:
        """Call one function of the file with copies of the arrays.

        Args:
            name: the function's.
            arrays: what it takes by position: arrays of numbers, or None.
            options: what it takes by keyword: numbers, strings, None, or tuples of these.
            deadline: a time on time.monotonic's clock at which to give up, where it comes before the limit; the file's
                top level, where it has to run again, has its own limit.

        Returns:
            What it did; where the file could not be loaded, what loading did.

        Raises:
            ValueError: an array or an option is something else.
            RuntimeError: Python and NumPy could not be started.
        """
        body: list[bytes] = []
        header = {
            "name": name,
            "arrays": [encode(array, body, REQUEST_BYTES) for array in arrays],
            "options": {option: encode(value, [], 0) for option, value in options.items()},
        }
        if deadline is not None and time.monotonic() >= deadline:
            return Outcome("timed out", message=TOGETHER)
        loaded = self.ready(name)
        if loaded.status != "returned":
            return loaded
        return self._ask(header, body, deadline)[0]

    def replace(self, source: str) -> None:
        """Take another source, in the same process and a new module.

        For sources that are trusted: from here on all functions of all sources run in one process.
        """
        self.source = source
        self._trusted = True
        self._loaded = None
        self.names = frozenset()

    def close(self) -> None:
        """Kill the process and remove its folder; a later call starts another."""
        self._drop()

    def _ask(
        self, header: Mapping[str, Any], body: Sequence[bytes], deadline: float | None
    ) -> tuple[Outcome, Mapping[str, Any]]:
        """The outcome of one request, and the reply, if there is one."""
        if self._process is None:
            self._process = process_for(self.limits)
            self.limited_memory = self._process.limited_memory
        nonce = secrets.token_bytes(16)
        end, late = time.monotonic() + self.limits.seconds, f"no answer within {self.limits.seconds:.3g} s"
        if deadline is not None and deadline < end:
            end, late = deadline, TOGETHER
        outcome = None
        reply: dict[str, Any] = {}
        try:
            self._process.send(pack(nonce, header, body))
            reply, arrays = self._process.reply(nonce, end)
            outcome = self._outcome(reply, arrays)
        except TimeoutError:
            outcome = Outcome("timed out", message=late)
        except EOFError:
            outcome = Outcome("died", message=self._process.last_words())
        except UnreadableError as error:
            outcome = Outcome("unreadable", message=str(error))
        finally:
            if outcome is None or outcome.status in ("timed out", "died") or outcome.message == NO_REPLY:
                self._drop()
        return outcome, reply

    def _outcome(self, reply: Mapping[str, Any], body: bytes) -> Outcome:
        """A reply as an outcome; it may be forged, so nothing in it is taken for granted."""
        status, characters = reply.get("status"), self.limits.characters
        message, printed, arguments = reply.get("message"), reply.get("printed"), reply.get("arguments")
        known = isinstance(arguments, list)
        if status not in FROM_THE_CHILD or not isinstance(message, str) or not isinstance(printed, str):
            raise UnreadableError(NO_REPLY)
        value, *after = decode([reply.get("value"), *(arguments if isinstance(arguments, list) else [])], body)
        check_answer(value)
        if not all(a is None or isinstance(a, np.ndarray) for a in after):
            raise UnreadableError(NO_REPLY)
        return Outcome(
            str(status),
            value,
            tuple(after) if known else None,
            cleaned(message, characters),
            cleaned(printed, characters),
        )

    def _drop(self) -> None:
        process, self._process, self._called = self._process, None, ""
        if process is not None:
            process.kill()


def process_for(limits: Limits) -> Child:
    """A process of its own, or in a browser, which has none, a worker of its own."""
    if sys.platform == "emscripten":
        from .sandbox import Sandbox

        return Sandbox(limits)
    return Process(limits)


class Process(Child):
    """One child: it is started, written to, read from and killed."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._folder = tempfile.TemporaryDirectory(prefix="npconv-grade-", ignore_cleanup_errors=True)
        self._replies: queue.Queue[Frame] = queue.Queue(maxsize=2)  # so that a child which floods it has to wait
        try:
            with tempfile.TemporaryFile() as errors:
                self._process = self._started(errors)
                threading.Thread(target=self._read, daemon=True).start()
                try:
                    hello, _ = self.reply(bytes(16), time.monotonic() + START_SECONDS)
                except (TimeoutError, EOFError, UnreadableError):
                    self.kill()
                    errors.seek(0)
                    reason = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
                    raise RuntimeError(f"the process for submissions does not start: {' '.join(reason)}") from None
        except BaseException:
            self._folder.cleanup()
            raise
        self.limited_memory = bool(hello["limited_memory"])

    def _started(self, errors: IO[bytes]) -> "subprocess.Popen[bytes]":
        python = getattr(sys, "_base_executable", sys.executable) if os.name == "nt" else sys.executable
        worker = str(Path(__file__).with_name("worker.py"))
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment |= dict.fromkeys(threads.OF_A_PROCESS, "1")
        environment |= dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), self._folder.name)
        return subprocess.Popen(
            [python, "-I", "-S", "-E", "-B", "-X", "utf8", worker, json.dumps(self.settings())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=self._folder.name,
            env=environment,
            start_new_session=True,
        )

    def send(self, message: bytes) -> None:
        """Write a message, never waiting: a long one goes by a thread, as the child may never read it."""
        if len(message) <= SMALL:
            self._write(message)
        else:
            threading.Thread(target=self._write, args=(message,), daemon=True).start()

    def ended(self) -> bool:
        """True if the child ended by itself."""
        return self._process.poll() is not None

    def last_words(self) -> str:
        """The end of the child in words, when it is gone or no longer answers."""
        try:
            status = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "it closed its connection to the grader"
        if status >= 0:
            return f"its process ended with exit status {status}"
        try:
            return f"its process was ended by the signal {signal.Signals(-status).name}"
        except ValueError:
            return f"its process was ended by the signal {-status}"

    def kill(self) -> None:
        """End the child and all that it started, and remove its folder."""
        if os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        with suppress(queue.Empty):
            while self._replies.get(timeout=1.0) is not None:
                pass
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(OSError, RecursionError):
            self._folder.cleanup()

    def _frame(self, deadline: float) -> Frame:
        try:
            return self._replies.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError from None

    def _write(self, message: bytes) -> None:
        stream = self._process.stdin
        if stream is not None:
            with suppress(OSError, ValueError):  # the child is gone: reading its reply will say so
                stream.write(message)
                stream.flush()

    def _read(self) -> None:
        """Hand over what the child sends, until it sends something that is no message, or no more."""
        stream = self._process.stdout
        frame: Frame
        while stream is not None:
            try:
                frame = receive(stream, 2 * self._limits.returned_bytes)  # the value, and the arguments after the call
            except (UnreadableError, OSError, ValueError, MemoryError):
                frame = UnreadableError(NO_REPLY)
            self._replies.put(frame)
            if not isinstance(frame, tuple):
                break
        self._replies.put(None)
