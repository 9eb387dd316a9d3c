"""Memory that is kept: large arrays come from the operating system page by page, unless the C library keeps it."""

import numpy as np

LARGEST = 31 * 2**20  # bytes; the C library's own bound for what it keeps is 32 MiB


def keep_memory() -> None:
    """Free one large array, from when on the C library keeps what arrays give back instead of asking for it anew.

    It changes no result. Where arrays of megabytes come and go, as in a network's forward, asking anew takes about as
    long as the arithmetic. Does nothing where the C library is another than glibc.

    >>> keep_memory()
    """
    np.ones(LARGEST, np.uint8)
