"""A stream over the memory that two workers of a page share.

The worker of a submission cannot import npconv and reads this file by its path: it needs the standard library alone.
"""

import time
from typing import Any


class Pipe:
    """One direction between two workers, as a stream of bytes; `end` is JavaScript's, from npconv/site/static/pipe.js.

    `deadline` is a time on time.monotonic's clock at which a read gives up with TimeoutError, where it is not None.
    """

    def __init__(self, end: Any) -> None:
        self.deadline: float | None = None
        self._end = end
        self._bytes = bytearray()

    def read(self, count: int) -> bytes:
        """The next bytes, fewer where the pipe is closed."""
        while len(self._bytes) < count:
            if self.deadline is None:
                part = self._end.read()
            else:
                part = self._end.read(max(0.0, 1000 * (self.deadline - time.monotonic())))
            if part is None:
                raise TimeoutError
            part = part.to_bytes()
            if not part:
                break
            self._bytes += part
        found = bytes(self._bytes[:count])
        del self._bytes[:count]
        return found

    def write(self, data: bytes) -> None:
        """Send bytes; none where the pipe is closed."""
        self._end.write(data)

    def flush(self) -> None:
        """Nothing: what is written has been sent."""
