"""A submission in a web worker of its own, where a browser has no processes.

The page (npconv/site/static/grader.js) starts and ends workers. The grader, which runs in a worker too, talks to the
submission's through memory that both share.
"""

import importlib
import json
import time
from pathlib import Path
from typing import Any

from .child import NO_REPLY, START_SECONDS, Child, Frame, Limits
from .messages import UnreadableError, receive
from .pipe import Pipe

HERE = Path(__file__).parent
FILES = ("worker.py", "messages.py", "pipe.py")  # read by their paths in the worker of a submission
STOPPED = -2  # pipe.js names the reasons for closing a pipe; others are exit statuses


class Sandbox(Child):
    """One worker with Python and NumPy: it is started, written to, read from and ended.

    `start` of the module npconv_page, which grader-worker.js registers, asks the page for it.
    """

    limited_memory = True

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        page: Any = importlib.import_module("npconv_page")
        files = {name: (HERE / name).read_text(encoding="utf-8") for name in FILES}
        self._worker = page.start(json.dumps({"settings": self.settings(), "files": files}))
        self._replies = Pipe(self._worker.replies)
        self._ended = False
        try:
            self.reply(bytes(16), time.monotonic() + START_SECONDS)
        except (TimeoutError, EOFError, UnreadableError):
            self.kill()
            raise RuntimeError("the worker for submissions does not start") from None

    def send(self, message: bytes) -> None:
        """Write a message; a worker that does not read it loses it after a second."""
        self._worker.requests.write(message, 1000)

    def ended(self) -> bool:
        """True if the worker ended by itself."""
        return self._ended

    def last_words(self) -> str:
        """The end of the worker in words."""
        status = self._worker.replies.status
        return f"its process ended with exit status {status}" if status >= 0 else "its process crashed"

    def kill(self) -> None:
        """End the worker."""
        self._worker.end()

    def _frame(self, deadline: float) -> Frame:
        self._replies.deadline = deadline
        try:
            frame = receive(self._replies, 2 * self._limits.returned_bytes)
        except UnreadableError:
            return UnreadableError(NO_REPLY)
        if frame is None and self._worker.replies.status == STOPPED:
            raise KeyboardInterrupt
        self._ended = frame is None
        return frame
