"""Returns to the system the memory that this process has freed, which other processes can use."""

from __future__ import annotations

import ctypes
import sys


def return_freed_memory() -> None:
    """Return what the C library and Arrow keep for their next allocations.

    Each keeps up to a hundred megabytes while another process trains. Milliseconds; does nothing
    where the C library isn't GNU's.
    """
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
