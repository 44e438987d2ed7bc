"""Returns to the system the memory that this process has freed, which other processes can use."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def return_freed_memory() -> None:
    """Return what the C library and Arrow keep for their next allocations.

    Each keeps up to a hundred megabytes while the next stage, or the process that trains, has a use
    for it. It takes milliseconds, and does nothing where the C library is not GNU's.
    """
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))
