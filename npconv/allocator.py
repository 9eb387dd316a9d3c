"""Memory that the C library keeps: otherwise the operating system supplies large arrays page by page."""

import numpy as np

LARGEST = 31 * 2**20  # bytes; the C library's own bound for what it keeps is 32 MiB


def keep_memory() -> None:
    """Free one large array, after which the C library keeps freed memory instead of returning it.

    It changes no result. Where arrays of megabytes come and go, as in a network's forward, requesting memory again
    takes about as long as the arithmetic. Under another C library than glibc it has no effect.

    >>> keep_memory()
    """
    np.ones(LARGEST, np.uint8)
