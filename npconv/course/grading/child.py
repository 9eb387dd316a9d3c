"""A submission's process as the grader sees it, whether the system has processes or a browser has workers."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .messages import UnreadableError

START_SECONDS = 60.0  # for Python and NumPy to start in, on a slow disk
REQUEST_BYTES = 1 << 31
NO_REPLY = "something else than a reply"

Frame = tuple[bytes, bytes, bytes] | UnreadableError | None  # None where the child sends no more


@dataclass(frozen=True)
class Limits:
    """The limits of a submission.

    Attributes:
        seconds: for one call, and for the top level of the file.
        total_seconds: of processor time, for one process (POSIX); one whose grader is gone ends by it.
        memory_bytes: beyond what Python and NumPy take (Linux).
        returned_bytes: of the arrays that one call returns.
        characters: of what it prints, and of a message.

    Raises ValueError where the time or the memory is not above 0 and within a day and 2⁵⁰ bytes.
    """

    seconds: float = 5.0
    total_seconds: float = 600.0
    memory_bytes: int = 1 << 30
    returned_bytes: int = 1 << 26
    characters: int = 2000

    def __post_init__(self) -> None:
        for name, most in (("seconds", 86_400), ("total_seconds", 86_400), ("memory_bytes", 1 << 50)):
            if not 0 < getattr(self, name) <= most:
                raise ValueError(f"Limits: {name} must be above 0 and at most {most}; got {getattr(self, name)!r}")

    @property
    def seconds_for_all(self) -> float:
        """The seconds that all calls of one function may take together.

        >>> Limits(seconds=5.0).seconds_for_all, Limits(seconds=30.0).seconds_for_all
        (20.0, 120.0)
        """
        return max(20.0, 4 * self.seconds)


class Child:
    """The grader's end of the process of a submission: what its settings are, and how its replies are read.

    A kind of process gives `send`, `ended`, `last_words`, `kill`, and `_frame`, the next message from it.
    """

    limited_memory = False

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def settings(self) -> dict[str, Any]:
        """The settings that worker.py takes."""
        limits = self._limits
        return {
            "numpy": str(Path(np.__file__).resolve().parent),
            "total_seconds": limits.total_seconds,
            "memory_bytes": limits.memory_bytes,
            "returned_bytes": limits.returned_bytes,
            "request_bytes": REQUEST_BYTES,
            "characters": limits.characters,
        }

    def send(self, message: bytes) -> None:
        """Write a message, never waiting."""
        raise NotImplementedError

    def reply(self, nonce: bytes, deadline: float) -> tuple[dict[str, Any], bytes]:
        """The reply to the request with this nonce: its header, and the bytes of its arrays.

        Raises TimeoutError, EOFError where the child is gone, UnreadableError where something else comes.
        """
        while True:
            frame = self._frame(deadline)
            if frame is None:
                raise EOFError
            if isinstance(frame, UnreadableError):
                raise frame
            if frame[0] == nonce:
                break
            if time.monotonic() > deadline:  # others may come without end: forged ones, or a second one to a request
                raise TimeoutError
        try:
            header = json.loads(frame[1])
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            raise UnreadableError(NO_REPLY)
        return header, frame[2]

    def ended(self) -> bool:
        """True if the child ended by itself."""
        raise NotImplementedError

    def last_words(self) -> str:
        """The end of the child in words, when it is gone or no longer answers."""
        raise NotImplementedError

    def kill(self) -> None:
        """End the child."""
        raise NotImplementedError

    def _frame(self, deadline: float) -> Frame:
        """The next message, waited for until the deadline; then TimeoutError."""
        raise NotImplementedError
